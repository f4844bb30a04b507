// Disaster recovery in virtual time: controllers over modelled checks and replication.
#include "unit/simulate/playing.h"

namespace meridian::simulate {
namespace {

using std::chrono::seconds;

constexpr std::string_view kBilling = R"(
geo: {default: {latitude: 10, longitude: 0}}
health_checks: {ready: {type: tcp, interval: 1s, fast_interval: 500ms, timeout: 500ms, rise: 2, fall: 3}}
regions:
  west:
    sites:
      a: {latitude: 10, longitude: 0, services: {billing: ["10.9.1.1:80"]}}
      b: {latitude: 10, longitude: 20, services: {billing: ["10.9.2.1:80"]}}
  east:
    sites:
      c: {latitude: 10, longitude: 60, services: {billing: ["10.9.3.1:80"]}}
services:
  billing:
    mode: disaster-recovery
    primary: a
    standby: [b, c]
    health_check: ready
    panic: reject
    replication: {check: {type: http, port: 8008, path: /r, interval: 1s}, max_lag: 10s}
    failover: {after: 3s, switch_hold: 4s}
listeners: {l: {bind: "0.0.0.0:80", protocol: tcp, service: billing}}
)";

Report PlayBilling(const std::string& steps, uint64_t seed = 1) {
  return Play(kBilling,
              "duration: 3m\nload: [{service: billing, clients: 10.1.0.0/16, rate: 1, session: "
              "60s}]\nsteps:\n" +
                  steps,
              seed);
}

TEST(Recovery, TheFirstStandbyTakesOverWhenThePrimaryDies) {
  const Report report = PlayBilling(R"(
  - {at: 1s, lag: {b: 1s}}
  - {at: 10s, down: a}
  - {at: 25s, expect: [{service: billing, active: b, state: failed-over, epoch: 2, at_risk: 1s}]}
  - {at: 30s, expect: [{service: billing, site: b, share: 100%, sessions: 50-62}]}
)");
  ASSERT_EQ(report.moves.size(), 1u);
  const failover::Timeline& line = report.moves[0].timeline;
  EXPECT_GE(line.decided->monotonic - line.detected->monotonic, seconds(3));
  EXPECT_EQ(line.cause, failover::Cause::kAutomatic);
  Find(report, "refused: no candidate answers");
}

TEST(Recovery, AStandbyTooFarBehindIsPassedOver) {
  PlayBilling(R"(
  - {at: 1s, lag: {b: 11s, c: 5s}}
  - {at: 10s, down: a}
  - {at: 25s, expect: [{service: billing, active: c, state: failed-over, at_risk: 5s}]}
)");
}

TEST(Recovery, LagThatGrowsClosesTheGate) {
  PlayBilling(R"(
  - {at: 1s, lag_growth: {b: 0.5, c: 0.5}}
  - {at: 60s, down: a}
  - {at: 90s, expect: [{service: billing, active: a, state: blocked, epoch: 1}]}
  - {at: 100s, up: a}
  - {at: 110s, expect: [{service: billing, active: a, state: normal, epoch: 1}]}
)");
}

// The standbys still receive from it: the fault is on the path.
TEST(Recovery, APrimaryThatMeridianAloneCannotReachStaysActive) {
  const Report report = PlayBilling(R"(
  - {at: 10s, partition: [meridian, a]}
  - {at: 60s, expect: [{service: billing, active: a, state: normal, epoch: 1, sessions: 0}]}
  - {at: 70s, heal: [meridian, a]}
  - {at: 90s, expect: [{service: billing, active: a, state: normal, epoch: 1}]}
)");
  EXPECT_TRUE(report.moves.empty());
  EXPECT_GT(report.services.at(0).refusals(), 0u);
}

TEST(Recovery, StandbysCutFromThePrimaryFallBehind) {
  PlayBilling(R"(
  - {at: 10s, partition: [a, b]}
  - {at: 10s, partition: [a, c]}
  - {at: 40s, down: a}
  - {at: 60s, expect: [{service: billing, active: a, state: blocked}]}
  - {at: 61s, failover: {service: billing, to: c, force: true}}
  - {at: 65s, expect: [{service: billing, active: c, epoch: 2, at_risk: 29s-31s}]}
)");
}

TEST(Recovery, APlannedMoveHoldsDrainsAndLosesNothing) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const Report report = PlayBilling(R"(
  - {at: 1s, lag: {b: 2s}}
  - {at: 20s, failover: {service: billing, to: b}}
  - {at: 21s, expect: [{service: billing, state: switching, active: a}]}
  - {at: 30s, expect: [{service: billing, active: b, epoch: 2, at_risk: 0s, refused: 0, lost: 0}]}
  - {at: 40s, expect: [{service: billing, site: b, sessions: 55-62}]}
)",
                                      seed);
    EXPECT_GT(report.services.at(0).held, 0u);
    EXPECT_LE(report.services.at(0).longest_wait, seconds(5));
  }
}

TEST(Recovery, OrdersThatTheRulesForbidAreRefusedAndTold) {
  const Report report = PlayBilling(R"(
  - {at: 5s, lag: {b: 30s}}
  - {at: 10s, failover: {service: billing, to: b}}
  - {at: 12s, failback: billing}
  - {at: 20s, expect: [{service: billing, active: a, state: normal, epoch: 1}]}
)");
  Find(report, "billing: the failover: refused: ");
  Find(report, "billing: the operator orders the failback: refused: ");
}

TEST(Recovery, WithAutomationOffNothingMovesByItself) {
  PlayBilling(R"(
  - {at: 5s, automation: off}
  - {at: 10s, down: a}
  - {at: 60s, expect: [{service: billing, active: a, state: blocked, epoch: 1}]}
  - {at: 61s, automation: on billing}
  - {at: 62s, expect: [{service: billing, state: blocked}]}
  - {at: 63s, automation: on}
  - {at: 65s, expect: [{service: billing, active: b, state: failed-over, epoch: 2}]}
)");
}

TEST(Recovery, WhatIfTellsWhenAStandbyWouldTakeOverAndWhatThatRisks) {
  const Answer answer = WhatIf(ConfigOf(kBilling), {.down = {"a"}, .lag = {{"b", seconds(2)}}});
  ASSERT_TRUE(answer.report);
  EXPECT_TRUE(answer.report->holds());
  ASSERT_EQ(answer.report->recoveries.size(), 1u);
  const RecoveryOutlook& outlook = answer.report->recoveries[0];
  EXPECT_EQ(outlook.active_before, "a");
  EXPECT_EQ(outlook.active_after, "b");
  EXPECT_EQ(outlook.lag_at_risk, seconds(2));
  EXPECT_EQ(outlook.why, "first in order") << "what ages may hide is no difference";
  ASSERT_TRUE(outlook.moved_after);
  EXPECT_GE(*outlook.moved_after, seconds(4));
  EXPECT_LE(*outlook.moved_after, seconds(8));
  ASSERT_EQ(outlook.gates.size(), 2u);
  EXPECT_TRUE(outlook.gates[0].starts_with("b would open: lag 2s of 10s")) << outlook.gates[0];
  for (const Placement& placement : answer.report->placements) {
    EXPECT_EQ(placement.before, "a");
    EXPECT_EQ(placement.after, "b");
  }
}

TEST(Recovery, WhatIfTellsOfTheFresherStandby) {
  const Answer answer = WhatIf(ConfigOf(kBilling), {.down = {"a"}, .lag = {{"b", seconds(4)}}});
  ASSERT_TRUE(answer.report);
  const RecoveryOutlook& outlook = answer.report->recoveries.at(0);
  EXPECT_EQ(outlook.active_after, "c");
  EXPECT_EQ(outlook.why, "its lag is 0s, that of b 4s");
  EXPECT_NE(Describe(*answer.report, false).find("(its lag is 0s, that of b 4s)"),
            std::string::npos);
}

TEST(Recovery, WhatIfSaysThatNothingWouldTakeOver) {
  const Answer answer =
      WhatIf(ConfigOf(kBilling),
             {.down = {"a", "c"}, .lag = {{"b", seconds(45)}}, .sessions = uint64_t{10}});
  ASSERT_TRUE(answer.report);
  EXPECT_FALSE(answer.report->holds());
  const RecoveryOutlook& outlook = answer.report->recoveries.at(0);
  EXPECT_EQ(outlook.state, "blocked");
  EXPECT_FALSE(outlook.moved_after);
  EXPECT_TRUE(outlook.gates.at(0).starts_with("b stays closed: lag 45s, limit 10s"))
      << outlook.gates.at(0);
  EXPECT_NE(Describe(*answer.report, false).find("BLOCKED"), std::string::npos);
}

TEST(Recovery, WhatIfOfAStandbyMovesNobody) {
  const Answer answer = WhatIf(ConfigOf(kBilling), {.down = {"b"}});
  ASSERT_TRUE(answer.report);
  EXPECT_TRUE(answer.report->holds());
  EXPECT_EQ(answer.report->recoveries.at(0).active_after, "a");
  EXPECT_EQ(answer.report->recoveries.at(0).state, "normal");
}

}  // namespace
}  // namespace meridian::simulate
