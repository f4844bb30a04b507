// The stories of the contract, as they are told there.
#include "drill.h"

namespace meridian::failover {
namespace {

TEST(Story, APartitionOf43SecondsWithLagAboveZeroDoesNotPromote) {
  Policy policy = ThreeSites();
  policy.max_lag = 0s;
  Drill drill(policy);
  drill.Pass(10s);
  drill.Kill("atlanta");
  drill.Follow("dallas", 2s, false);
  drill.Follow("san-jose", 3s, false);
  for (int second = 0; second < 43; ++second) {
    drill.Pass(1s);
    EXPECT_EQ(drill.active(), "atlanta");
  }
  EXPECT_EQ(drill.state(), State::kBlocked);
  drill.Revive("atlanta");
  drill.Claim("atlanta", 1);
  drill.Pass(1s);
  EXPECT_EQ(drill.state(), State::kNormal);
  EXPECT_EQ(drill.epoch(), 1u);
}

TEST(Story, ForcedAnywayFailbackStaysBlockedUntilReconciled) {
  Policy policy = ThreeSites();
  policy.max_lag = 0s;
  policy.failback = topology::FailbackMode::kAutomatic;
  policy.hold = 1s;
  Drill drill(policy);
  drill.Pass(10s);
  drill.Kill("atlanta");
  drill.Follow("dallas", 2s, false);
  drill.Follow("san-jose", 3s, false);
  drill.Pass(20s);
  EXPECT_EQ(drill.controller->Assess("dallas")->lag_at_risk, Duration(2s));
  ASSERT_TRUE(drill.controller->Failover({"dallas", true, "ops"}));
  drill.Claim("dallas", 2);
  drill.Revive("atlanta");
  drill.Follow("atlanta", std::nullopt, false);
  drill.Pass(10min);
  EXPECT_EQ(drill.state(), State::kReconciling);
  EXPECT_FALSE(drill.controller->Failback("ops"));
  drill.Follow("atlanta", 0s);
  drill.Pass(1s);
  EXPECT_EQ(drill.state(), State::kReady);
  ASSERT_TRUE(drill.controller->Failback("ops"));
  drill.Pass(1s);
  drill.Drain("dallas");
  drill.Pass(2s);
  EXPECT_EQ(drill.active(), "atlanta");
  EXPECT_EQ(drill.epoch(), 3u);
}

TEST(Story, TheOldPrimaryReturnsWritableAndItsEpochIsRefused) {
  Drill drill;
  drill.FailOver();
  drill.controller->TakeEvents();
  drill.Revive("atlanta");
  drill.Claim("atlanta", 1);
  drill.Pass(1h);
  EXPECT_EQ(drill.state(), State::kSplitBrain);
  EXPECT_EQ(drill.controller->direction().site, "dallas");
  EXPECT_EQ(drill.controller->direction().epoch, 2u);
  EXPECT_FALSE(drill.controller->TakesReads("atlanta"));
  EXPECT_TRUE(drill.HasEvent(EventKind::kAlarm));
}

TEST(Story, AnIsolatedStandbyNeverServesWrites) {
  Policy policy = ThreeSites();
  policy.reads = topology::Reads::kNearest;
  Drill drill(policy);
  drill.Pass(5s);
  // dallas sees nobody: its source is gone, Meridian still reaches it.
  drill.Follow("dallas", 1s, false);
  for (int second = 1; second < 600; ++second) {
    drill.places["dallas"].status.lag = second * 1s;
    drill.Pass(1s);
    ASSERT_EQ(drill.controller->direction().site, "atlanta");
  }
  EXPECT_FALSE(drill.controller->TakesReads("dallas"));
  EXPECT_EQ(drill.controller->GetStatus().sites[1].channel.alarm, ChannelAlarm::kClosed);
  // Then Meridian loses it as well, and later the primary dies: it is still not chosen.
  drill.places["dallas"].verdict = Verdict::kDown;
  drill.places["dallas"].tells = false;
  drill.Pass(10s);
  drill.Kill("atlanta");
  drill.Pass(20s);
  EXPECT_EQ(drill.active(), "san-jose");
}

TEST(Story, MeridianItselfIsIsolatedAndMovesNothing) {
  Drill drill;
  drill.Pass(5s);
  for (auto& [name, place] : drill.places) {
    place.verdict = Verdict::kDown;
    place.tells = false;
  }
  drill.Pass(10min);
  EXPECT_EQ(drill.active(), "atlanta");
  EXPECT_EQ(drill.epoch(), 1u);
  EXPECT_EQ(drill.state(), State::kBlocked);
}

TEST(Story, EverySiteFailsItsChecksAndNoStandbyIsWrittenTo) {
  Drill drill;
  drill.Pass(5s);
  drill.Kill("atlanta");
  drill.places["dallas"].verdict = drill.places["san-jose"].verdict = Verdict::kDown;
  drill.Pass(10min);
  EXPECT_EQ(drill.state(), State::kBlocked);
  EXPECT_EQ(drill.controller->direction().site, "atlanta");
}

TEST(Story, AFreshStartWithADeadPrimaryChoosesNoUnprobedStandby) {
  Drill drill;
  drill.Kill("atlanta");
  drill.places["dallas"].verdict = Verdict::kUnknown;
  drill.Follow("dallas", 0s, false);
  drill.places["san-jose"].verdict = Verdict::kUnknown;
  drill.Pass(1min);
  EXPECT_EQ(drill.active(), "atlanta");
  drill.places["san-jose"].verdict = Verdict::kUp;
  drill.Pass(1s);
  EXPECT_EQ(drill.active(), "san-jose");
}

}  // namespace
}  // namespace meridian::failover
