// Scenarios played: when failures are found out, where sessions go, what is lost.
#include "unit/simulate/playing.h"

#include <algorithm>
#include <set>
#include <sstream>

#include <meridian/base/text_table.h>

namespace meridian::simulate {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Run, TheLoadIsThereFromTheStartAndStays) {
  const Report report = Play(kThreeSites, R"(
duration: 2m
load: [{service: web, clients: 10.1.0.0/16, rate: 2, session: 30s}]
steps:
  - {at: 1s, expect: [{site: a, sessions: 57-63}]}
  - {at: 45s, expect: [{site: a, sessions: 57-63}]}
  - {at: 2m, expect: [{site: a, sessions: 57-63, share: 100%}, {service: web, refused: 0, lost: 0}]}
)");
  EXPECT_EQ(report.expectations, 4u);
  EXPECT_NEAR(static_cast<double>(report.sites[0].at_start), 60, 2);
  EXPECT_EQ(report.services.at(0).moved, 0u);
}

TEST(Run, TheSameSeedGivesTheSameReport) {
  constexpr std::string_view kScenario = R"(
duration: 1m
load: [{service: web, latitude: 9, longitude: 3, rate: 3, session: 20s}]
steps: [{at: 20s, down: a}, {at: 40s, up: a}]
)";
  const std::string first = Describe(Play(kThreeSites, kScenario, 7), false);
  EXPECT_EQ(first, Describe(Play(kThreeSites, kScenario, 7), false));
  EXPECT_NE(first, Describe(Play(kThreeSites, kScenario, 8), false));
}

// Nobody asks, so that only the checks can know: at most an interval (2 s, and a tenth) until the
// first question in vain, then three timeouts of 1 s, the next questions following at once.
TEST(Run, WithoutTrafficASilentSiteIsFoundDownByItsChecksInTheirTime) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const Report report = Play(kThreeSites, "duration: 20s\nsteps: [{at: 5s, down: a}]", seed);
    const Moment down = Find(report, "a is down for web");
    EXPECT_GE(down.at, seconds(5 + 3)) << "seed " << seed;
    EXPECT_LE(down.at, seconds(5) + milliseconds(2200 + 3 * 1000 + 10)) << "seed " << seed;
  }
}

TEST(Run, TrafficFindsItSoonerAndTheNextCandidateMakesItGood) {
  const Report report = Play(kThreeSites, R"(
duration: 1m
load: [{service: web, clients: 10.1.0.0/16, rate: 3, session: 20s}]
steps:
  - {at: 10s, down: a}
  - {at: 13s, expect: [{site: a, state: down, sessions: 0}, {site: b, sessions: 55-65}]}
  - {at: 1m, expect: [{service: web, refused: 0, lost: 0}]}
)");
  EXPECT_LE(Find(report, "a is down for web").at, seconds(12));
  EXPECT_GT(report.services.at(0).retried, 0u);
  EXPECT_NEAR(static_cast<double>(report.services.at(0).moved), 60, 4);
}

TEST(Run, ASiteThatReturnsIsUpAfterRiseGoodChecksAndTakesNewSessions) {
  const Report report = Play(kThreeSites, R"(
duration: 2m
load: [{service: web, clients: 10.1.0.0/16, rate: 3, session: 20s}]
steps:
  - {at: 10s, down: a}
  - {at: 1m, up: a}
  - {at: 100s, expect: [{site: a, state: up, sessions: 55-65}, {site: b, sessions: 0}]}
)");
  Duration back{};
  for (const Moment& moment : report.moments) {
    if (moment.text.starts_with("a is up for web")) back = moment.at;
  }
  EXPECT_GT(back, seconds(60));
  EXPECT_LE(back, seconds(64));
}

// Up again at about 62 s: ten seconds on, it has come to a quarter of its share, which keeps, with
// overprovision, 35 % of its clients.
TEST(Run, ASiteThatReturnsTakesItsClientsBackOverItsRamp) {
  std::string slowly(kThreeSites);
  slowly.replace(slowly.find("{health_check: ready}"), 21,
                 "{health_check: ready, slow_start: 60s}");
  Play(slowly, R"(
duration: 150s
load: [{service: web, clients: 10.1.0.0/16, rate: 10, session: 5s}]
steps:
  - {at: 5s, expect: [{site: a, sessions: 45-55}]}
  - {at: 10s, down: a}
  - {at: 1m, up: a}
  - {at: 73s, expect: [{site: a, state: up, sessions: 5-28}, {site: b, sessions: 22-45}]}
  - {at: 2m, expect: [{site: a, sessions: 45-55}, {service: web, refused: 0, lost: 0}]}
)");
}

TEST(Run, NoSiteIsFilledPastItsCapacityAndWhatNobodyCanTakeIsRefused) {
  const Report report = Play(kThreeSites, R"(
duration: 2m
load: [{service: web, clients: 10.1.0.0/16, rate: 9, session: 20s}]
steps:
  - {at: 10s, expect: [{site: a, sessions: 95-100}, {site: b, sessions: 30-60}]}
  - {at: 20s, rate: 2}
  - {at: 1m, expect: [{site: a, peak: 90%-100%}, {site: b, peak: 90%-100%}]}
  - {at: 1m, expect: [{site: c, peak: 90%-100%}]}
)");
  EXPECT_GT(report.services.at(0).refusals(), 0u);
  EXPECT_EQ(report.services.at(0).refused[0].first, "every candidate is full");
  Find(report, "a is full (100 sessions)");
  Find(report, "refused: every candidate is full");
  for (const SiteReport& site : report.sites) EXPECT_TRUE(site.is_within_capacity());
}

TEST(Run, ADrainKeepsSessionsUntilItsDeadline) {
  Play(kThreeSites, R"(
duration: 2m
load: [{service: web, clients: 10.1.0.0/16, rate: 1, session: 40s}]
steps:
  - {at: 10s, drain: a, deadline: 20s}
  - {at: 29s, expect: [{site: a, state: draining, sessions: 15-25}, {site: b, sessions: 15-25}]}
  - {at: 32s, expect: [{site: a, sessions: 0}, {site: b, sessions: 35-45}]}
  - {at: 40s, undrain: a}
  - {at: 90s, expect: [{site: a, state: up, sessions: 35-45}, {service: web, refused: 0, lost: 0}]}
)");
}

TEST(Run, APartitionFromMeridianLooksLikeADeadSite) {
  Play(kThreeSites, R"(
duration: 1m
load: [{service: web, clients: 10.1.0.0/16, rate: 1, session: 20s}]
steps:
  - {at: 10s, partition: [meridian, a]}
  - {at: 15s, expect: [{site: a, state: down, sessions: 0}]}
  - {at: 20s, heal: [a, meridian]}
  - {at: 55s, expect: [{site: a, state: up, sessions: 17-23}]}
)");
}

TEST(Run, AnEndpointDownLeavesTheSiteDegraded) {
  Play(kThreeSites, R"(
duration: 40s
load: [{service: web, clients: 10.1.0.0/16, rate: 1, session: 20s}]
steps:
  - {at: 10s, down: "a/10.9.1.1:80"}
  - {at: 20s, expect: [{site: a, state: degraded}, {service: web, lost: 0}]}
)");
}

TEST(Run, WithEverySiteDownSessionsAreLostAndItIsTold) {
  const Report report = Play(kThreeSites, R"(
duration: 1m
load: [{service: web, clients: 10.1.0.0/16, rate: 1, session: 10s}]
steps: [{at: 10s, down: [west, east]}]
)");
  EXPECT_GT(report.services.at(0).lost, 30u);
  EXPECT_GT(report.services.at(0).longest_wait, seconds(8));
  Find(report, "refused: no candidate answers");
}

TEST(Run, WhatDoesNotHoldIsAFailureThatSaysWhereAndWhatIs) {
  const config::Config config = ConfigOf(kThreeSites);
  const auto loaded = config::LoadScenarioText(
      "duration: 20s\nsteps:\n  - at: 10s\n    expect:\n      - {site: a, state: down, sessions: "
      "3}\n",
      "s.yaml", config);
  ASSERT_TRUE(loaded.scenario);
  const Outcome outcome = simulate::Run(config, *loaded.scenario, 1);
  ASSERT_TRUE(outcome.report);
  EXPECT_FALSE(outcome.report->passed());
  ASSERT_EQ(outcome.report->failures.size(), 1u);
  EXPECT_EQ(outcome.report->failures[0],
            "s.yaml:5: at 10s: expected a: state down, sessions 3; but state is up, sessions is 0");
}

TEST(Run, TextStaysWithinAHundredColumns) {
  const Report report = Play(kThreeSites, R"(
duration: 2m
load: [{service: web, clients: 10.1.0.0/16, rate: 9, session: 20s}]
steps: [{at: 10s, down: west}, {at: 1m, up: west}]
)");
  std::istringstream lines(Describe(report, false));
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(DisplayWidth(line), 100u) << line;
    EXPECT_FALSE(line.ends_with(' ')) << line;
  }
  EXPECT_NE(Describe(report, true).find("\x1b["), std::string::npos);
}

}  // namespace
}  // namespace meridian::simulate
