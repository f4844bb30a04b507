// Two sites that claim the primary role, and epochs as fencing tokens.
#include "drill.h"

namespace meridian::failover {
namespace {

// The old primary returns and still claims the role, under the epoch it knew.
void ReturnWritable(Drill& drill) {
  drill.FailOver();
  drill.Revive("atlanta");
  drill.Claim("atlanta", 1);
  drill.Pass(1s);
}

TEST(SplitBrain, FreezesOnTheHigherEpochWhenTheOldPrimaryReturnsWritable) {
  Drill drill;
  ReturnWritable(drill);
  EXPECT_EQ(drill.state(), State::kSplitBrain);
  EXPECT_EQ(drill.active(), "dallas");
  EXPECT_EQ(drill.epoch(), 2u);
  EXPECT_EQ(drill.controller->GetStatus().claims, std::vector<std::string>{"atlanta"});
  EXPECT_EQ(drill.controller->direction().site, "dallas");
  EXPECT_EQ(drill.controller->direction().traffic, Traffic::kRoute);
  EXPECT_FALSE(drill.controller->TakesReads("atlanta"));
  EXPECT_EQ(drill.on_disk().state, State::kSplitBrain);
}

TEST(SplitBrain, NeverMovesByItself) {
  Drill drill;
  ReturnWritable(drill);
  drill.Kill("dallas");
  drill.Pass(2h);
  EXPECT_EQ(drill.state(), State::kSplitBrain);
  EXPECT_EQ(drill.active(), "dallas");
}

TEST(SplitBrain, EndsWhenOneSideStepsDown) {
  Drill drill;
  ReturnWritable(drill);
  drill.Follow("atlanta", 40s);
  drill.Pass(1s);
  EXPECT_EQ(drill.state(), State::kReconciling);
  EXPECT_EQ(drill.on_disk().state, State::kFailedOver);
  EXPECT_TRUE(drill.on_disk().claims.empty());
}

TEST(SplitBrain, DoesNotEndWhenOneSideFallsSilentEvenOverARestart) {
  Drill drill;
  ReturnWritable(drill);
  drill.Kill("atlanta");
  drill.Pass(1min);
  EXPECT_EQ(drill.state(), State::kSplitBrain);
  drill.Restart();
  EXPECT_EQ(drill.state(), State::kSplitBrain);
  drill.Pass(1min);
  EXPECT_EQ(drill.state(), State::kSplitBrain);
  EXPECT_EQ(drill.active(), "dallas");
}

TEST(SplitBrain, IsResolvedByAnOperatorWhoNamesAClaimantWithForce) {
  Drill drill;
  ReturnWritable(drill);
  EXPECT_FALSE(drill.controller->Failover({"dallas", false, "ops"}));
  EXPECT_FALSE(drill.controller->Failover({"", true, "ops"}));
  EXPECT_FALSE(drill.controller->Failover({"san-jose", true, "ops"}));
  EXPECT_FALSE(drill.controller->Failback("ops"));
  ASSERT_TRUE(drill.controller->Failover({"dallas", true, "ops"}));
  EXPECT_EQ(drill.epoch(), 3u);
  drill.Claim("dallas", 3);
  drill.Pass(10s);
  EXPECT_EQ(drill.state(), State::kReconciling) << "the refused claim does not freeze it again";
  EXPECT_TRUE(drill.controller->GetStatus().sites[0].is_claim_refused);
  EXPECT_FALSE(drill.controller->Failback("ops"));
  drill.Follow("atlanta", 0s);
  drill.Pass(1s);
  EXPECT_EQ(drill.state(), State::kReady);
  EXPECT_TRUE(drill.controller->record().refused_claims.empty());
}

TEST(SplitBrain, CanBeResolvedForTheReturnedPrimary) {
  Drill drill;
  ReturnWritable(drill);
  ASSERT_TRUE(drill.controller->Failover({"atlanta", true, "ops"}));
  EXPECT_EQ(drill.active(), "atlanta");
  EXPECT_EQ(drill.state(), State::kNormal);
  EXPECT_EQ(drill.epoch(), 3u);
  drill.Pass(10s);
  EXPECT_EQ(drill.state(), State::kNormal);
}

TEST(SplitBrain, FreezesInNormalWhenAStandbyIsPromotedBehindItsBack) {
  Drill drill;
  drill.Pass(1s);
  drill.Claim("dallas", 1);
  drill.Pass(1s);
  EXPECT_EQ(drill.state(), State::kSplitBrain);
  EXPECT_EQ(drill.active(), "atlanta");
}

TEST(SplitBrain, FollowsAClaimAboveTheRecordedEpoch) {
  Drill drill;
  drill.Pass(1s);
  drill.Claim("dallas", 9);
  drill.Pass(1s);
  EXPECT_EQ(drill.state(), State::kSplitBrain);
  EXPECT_EQ(drill.active(), "dallas");
  EXPECT_EQ(drill.epoch(), 9u);
  EXPECT_EQ(drill.controller->record().cause, Cause::kHigherEpoch);
  EXPECT_EQ(drill.on_disk().active, "dallas");
}

TEST(SplitBrain, RefusesTrafficWhereAHigherClaimMeetsAnOperatorsChoice) {
  Drill drill;
  drill.Pass(1s);
  ASSERT_TRUE(drill.controller->Failover({"dallas", true, "ops"}));
  drill.Claim("san-jose", 9);
  drill.Pass(1s);
  EXPECT_EQ(drill.state(), State::kSplitBrain);
  EXPECT_EQ(drill.active(), "dallas");
  EXPECT_EQ(drill.controller->direction().traffic, Traffic::kRefuse);
  drill.Kill("san-jose");
  drill.Pass(1min);
  EXPECT_EQ(drill.controller->direction().traffic, Traffic::kRefuse) << "silence withdraws nothing";
  ASSERT_TRUE(drill.controller->Failover({"dallas", true, "ops"}));
  EXPECT_EQ(drill.epoch(), 10u) << "above every epoch that was announced";
  EXPECT_EQ(drill.controller->direction().traffic, Traffic::kRoute);
}

TEST(Epoch, OfAFollowerAboveTheRecordIsPassedByTheNextMove) {
  Drill drill;
  drill.places["san-jose"].status.epoch = 20;
  drill.FailOver();
  EXPECT_EQ(drill.epoch(), 21u);
}

TEST(Epoch, OfACutOffStandbyClosesItsGate) {
  Drill drill;
  drill.FailOver();
  drill.places["san-jose"].status.epoch = 1;
  ASSERT_TRUE(drill.controller->Acknowledge("ops"));
  drill.Kill("dallas");
  drill.Pass(1min);
  EXPECT_EQ(drill.state(), State::kBlocked);
  EXPECT_TRUE(drill.controller->Foresee().gates[1].Has(Obstacle::kOlderEpoch));
}

TEST(Epoch, ThatGoesBackAtTheActiveSiteStopsItsTraffic) {
  Drill drill;
  drill.FailOver();
  drill.Claim("dallas", 1);
  drill.Pass(1s);
  EXPECT_EQ(drill.controller->direction().traffic, Traffic::kRefuse);
  drill.Claim("dallas", 2);
  drill.Pass(1s);
  EXPECT_EQ(drill.controller->direction().traffic, Traffic::kRoute);
}

TEST(Epoch, ThatCannotBeIsIgnored) {
  Drill drill;
  drill.places["san-jose"].status.epoch = UINT64_MAX;
  drill.FailOver();
  EXPECT_EQ(drill.epoch(), 2u);
}

}  // namespace
}  // namespace meridian::failover
