// With the primary dead and a standby promoted behind Meridian's back, automation activated a third
// site, and so made a second primary.
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

}  // namespace
}  // namespace meridian::failover
