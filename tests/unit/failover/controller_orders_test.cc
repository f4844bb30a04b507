// Operators' orders: by hand, forced, planned, back again; and what automation then leaves alone.
#include "drill.h"

namespace meridian::failover {
namespace {

// A planned move: the old site drained, then a status of the new one with lag 0.
void CatchUp(Drill& drill, const std::string& from) {
  drill.Pass(500ms);
  drill.Drain(from);
  drill.Pass(1500ms);
}

TEST(Orders, AFailoverOfAHealthySiteIsPlannedAndHoldsNewSessions) {
  Drill drill;
  drill.Pass(1s);
  ASSERT_TRUE(drill.controller->Failover({"dallas", false, "ops"}));
  EXPECT_EQ(drill.state(), State::kSwitching);
  const Direction held = drill.controller->direction();
  EXPECT_EQ(held.traffic, Traffic::kHold);
  EXPECT_EQ(held.site, "atlanta");
  EXPECT_EQ(held.until - drill.clock.Now(), Duration(5s));
  EXPECT_EQ(held.close_at - drill.clock.Now(), Duration(2500ms));
  CatchUp(drill, "atlanta");
  EXPECT_EQ(drill.state(), State::kReconciling) << "atlanta is healthy, and its role not yet known";
  const Direction opened = drill.controller->direction();
  EXPECT_EQ(opened.traffic, Traffic::kRoute);
  EXPECT_EQ(opened.site, "dallas");
  EXPECT_EQ(opened.epoch, 2u);
  EXPECT_TRUE(drill.controller->record().is_operator_choice);
  EXPECT_TRUE(drill.controller->timelines().back().drained);
}

TEST(Orders, ASwitchGoesBackWhenTheOldSiteDoesNotDrain) {
  Drill drill;
  drill.Pass(1s);
  ASSERT_TRUE(drill.controller->Failover({"dallas", false, "ops"}));
  TrafficReport busy;
  busy.version = drill.controller->direction().version;
  busy.open_sessions = 1;
  ASSERT_TRUE(drill.controller->Report("atlanta", busy));
  drill.controller->TakeEvents();
  drill.Pass(5s);
  EXPECT_EQ(drill.state(), State::kNormal);
  EXPECT_EQ(drill.epoch(), 1u);
  EXPECT_TRUE(drill.HasEvent(EventKind::kSwitchAborted));
  EXPECT_EQ(drill.controller->direction().traffic, Traffic::kRoute);
}

TEST(Orders, ASwitchGoesBackWhenTheNewSiteDoesNotCatchUp) {
  Drill drill;
  drill.Follow("dallas", 1s);
  drill.Pass(1s);
  ASSERT_TRUE(drill.controller->Failover({"dallas", false, "ops"}));
  CatchUp(drill, "atlanta");
  EXPECT_EQ(drill.state(), State::kSwitching);
  drill.controller->TakeEvents();
  drill.Pass(4s);
  EXPECT_EQ(drill.state(), State::kNormal);
  EXPECT_TRUE(drill.HasEvent(EventKind::kSwitchAborted));
}

TEST(Orders, ASwitchIsNotFooledByAnEmptyReportFromBeforeIt) {
  Drill drill;
  drill.Pass(1s);
  drill.Drain("atlanta");
  ASSERT_TRUE(drill.controller->Failover({"dallas", false, "ops"}));
  drill.Pass(3s);
  EXPECT_EQ(drill.state(), State::kSwitching);
}

TEST(Orders, ASwitchIsGivenUpWhenTheActiveSiteFails) {
  Drill drill;
  drill.Pass(1s);
  ASSERT_TRUE(drill.controller->Failover({"dallas", false, "ops"}));
  drill.Kill("atlanta");
  drill.Pass(100ms);
  EXPECT_EQ(drill.state(), State::kNormal);
  drill.Pass(8s);
  EXPECT_EQ(drill.active(), "dallas");
}

TEST(Orders, AClosedGateNeedsForceAndTheRiskIsToldFirst) {
  Drill drill;
  drill.Follow("dallas", 41s, false);
  drill.Follow("san-jose", std::nullopt, false);
  drill.places["dallas"].status.backlog_bytes = 12 << 20;
  drill.Pass(1s);
  drill.Kill("atlanta");
  drill.Pass(10s);
  const Assessment risk = *drill.controller->Assess("dallas");
  EXPECT_TRUE(risk.needs_force);
  EXPECT_EQ(risk.lag_at_risk, Duration(41s));
  EXPECT_EQ(risk.bytes_at_risk, uint64_t{12} << 20);
  EXPECT_EQ(risk.text,
            "at risk: acknowledged writes of the last 41s, 12.0 MiB of backlog; dallas stays "
            "closed: lag 41s, limit 30s");
  EXPECT_EQ(drill.controller->Assess("san-jose")->lag_at_risk, std::nullopt);
  EXPECT_EQ(drill.controller->Failover({"dallas", false, "ops"}).error().code,
            ErrorCode::kConflict);
  EXPECT_EQ(drill.controller->Failover({"", false, "ops"}).error().code, ErrorCode::kConflict);
  ASSERT_TRUE(drill.controller->Failover({"dallas", true, "ops"}));
  EXPECT_EQ(drill.active(), "dallas");
  EXPECT_EQ(drill.controller->record().cause, Cause::kForced);
}

TEST(Orders, AFailoverOfADeadSiteDoesNotWaitForTheConfirmedTime) {
  Drill drill;
  drill.Pass(2s);
  drill.Kill("atlanta");
  drill.Pass(3s);
  ASSERT_EQ(drill.active(), "atlanta");
  ASSERT_TRUE(drill.controller->Failover({"", false, "ops"}));
  EXPECT_EQ(drill.active(), "dallas");
  EXPECT_EQ(drill.controller->record().cause, Cause::kOperator);
}

TEST(Orders, AnUnreachableSiteIsLeftOnlyWithForce) {
  Drill drill;
  drill.Pass(2s);
  drill.places["atlanta"].verdict = Verdict::kDown;
  drill.places["atlanta"].tells = false;
  drill.Pass(10s);
  EXPECT_FALSE(drill.controller->Failover({"dallas", false, "ops"}));
  EXPECT_TRUE(drill.controller->Failover({"dallas", true, "ops"}));
}

TEST(Orders, ForceOnTheActiveSiteGivesItANewEpoch) {
  Drill drill;
  drill.Pass(1s);
  ASSERT_TRUE(drill.controller->Failover({"atlanta", true, "ops"}));
  EXPECT_EQ(drill.state(), State::kNormal);
  EXPECT_EQ(drill.epoch(), 2u);
  EXPECT_FALSE(drill.controller->record().is_operator_choice);
}

TEST(Orders, NothingMovesAwayFromAnOperatorsChoiceByItself) {
  Policy policy = ThreeSites();
  policy.failback = topology::FailbackMode::kAutomatic;
  policy.hold = 10s;
  policy.cooldown = 1s;
  Drill drill(policy);
  drill.Pass(1s);
  ASSERT_TRUE(drill.controller->Failover({"dallas", true, "ops"}));
  drill.Claim("dallas", 2);
  drill.Follow("atlanta", 0s);
  drill.Pass(5min);
  EXPECT_EQ(drill.state(), State::kReady);
  drill.Restart();
  drill.Kill("dallas");
  drill.Pass(5min);
  EXPECT_EQ(drill.state(), State::kBlocked);
  EXPECT_EQ(drill.active(), "dallas");
  ASSERT_TRUE(drill.controller->Release("ops"));
  EXPECT_EQ(drill.active(), "atlanta");
}

TEST(Orders, AnAcknowledgementDoesNotReleaseAnOperatorsChoice) {
  Drill drill;
  ASSERT_TRUE(drill.controller->Failover({"dallas", true, "ops"}));
  ASSERT_TRUE(drill.controller->Acknowledge("ops"));
  EXPECT_TRUE(drill.controller->record().is_operator_choice);
}

TEST(Orders, FailbackIsRefusedBeforeReconciliation) {
  Drill drill;
  EXPECT_FALSE(drill.controller->Failback("ops"));
  drill.FailOver();
  EXPECT_FALSE(drill.controller->Failback("ops"));
  drill.Revive("atlanta");
  drill.Follow("atlanta", 31s);
  drill.Pass(2s);
  EXPECT_EQ(drill.state(), State::kReconciling);
  EXPECT_FALSE(drill.controller->Failback("ops"));
  EXPECT_FALSE(drill.controller->Failover({"atlanta", false, "ops"}));
  EXPECT_FALSE(drill.controller->Failover({"atlanta", true, "ops"}));
  EXPECT_EQ(drill.active(), "dallas");
  EXPECT_EQ(drill.controller->Foresee().text,
            "ready to fail back when atlanta follows dallas: its lag is 31s, limit 30s");
}

TEST(Orders, FailbackIsPlannedAndEndsInNormal) {
  Drill drill;
  drill.FailOver();
  drill.Reconcile();
  drill.Pass(1h);
  EXPECT_EQ(drill.state(), State::kReady);
  ASSERT_TRUE(drill.controller->Failback("ops"));
  CatchUp(drill, "dallas");
  EXPECT_EQ(drill.state(), State::kNormal);
  EXPECT_EQ(drill.active(), "atlanta");
  EXPECT_EQ(drill.epoch(), 3u);
  EXPECT_FALSE(drill.controller->record().is_operator_choice);
}

TEST(Orders, AutomaticFailbackWaitsForHoldAndCooldown) {
  Policy policy = ThreeSites();
  policy.failback = topology::FailbackMode::kAutomatic;
  policy.hold = 10min;
  policy.cooldown = 15min;
  Drill drill(policy);
  drill.FailOver();
  drill.Reconcile();
  drill.Pass(14min);
  EXPECT_EQ(drill.state(), State::kReady);
  for (int i = 0; i < 200 && drill.state() == State::kReady; ++i) drill.Pass(1s);
  EXPECT_EQ(drill.state(), State::kSwitching);
  CatchUp(drill, "dallas");
  EXPECT_EQ(drill.state(), State::kNormal);
  EXPECT_EQ(drill.controller->record().cause, Cause::kFailback);
}

TEST(Orders, TheKillSwitchEndsAnAutomaticFailbackUnderWay) {
  Policy policy = ThreeSites();
  policy.failback = topology::FailbackMode::kAutomatic;
  policy.hold = 5s;
  policy.cooldown = 5s;
  Drill drill(policy);
  drill.FailOver();
  drill.Reconcile();
  drill.Pass(5s);
  ASSERT_EQ(drill.state(), State::kSwitching);
  ASSERT_TRUE(drill.controller->SetAutomation(AutomationScope::kAll, false, "ops"));
  EXPECT_EQ(drill.state(), State::kReady);
  CatchUp(drill, "dallas");
  drill.Pass(1min);
  EXPECT_EQ(drill.active(), "dallas");
}

TEST(Orders, HoldBeginsAgainWhenThePrimaryFallsBehind) {
  Policy policy = ThreeSites();
  policy.failback = topology::FailbackMode::kAutomatic;
  policy.hold = 1min;
  policy.cooldown = 1s;
  Drill drill(policy);
  drill.FailOver();
  drill.Reconcile();
  for (int i = 0; i < 5; ++i) {
    drill.Pass(50s);
    drill.Follow("atlanta", 31s);
    drill.Pass(1s);
    EXPECT_EQ(drill.state(), State::kReconciling);
    drill.Follow("atlanta", 0s);
    drill.Pass(1s);
  }
  EXPECT_EQ(drill.state(), State::kReady);
}

TEST(Orders, ReconciledByItsOwnWordIsEnoughUnlessItClaimsTheRole) {
  Drill drill;
  drill.FailOver();
  drill.Revive("atlanta");
  drill.Follow("atlanta", std::nullopt);
  drill.places["atlanta"].status.role = Role::kUnknown;
  drill.Pass(2s);
  EXPECT_EQ(drill.state(), State::kReconciling);
  drill.places["atlanta"].status.reconciled = true;
  drill.Pass(1s);
  EXPECT_EQ(drill.state(), State::kReady);
  drill.places["atlanta"].verdict = Verdict::kDown;
  drill.Pass(100ms);
  EXPECT_EQ(drill.state(), State::kFailedOver);
}

TEST(Orders, NothingChangesWhenTheRecordCannotBeWritten) {
  Drill drill;
  drill.Pass(1s);
  const Record before = drill.controller->record();
  drill.storage.FailStep(fakes::MemoryStorage::Step::kWrite, 100);
  EXPECT_EQ(drill.controller->Failover({"dallas", true, "ops"}).error().code, ErrorCode::kIo);
  EXPECT_EQ(drill.controller->SetAutomation(AutomationScope::kAll, false, "ops").error().code,
            ErrorCode::kIo);
  EXPECT_EQ(drill.controller->record(), before);
  EXPECT_EQ(drill.state(), State::kNormal);
  EXPECT_EQ(drill.controller->direction().traffic, Traffic::kRoute);
}

TEST(Orders, AreRefusedWhenTheyMakeNoSense) {
  Drill drill;
  drill.Pass(1s);
  EXPECT_EQ(drill.controller->Failover({"paris", true, "ops"}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(drill.controller->Failover({"atlanta", false, "ops"}).error().code,
            ErrorCode::kConflict);
  ASSERT_TRUE(drill.controller->Failover({"dallas", false, "ops"}));
  EXPECT_EQ(drill.controller->Failover({"san-jose", true, "ops"}).error().code,
            ErrorCode::kConflict);
  EXPECT_EQ(drill.controller->Reconfigure(ThreeSites()).error().code, ErrorCode::kConflict);
  EXPECT_EQ(drill.controller->Assess("paris").error().code, ErrorCode::kNotFound);
}

TEST(Orders, APlannedMoveLeavesTheOldSiteTimeToChangeItsRole) {
  Drill drill;
  drill.Pass(1s);
  ASSERT_TRUE(drill.controller->Failover({"dallas", false, "ops"}));
  CatchUp(drill, "atlanta");
  ASSERT_EQ(drill.active(), "dallas");
  drill.Claim("dallas", 2);
  drill.Pass(5s);
  EXPECT_NE(drill.state(), State::kSplitBrain);
  drill.Follow("atlanta", 0s);
  drill.Pass(30s);
  EXPECT_EQ(drill.state(), State::kReady);
}

}  // namespace
}  // namespace meridian::failover
