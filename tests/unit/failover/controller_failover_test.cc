// Automatic failover: when it happens, when it must not, and what it leaves behind.
#include "drill.h"

namespace meridian::failover {
namespace {

TEST(Failover, StartsOnThePrimaryUnderEpochOne) {
  Drill drill;
  EXPECT_EQ(drill.state(), State::kNormal);
  EXPECT_EQ(drill.active(), "atlanta");
  EXPECT_EQ(drill.controller->direction().epoch, 1u);
  EXPECT_EQ(drill.on_disk(), drill.controller->record());
}

TEST(Failover, MovesToTheFirstStandbyThatQualifiesAfterTheConfirmedTime) {
  Drill drill;
  drill.Pass(2s);
  drill.Kill("atlanta");
  drill.Pass(100ms);
  drill.Pass(4900ms);
  EXPECT_EQ(drill.active(), "atlanta");
  drill.Pass(100ms);
  EXPECT_EQ(drill.active(), "dallas");
  EXPECT_EQ(drill.epoch(), 2u);
  EXPECT_EQ(drill.on_disk().active, "dallas");
  EXPECT_EQ(drill.on_disk().epoch, 2u);
  EXPECT_EQ(drill.controller->record().cause, Cause::kAutomatic);
}

TEST(Failover, PassesOverAStandbyWhoseLagIsTooLarge) {
  Drill drill;
  drill.Follow("dallas", 31s);
  drill.Pass(2s);
  drill.Kill("atlanta");
  drill.Pass(7s);
  EXPECT_EQ(drill.active(), "san-jose");
}

// What san-jose has and dallas has not was acknowledged.
struct FreshestStandby : testing::Test {
  void Kill(uint64_t dallas, uint64_t san_jose) {
    drill.places["dallas"].status.position_bytes = dallas;
    drill.places["san-jose"].status.position_bytes = san_jose;
    drill.Pass(2s);
    drill.Kill("atlanta");
  }
  std::string MoveText() {
    for (const Event& event : drill.controller->TakeEvents()) {
      if (event.kind == EventKind::kMoved) return event.text;
    }
    return "";
  }
  Drill drill;
};

TEST_F(FreshestStandby, TakesOverBeforeOneThatComesFirstInOrder) {
  Kill(1000, 4072);
  EXPECT_TRUE(drill.controller->Foresee().text.starts_with(
      "if atlanta dies, after 5s, dallas takes over (first in order, unless another is ahead "
      "then); "));
  drill.Pass(2s);
  const Outlook outlook = drill.controller->Foresee();
  EXPECT_EQ(outlook.would_activate, "san-jose");
  EXPECT_EQ(outlook.would_activate_why, "3.0 KiB ahead of dallas");
  EXPECT_NE(outlook.text.find("san-jose takes over (3.0 KiB ahead of dallas); "),
            std::string::npos);
  EXPECT_TRUE(
      drill.controller->Assess("dallas")->text.ends_with("san-jose is 3.0 KiB ahead of it"));
  drill.Pass(4s);
  EXPECT_EQ(drill.active(), "san-jose");
  EXPECT_EQ(drill.controller->timelines().back().why, "3.0 KiB ahead of dallas");
  EXPECT_EQ(MoveText(),
            "billing: san-jose is active, epoch 2 (automatic): 3.0 KiB ahead of dallas");
}

TEST_F(FreshestStandby, IsNotTheOneWhoseGateIsClosed) {
  drill.Follow("san-jose", 31s);
  Kill(1000, 4072);
  drill.Pass(7s);
  EXPECT_EQ(drill.active(), "dallas");
  EXPECT_EQ(drill.controller->timelines().back().why, "");
}

TEST_F(FreshestStandby, IsChosenByAnOrderThatNamesNoSiteToo) {
  Kill(1000, 4072);
  drill.Pass(2s);
  ASSERT_TRUE(drill.controller->Failover({"", false, "ops"}));
  EXPECT_EQ(drill.active(), "san-jose");
  EXPECT_EQ(drill.controller->timelines().back().why, "3.0 KiB ahead of dallas");
}

struct ShortFailover : FreshestStandby {
  ShortFailover() : FreshestStandby() {
    Policy policy = ThreeSites();
    policy.after = 100ms;
    EXPECT_TRUE(drill.controller->Reconfigure(policy));
  }
};

TEST_F(ShortFailover, WaitsForOneThatHasNotToldSinceTheFailure) {
  Kill(1000, 4072);
  drill.Pass(1s);  // statuses of before the failure, then those of after it
  EXPECT_EQ(drill.active(), "san-jose");
  EXPECT_FALSE(drill.HasEvent(EventKind::kApproval));
}

TEST_F(ShortFailover, WaitsNoLongerThanAStatusIsFresh) {
  drill.places["dallas"].status.position_bytes = 9000;
  drill.Pass(1900ms);
  drill.places["dallas"].tells = false;
  Kill(9000, 4072);
  drill.Pass(500ms);
  EXPECT_EQ(drill.active(), "san-jose");
}

TEST(Failover, IsBlockedWhenLagIsUnknownAndGoesOnWhenAStandbyQualifies) {
  Drill drill;
  drill.Follow("dallas", std::nullopt);
  drill.Follow("san-jose", 40s);
  drill.Pass(2s);
  drill.Kill("atlanta");
  drill.Pass(60s);
  EXPECT_EQ(drill.state(), State::kBlocked);
  EXPECT_EQ(drill.active(), "atlanta");
  drill.Follow("san-jose", 29s, false);
  drill.Pass(1s);
  EXPECT_EQ(drill.active(), "san-jose");
  EXPECT_EQ(drill.state(), State::kFailedOver);
}

TEST(Failover, IsBlockedWhenStatusIsStale) {
  Drill drill;
  drill.Pass(2s);
  drill.places["dallas"].tells = drill.places["san-jose"].tells = false;
  drill.Pass(4s);
  drill.Kill("atlanta");
  drill.Pass(60s);
  EXPECT_EQ(drill.state(), State::kBlocked);
  EXPECT_TRUE(drill.controller->Foresee().gates[0].Has(Obstacle::kStale));
}

TEST(Failover, IsBlockedWhenTheBacklogIsTooLargeOrUnknown) {
  Policy policy = ThreeSites();
  policy.max_backlog = 1000;
  Drill drill(policy);
  drill.places["dallas"].status.backlog_bytes = 1001;
  drill.Pass(2s);
  drill.Kill("atlanta");
  drill.Pass(20s);
  EXPECT_EQ(drill.state(), State::kBlocked);
  drill.places["dallas"].status.backlog_bytes = 1000;
  drill.Pass(1s);
  EXPECT_EQ(drill.active(), "dallas");
}

TEST(Failover, ReturnsToNormalWhenThePrimaryReturnsWhileBlocked) {
  Drill drill;
  drill.Follow("dallas", 40s);
  drill.Follow("san-jose", 40s);
  drill.Pass(2s);
  drill.Kill("atlanta");
  drill.Pass(20s);
  ASSERT_EQ(drill.state(), State::kBlocked);
  drill.Revive("atlanta");
  drill.Pass(100ms);
  EXPECT_EQ(drill.state(), State::kNormal);
  EXPECT_EQ(drill.epoch(), 1u);
}

TEST(Failover, NeverMovesWhileAStandbyStillReceivesFromTheActiveSite) {
  Drill drill;
  drill.Pass(2s);
  drill.places["atlanta"].verdict = Verdict::kDown;
  drill.places["atlanta"].tells = false;
  drill.Pass(10min);
  EXPECT_EQ(drill.state(), State::kNormal);
  const Outlook outlook = drill.controller->Foresee();
  EXPECT_EQ(outlook.life, Life::kUnreachable);
  EXPECT_EQ(outlook.witnesses, (std::vector<std::string>{"dallas", "san-jose"}));
  EXPECT_EQ(outlook.text,
            "atlanta does not answer, but dallas still receives from it: it stays active");
}

TEST(Failover, CountsFromTheLastWitness) {
  Drill drill;
  drill.Pass(2s);
  drill.places["atlanta"].verdict = Verdict::kDown;
  drill.places["atlanta"].tells = false;
  drill.Pass(20s);
  drill.Kill("atlanta");
  drill.Pass(4s);
  EXPECT_EQ(drill.active(), "atlanta");
  drill.Pass(3s);
  EXPECT_EQ(drill.active(), "dallas");
}

TEST(Failover, NeverMovesOnAFlapFasterThanAfter) {
  Drill drill;
  for (int flap = 0; flap < 50; ++flap) {
    drill.Kill("atlanta");
    drill.Pass(4900ms);
    drill.Revive("atlanta");
    drill.Pass(100ms);
  }
  EXPECT_EQ(drill.epoch(), 1u);
  EXPECT_EQ(drill.state(), State::kNormal);
}

TEST(Failover, NeverChoosesAStandbyThatWasNotProbed) {
  Drill drill;
  drill.places["dallas"].verdict = drill.places["san-jose"].verdict = Verdict::kUnknown;
  drill.Kill("atlanta");
  drill.Pass(30s);
  EXPECT_EQ(drill.state(), State::kBlocked);
  EXPECT_TRUE(drill.controller->Foresee().gates[0].Has(Obstacle::kHealthUnknown));
}

TEST(Failover, LeavesAnActiveSiteThatAnOperatorTookOut) {
  Drill drill;
  drill.Pass(1s);
  drill.Kill("atlanta");
  drill.places["atlanta"].verdict = Verdict::kOut;
  drill.Pass(60s);
  EXPECT_EQ(drill.state(), State::kNormal);
}

TEST(Failover, NeverHappensWhenThePolicyIsManual) {
  Policy policy = ThreeSites();
  policy.automatic = false;
  Drill drill(policy);
  drill.Pass(2s);
  drill.Kill("atlanta");
  drill.Pass(60s);
  EXPECT_EQ(drill.state(), State::kBlocked);
  EXPECT_EQ(drill.controller->Foresee().hindrances, std::vector{Hindrance::kNotAutomatic});
}

TEST(Failover, IsStoppedByEitherKillSwitchUntilBothAreOn) {
  for (const AutomationScope scope : {AutomationScope::kService, AutomationScope::kAll}) {
    Drill drill;
    ASSERT_TRUE(drill.controller->SetAutomation(scope, false, "ops"));
    drill.Restart();
    drill.Pass(2s);
    drill.Kill("atlanta");
    drill.Pass(60s);
    EXPECT_EQ(drill.state(), State::kBlocked);
    ASSERT_TRUE(drill.controller->SetAutomation(scope, true, "ops"));
    EXPECT_EQ(drill.active(), "dallas");
  }
}

TEST(Failover, WaitsForTheCooldownUnlessAcknowledged) {
  Drill drill;
  drill.FailOver();
  drill.Kill("dallas");
  drill.Pass(20s);
  EXPECT_EQ(drill.state(), State::kBlocked);
  EXPECT_EQ(drill.controller->Foresee().hindrances, std::vector{Hindrance::kCooldown});
  EXPECT_GT(*drill.controller->Foresee().due_in, Duration(59min));
  ASSERT_TRUE(drill.controller->Acknowledge("ops"));
  EXPECT_EQ(drill.active(), "san-jose");
  EXPECT_EQ(drill.epoch(), 3u);
}

TEST(Failover, MovesAgainWhenTheCooldownHasPassed) {
  Policy policy = ThreeSites();
  policy.cooldown = 60s;
  Drill drill(policy);
  drill.FailOver();
  drill.Kill("dallas");
  drill.Pass(40s);
  EXPECT_EQ(drill.active(), "dallas");
  drill.Pass(30s);
  EXPECT_EQ(drill.active(), "san-jose");
}

TEST(Failover, RecordsTheTimelineOfTheMove) {
  Drill drill;
  drill.Pass(2s);
  drill.Kill("atlanta");
  const MonotonicTime detected = drill.clock.Now() + 100ms;
  TrafficReport lost;
  lost.requests_lost = 12;
  drill.Pass(1s);
  ASSERT_TRUE(drill.controller->Report("atlanta", lost));
  drill.Pass(6s);
  TrafficReport moved;
  moved.version = drill.controller->direction().version;
  moved.sessions_moved = 40;
  moved.has_success = true;
  ASSERT_TRUE(drill.controller->Report("dallas", moved));
  drill.Pass(1s);
  drill.Drain("atlanta");
  ASSERT_EQ(drill.controller->timelines().size(), 1u);
  const Timeline& move = drill.controller->timelines().back();
  EXPECT_EQ(move.from, "atlanta");
  EXPECT_EQ(move.to, "dallas");
  EXPECT_EQ(move.epoch, 2u);
  EXPECT_EQ(move.requests_lost, 12u);
  EXPECT_EQ(move.sessions_moved, 40u);
  ASSERT_TRUE(move.first_error && move.detected && move.decided && move.persisted &&
              move.first_success && move.drained);
  EXPECT_EQ(move.detected->monotonic, detected);
  EXPECT_EQ(move.decided->monotonic, detected + 5s);
  EXPECT_LE(move.first_error->monotonic, move.detected->monotonic);
  EXPECT_LT(move.persisted->monotonic, move.first_success->monotonic);
  EXPECT_EQ(move.drained->monotonic - move.first_success->monotonic, Duration(1s));
}

TEST(Failover, ChoosesThePrimaryAgainWhenItFollowsAndTheActiveDies) {
  Drill drill;
  drill.FailOver();
  drill.Reconcile();
  ASSERT_TRUE(drill.controller->Acknowledge("ops"));
  drill.Kill("dallas");
  drill.Pass(7s);
  EXPECT_EQ(drill.active(), "atlanta");
  EXPECT_EQ(drill.state(), State::kNormal);
}

TEST(Failover, TellsWhatWouldHappenNextWithNumbers) {
  Drill drill;
  drill.Follow("dallas", 40s);
  drill.Pass(2s);
  const Outlook outlook = drill.controller->Foresee();
  EXPECT_EQ(outlook.life, Life::kAlive);
  EXPECT_EQ(outlook.would_activate, "san-jose");
  EXPECT_EQ(outlook.text,
            "if atlanta dies, after 5s, san-jose takes over; dallas stays closed: lag 40s, limit "
            "30s; san-jose would open: lag 0s of 30s");
  drill.Kill("atlanta");
  drill.Pass(4s);
  EXPECT_EQ(drill.controller->Foresee().life, Life::kDead);
  EXPECT_LE(*drill.controller->Foresee().due_in, Duration(5s));
}

TEST(Failover, GivesReadsOnlyToSitesCloseBehind) {
  Policy policy = ThreeSites();
  policy.reads = topology::Reads::kNearest;
  Drill drill(policy);
  drill.Follow("san-jose", 31s);
  drill.Pass(2s);
  EXPECT_TRUE(drill.controller->TakesReads("atlanta"));
  EXPECT_TRUE(drill.controller->TakesReads("dallas"));
  EXPECT_FALSE(drill.controller->TakesReads("san-jose"));
  EXPECT_FALSE(drill.controller->TakesReads("nowhere"));
  EXPECT_EQ(drill.controller->GetStatus().redundancy, 1);
}

TEST(Failover, IsNotMovedByJumpsOfTheWallClock) {
  Policy policy = ThreeSites();
  policy.failback = topology::FailbackMode::kAutomatic;
  Drill drill(policy);
  drill.FailOver();
  drill.Reconcile();
  drill.clock.SetWall(drill.clock.WallNow() + std::chrono::hours(24 * 365));
  drill.Pass(1s);
  EXPECT_EQ(drill.state(), State::kReady);
  EXPECT_GT(drill.controller->GetStatus().cooldown_left, Duration(59min));
  drill.clock.SetWall(drill.clock.WallNow() - std::chrono::hours(24 * 700));
  drill.Pass(1s);
  EXPECT_EQ(drill.state(), State::kReady);
  EXPECT_LT(drill.controller->GetStatus().cooldown_left, Duration(1h));
}

TEST(Failover, RefusesAPolicyThatCannotBe) {
  fakes::ManualClock clock;
  fakes::MemoryStorage storage;
  Policy none = ThreeSites(), twice = ThreeSites();
  none.standby.clear();
  twice.standby.push_back("atlanta");
  EXPECT_EQ(Controller::Open("db", none, storage, clock).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(Controller::Open("db", twice, storage, clock).error().code, ErrorCode::kInvalid);
  Drill drill;
  EXPECT_EQ(drill.controller->Observe("paris", {}).error().code, ErrorCode::kNotFound);
}

TEST(Failover, KeepsABoundedNumberOfEvents) {
  Drill drill;
  for (int i = 0; i < 400; ++i) {
    ASSERT_TRUE(drill.controller->SetAutomation(AutomationScope::kService, i % 2 == 0, "ops"));
  }
  EXPECT_EQ(drill.controller->TakeEvents().size(), kMaxEvents);
  EXPECT_GT(drill.controller->dropped_events(), 0u);
  EXPECT_TRUE(drill.controller->TakeEvents().empty());
}

TEST(Failover, FollowsAReloadThatMakesTheActiveSiteThePrimary) {
  Drill drill;
  drill.FailOver();
  Policy policy = ThreeSites();
  policy.primary = "dallas";
  policy.standby = {"atlanta", "san-jose"};
  ASSERT_TRUE(drill.controller->Reconfigure(policy));
  EXPECT_EQ(drill.state(), State::kNormal);
  EXPECT_EQ(drill.active(), "dallas");
  EXPECT_EQ(drill.epoch(), 2u);
  policy.primary = "atlanta";
  policy.standby = {"san-jose"};
  EXPECT_EQ(drill.controller->Reconfigure(policy).error().code, ErrorCode::kConflict);
}

}  // namespace
}  // namespace meridian::failover
