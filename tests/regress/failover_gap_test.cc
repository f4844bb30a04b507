// After a gap in watching (a suspended machine, a disk that did not answer) the time that had
// passed counted as time for which the active site was dead: the first fresh status of a standby,
// heard before the active site could be checked again, moved the role.
#include "unit/failover/drill.h"

namespace meridian::failover {
namespace {

TEST(FailoverAfterAGap, ConfirmsDeathAnew) {
  Drill drill;
  drill.Pass(2s);
  drill.Kill("atlanta");
  drill.Pass(1s);
  drill.clock.Advance(1min);
  drill.Pass(1s);  // the standbys have answered; atlanta's check has not
  EXPECT_EQ(drill.active(), "atlanta");
  drill.Revive("atlanta");
  drill.Claim("atlanta", 1);
  drill.Pass(1min);
  EXPECT_EQ(drill.epoch(), 1u);
  EXPECT_EQ(drill.state(), State::kNormal);
}

TEST(FailoverAfterAGap, ConfirmsDeathAnewWhenBlockedTooAndThenMoves) {
  Drill drill;
  drill.Pass(2s);
  drill.Kill("atlanta");
  drill.Follow("dallas", std::nullopt, false);
  drill.Follow("san-jose", std::nullopt, false);
  drill.Pass(10s);
  ASSERT_EQ(drill.state(), State::kBlocked);
  drill.Follow("dallas", 1s, false);
  drill.clock.Advance(1min);
  drill.Pass(4s);
  EXPECT_EQ(drill.active(), "atlanta");
  drill.Pass(2s);
  EXPECT_EQ(drill.active(), "dallas");
}

}  // namespace
}  // namespace meridian::failover
