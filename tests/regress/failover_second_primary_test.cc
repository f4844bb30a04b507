// With the primary dead and a standby promoted behind Meridian's back, automation activated a third
// site, and so made a second primary. A planned switch, said to lose nothing, went to a site that
// followed the promoted one.
#include "unit/failover/drill.h"

namespace meridian::failover {
namespace {

TEST(FailoverBesideAClaim, IsLeftToAnOperator) {
  Drill drill;
  drill.Pass(2s);
  drill.Kill("atlanta");
  drill.Pass(4s);  // until nobody takes the dead one's last word for a claim
  drill.Claim("dallas", 0);
  drill.Pass(1min);
  EXPECT_EQ(drill.active(), "atlanta");
  EXPECT_EQ(drill.state(), State::kBlocked);
  EXPECT_EQ(drill.controller->Foresee().hindrances, std::vector{Hindrance::kOtherClaims});
  // Silence is no answer.
  drill.places["dallas"].tells = false;
  drill.Pass(1min);
  EXPECT_EQ(drill.active(), "atlanta");
  ASSERT_TRUE(drill.controller->Failover({"dallas", true, "ops"}));
  EXPECT_EQ(drill.active(), "dallas");
}

TEST(FailoverBesideAClaim, GoesOnWhenTheClaimIsWithdrawn) {
  Drill drill;
  drill.Pass(2s);
  drill.Kill("atlanta");
  drill.Pass(4s);  // until nobody takes the dead one's last word for a claim
  drill.Claim("dallas", 0);
  drill.Pass(1min);
  drill.Follow("dallas", 1s, false);
  drill.Pass(2s);
  EXPECT_EQ(drill.active(), "dallas");
}

// atlanta is up, and nothing is heard of its replication.
class PlannedBesideAClaim : public testing::Test {
 protected:
  void SetUp() override {
    drill_.Pass(2s);
    drill_.places["atlanta"].tells = false;
    drill_.Pass(4s);
  }
  Drill drill_;
};

TEST_F(PlannedBesideAClaim, NeedsForce) {
  drill_.Claim("dallas", 0);
  drill_.Pass(2s);
  ASSERT_EQ(drill_.state(), State::kNormal);
  EXPECT_EQ(drill_.controller->Failover({"san-jose", false, "ops"}).error().code,
            ErrorCode::kConflict);
  EXPECT_TRUE(drill_.controller->Failover({"san-jose", true, "ops"}));
}

TEST_F(PlannedBesideAClaim, IsGivenUp) {
  ASSERT_TRUE(drill_.controller->Failover({"san-jose", false, "ops"}));
  ASSERT_EQ(drill_.state(), State::kSwitching);
  drill_.Claim("dallas", 0);
  drill_.Pass(1s);
  EXPECT_EQ(drill_.state(), State::kNormal);
  EXPECT_TRUE(drill_.HasEvent(EventKind::kSwitchAborted));
}

}  // namespace
}  // namespace meridian::failover
