// Scenario files: every mistake at once, each with its place and what was meant.
#include <meridian/config/scenario.h>

#include "unit/config/loading.h"

namespace meridian::config {
namespace {

Config Base() {
  return LoadText(kBase, "m.yaml", NoVariables).config.value_or(Config{});
}

std::vector<std::string> DiagnoseScenario(std::string_view yaml) {
  const LoadedScenario loaded = LoadScenarioText(yaml, "s.yaml", Base());
  EXPECT_EQ(loaded.scenario.has_value(), loaded.diagnostics.empty());
  std::vector<std::string> lines;
  for (const Diagnostic& diagnostic : loaded.diagnostics) lines.push_back(diagnostic.ToString());
  return lines;
}

using Expected = std::vector<std::string>;

TEST(Scenario, IsReadWhole) {
  const LoadedScenario loaded = LoadScenarioText(
      "duration: 5m\n"
      "load:\n"
      "  - {service: web, clients: 10.0.0.0/8, rate: 2.5, session: 30s, reads: 80%}\n"
      "  - {service: web, latitude: 1, longitude: -2, country: FR, rate: 1, session: 1m}\n"
      "steps:\n"
      "  - {at: 2m, up: r, heal: [a, meridian], rate: 1}\n"
      "  - at: 1m\n"
      "    down: [a, \"b/10.0.0.3:80\"]\n"
      "    partition: [a, b]\n"
      "    lag: {b: 45s}\n"
      "    lag_growth: {c: 0.5}\n"
      "    drain: c\n"
      "    deadline: 10s\n"
      "    automation: off web\n"
      "    expect: [{service: web, site: a, sessions: 3-5, share: 45%-55%}]\n",
      "s.yaml", Base());
  for (const Diagnostic& diagnostic : loaded.diagnostics) ADD_FAILURE() << diagnostic.ToString();
  ASSERT_TRUE(loaded.scenario);
  const Scenario& scenario = *loaded.scenario;
  EXPECT_EQ(scenario.duration, std::chrono::minutes(5));
  ASSERT_EQ(scenario.load.size(), 2u);
  EXPECT_EQ(scenario.load[0].name, "10.0.0.0/8");
  EXPECT_EQ(scenario.load[0].rate, 2.5);
  EXPECT_EQ(scenario.load[0].reads, 0.8);
  EXPECT_EQ(scenario.load[1].name, "1.00, -2.00 FR");
  EXPECT_EQ(scenario.load[1].place->longitude, -2);
  ASSERT_EQ(scenario.steps.size(), 2u);
  const Step& step = scenario.steps[0];  // by time
  EXPECT_EQ(step.at, std::chrono::minutes(1));
  EXPECT_EQ(step.down, (std::vector<std::string>{"a", "b/10.0.0.3:80"}));
  EXPECT_EQ(step.partition, std::pair(std::string("a"), std::string("b")));
  EXPECT_EQ(step.lag[0], std::pair(std::string("b"), Duration(std::chrono::seconds(45))));
  EXPECT_EQ(step.lag_growth[0], std::pair(std::string("c"), 0.5));
  EXPECT_EQ(step.deadline, std::chrono::seconds(10));
  EXPECT_EQ(step.automation, (AutomationStep{false, "web"}));
  ASSERT_EQ(step.expect.size(), 1u);
  EXPECT_EQ(step.expect[0].where, "s.yaml:15");
  EXPECT_EQ(step.expect[0].text, "web at a: sessions 3-5, share 45%-55%");
  EXPECT_EQ(step.expect[0].sessions, (Range{3, 5}));
  EXPECT_EQ(scenario.steps[1].heal->first, "meridian");
}

TEST(Scenario, UnknownKeysAndNamesComeWithTheNearest) {
  EXPECT_EQ(
      DiagnoseScenario("duration: 1m\n"
                       "lod: []\n"
                       "load: [{service: wbe, clients: 10.0.0.0/8, rate: 1, session: 1s}]\n"
                       "steps:\n"
                       "  - {at: 1s, down: rr}\n"
                       "  - {at: 1s, drian: a}\n"
                       "  - {at: 1s, down: \"a/10.0.0.9:80\"}\n"
                       "  - {at: 1s, lag: {d: 1s}}\n"
                       "  - {at: 1s, partition: [meridain, a]}\n"),
      (Expected{"s.yaml:2:1: error: lod: unknown key; did you mean 'load'?",
                "s.yaml:3:18: error: load[0].service: 'wbe' is not a service; did you mean 'web'?",
                "s.yaml:5:20: error: steps[0].down: 'rr' is not a region, site or site/endpoint; "
                "did you mean 'r'?",
                "s.yaml:6:14: error: steps[1].drian: unknown key; did you mean 'drain'?",
                "s.yaml:7:20: error: steps[2].down: 'a/10.0.0.9:80' is not a region, site or "
                "site/endpoint; did you mean 'a/10.0.0.1:80'?",
                "s.yaml:8:20: error: steps[3].lag.d: 'd' is not a site; did you mean 'a'?",
                "s.yaml:9:26: error: steps[4].partition[0]: 'meridain' is not a site, nor "
                "meridian; did you mean 'meridian'?"}));
}

TEST(Scenario, WrongValuesAreNamed) {
  EXPECT_EQ(
      DiagnoseScenario(
          "duration: 1\n"
          "load:\n"
          "  - {service: web, rate: 1, session: 1s}\n"
          "  - {service: web, rate: 1, session: 1s, latitude: 3}\n"
          "  - {service: web, rate: 1, session: 1s, clients: 10.0.0.0/8, country: FR}\n"
          "steps:\n"
          "  - {at: 1s}\n"
          "  - {at: 1s, deadline: 3s}\n"
          "  - {at: 1s, partition: [a, a]}\n"
          "  - {at: 1s, automation: maybe}\n"
          "  - {at: 1s, failback: web}\n"
          "  - {at: 1s, expect: [{site: a, state: upp}, {sessions: 5-3}, {peak: 1%}]}\n"),
      (Expected{
          "s.yaml:1:11: error: duration: '1' is not a duration such as 250ms, 2s or 1h",
          "s.yaml:3:5: error: load[0]: says not who comes; expected clients, or latitude and "
          "longitude",
          "s.yaml:4:5: error: load[1]: latitude and longitude belong together",
          "s.yaml:5:51: error: load[2].clients: a place is given too; expected one of both",
          "s.yaml:7:5: error: steps[0]: nothing happens at this time",
          "s.yaml:8:24: error: steps[1].deadline: belongs to a drain",
          "s.yaml:9:14: error: steps[2].partition: expected two ends, such as [meridian, a]",
          "s.yaml:10:26: error: steps[3].automation: 'maybe' is not such an order; expected on or "
          "off, and maybe a service",
          "s.yaml:11:24: error: steps[4].failback: 'web' is distributed; this is for "
          "disaster-recovery",
          "s.yaml:12:40: error: steps[5].expect[0].state: 'upp' is not a state of a site; did you "
          "mean 'up'?",
          "s.yaml:12:57: error: steps[5].expect[1].sessions: '5-3' is not a range; expected such "
          "as 5, 100-200, 45%-55% or 0s-5s",
          "s.yaml:12:63: error: steps[5].expect[2]: needs a site"}));
}

TEST(Scenario, IsBounded) {
  EXPECT_EQ(DiagnoseScenario("duration: 1h\n"
                             "load: [{service: web, country: FR, rate: 1e5, session: 1s}]\n"
                             "steps: [{at: 2h, down: a}]\n"),
            (Expected{"s.yaml:2:1: error: load: 360,100,000 sessions in all; at most 5,000,000 "
                      "can be played",
                      "s.yaml:3:14: error: steps[0].at: 2h is after the end, 1h"}));
  EXPECT_EQ(DiagnoseScenario(""),
            (Expected{"s.yaml:1:1: error: duration: is required: a duration"}));
}

TEST(Scenario, AFileThatIsNotThereIsADiagnostic) {
  const LoadedScenario loaded = LoadScenario("/nowhere/s.yaml", Base());
  EXPECT_FALSE(loaded.scenario);
  ASSERT_EQ(loaded.diagnostics.size(), 1u);
  EXPECT_EQ(loaded.diagnostics[0].file, "/nowhere/s.yaml");
}

}  // namespace
}  // namespace meridian::config
