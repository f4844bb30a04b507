// What the table finds wrong, by text and place: unknown keys, shapes, values, ranges, YAML itself.
#include "unit/config/loading.h"

namespace meridian::config {
namespace {

TEST(Diagnostics, TheBaseOfTheseTestsHasNone) {
  EXPECT_EQ(Diagnose(kBase), Expected{});
}

TEST(Diagnostics, AnUnknownKeyIsShownWithTheNearestKnown) {
  EXPECT_EQ(DiagnoseService("steerign: nearest"),
            Expected{"m.yaml:9:5: error: services.web.steerign: unknown key; did you mean "
                     "'steering'?"});
  EXPECT_EQ(DiagnoseTop("wat: 1"),
            Expected{"m.yaml:9:1: error: wat: unknown key; expected include, process, log, geo, "
                     "admin, health_checks, regions, services, listeners, resolver or hooks"});
}

TEST(Diagnostics, AWordIsShownWithTheNearestKnown) {
  EXPECT_EQ(
      DiagnoseService("steering: neares"),
      Expected{"m.yaml:9:15: error: services.web.steering: 'neares' is not a steering policy; "
               "did you mean 'nearest'?"});
  EXPECT_EQ(DiagnoseService("panic: flee"),
            Expected{"m.yaml:9:12: error: services.web.panic: 'flee' is not a panic policy; "
                     "expected route or reject"});
}

TEST(Diagnostics, AWrongShapeSaysWhatWasExpected) {
  EXPECT_EQ(DiagnoseService("timeouts: {idle: [1s]}"),
            Expected{"m.yaml:9:22: error: services.web.timeouts.idle: a list where a duration was "
                     "expected"});
  EXPECT_EQ(DiagnoseService("timeouts: 5s"),
            Expected{"m.yaml:9:15: error: services.web.timeouts: '5s' where a map was expected"});
  EXPECT_EQ(DiagnoseService("panic:"),
            Expected{"m.yaml:9:5: error: services.web.panic: nothing where a panic policy was "
                     "expected"});
  EXPECT_EQ(Diagnose("[1, 2]"), Expected{"m.yaml:1:1: error: the file: a list where a map was "
                                         "expected"});
}

TEST(Diagnostics, AValueOfTheWrongTypeSaysWhatWasExpected) {
  EXPECT_EQ(
      DiagnoseService("timeouts: {idle: 5}"),
      Expected{"m.yaml:9:22: error: services.web.timeouts.idle: '5' is not a duration such as "
               "250ms, 2s or 1h"});
  EXPECT_EQ(DiagnoseService("timeouts: {race_after: atuo}"),
            Expected{"m.yaml:9:28: error: services.web.timeouts.race_after: 'atuo' is neither auto "
                     "nor a duration such as 250ms, 2s or 1h; did you mean 'auto'?"});
  EXPECT_EQ(
      DiagnoseService("outliers: {error_rate: 50}"),
      Expected{"m.yaml:9:28: error: services.web.outliers.error_rate: '50' is not a percentage "
               "such as 50%"});
  EXPECT_EQ(DiagnoseService("overprovision: much"),
            Expected{"m.yaml:9:20: error: services.web.overprovision: 'much' is not a number"});
  EXPECT_EQ(DiagnoseService("retries: {attempts: 1.5}"),
            Expected{"m.yaml:9:25: error: services.web.retries.attempts: '1.5' is not a whole "
                     "number"});
  EXPECT_EQ(
      DiagnoseService("retries: {on: [connect, 200]}"),
      Expected{"m.yaml:9:29: error: services.web.retries.on[1]: '200' is not a reason to retry "
               "such as connect, reset, timeout or 503"});
  EXPECT_EQ(DiagnoseTop("geo: {networks: {10.0.0.1/8: {}}}"),
            Expected{"m.yaml:9:18: error: geo.networks: '10.0.0.1/8' is not an address block such "
                     "as 10.0.0.0/8 or 2001:db8::/32, no bits set past the length"});
}

TEST(Diagnostics, AValueOutOfRangeShowsTheRange) {
  EXPECT_EQ(DiagnoseTop("geo: {default: {latitude: 1, longitude: 196.797}}"),
            Expected{"m.yaml:9:41: error: geo.default.longitude: 196.797 is outside −180…180"});
  EXPECT_EQ(DiagnoseTop("health_checks: {c: {interval: 0}}"),
            Expected{"m.yaml:9:31: error: health_checks.c.interval: 0 is outside 10ms…24h"});
  EXPECT_EQ(DiagnoseTop("health_checks: {c: {rise: 0}}"),
            Expected{"m.yaml:9:27: error: health_checks.c.rise: 0 is outside 1…1000"});
  EXPECT_EQ(DiagnoseService("outliers: {max_ejected: 101%}"),
            Expected{"m.yaml:9:29: error: services.web.outliers.max_ejected: 101% is outside "
                     "0%…100%"});
  EXPECT_EQ(DiagnoseTop("process: {workers: 300}"),
            Expected{"m.yaml:9:20: error: process.workers: 300 is outside 1…256"});
  EXPECT_EQ(DiagnoseListeners("listeners: {l: {bind: ':80', service: web}}"),
            Expected{"m.yaml:5:23: error: listeners.l.bind: ':80' is not an address such as "
                     "0.0.0.0:8080, [::]:8080 or unix:/run/app.sock"});
  EXPECT_EQ(
      DiagnoseListeners(
          "listeners: {l: {bind: '[::]:80', service: web, limits: {header_size: 2MiB}}}"),
      Expected{"m.yaml:5:70: error: listeners.l.limits.header_size: 2MiB is outside 1KiB…1MiB"});
}

TEST(Diagnostics, AMissingKeySaysWhatIsMissing) {
  EXPECT_EQ(DiagnoseTop("regions: {}"),
            Expected{"m.yaml:9:1: error: regions: duplicate key, first given at m.yaml:1:1"});
  EXPECT_EQ(DiagnoseListeners("listeners: {l: {service: web}}"),
            Expected{"m.yaml:5:13: error: listeners.l.bind: is required: an address"});
  EXPECT_EQ(DiagnoseService("rules: [{match: {}}]"),
            Expected{"m.yaml:9:13: error: services.web.rules[0].sites: is required: a name"});
}

TEST(Diagnostics, ADuplicateKeyNamesTheFirst) {
  EXPECT_EQ(DiagnoseService("mode: distributed"),
            Expected{"m.yaml:9:5: error: services.web.mode: duplicate key, first given at "
                     "m.yaml:8:5"});
  EXPECT_EQ(DiagnoseTop("health_checks: {c: {}, c: {}}"),
            Expected{"m.yaml:9:24: error: health_checks.c: duplicate key, first given at "
                     "m.yaml:9:17"});
}

TEST(Diagnostics, ABadNameIsRefused) {
  EXPECT_EQ(DiagnoseTop("health_checks: {'a b': {}}"),
            Expected{"m.yaml:9:17: error: health_checks: 'a b' is not a name of letters, digits, "
                     "'-', '_' and '.'"});
}

TEST(Diagnostics, AllAreReportedAtOnceInTheOrderOfTheFile) {
  const Expected all = DiagnoseTop(
      "process: {workers: none}\nlog: {level: loud}\nadmin: {http: nowhere}\nhealth_checks: {c: "
      "{fall: -1}}");
  ASSERT_EQ(all.size(), 4u);
  EXPECT_TRUE(all[0].starts_with("m.yaml:9:20: error: process.workers:")) << all[0];
  EXPECT_TRUE(all[1].starts_with("m.yaml:10:14: error: log.level:")) << all[1];
  EXPECT_TRUE(all[2].starts_with("m.yaml:11:15: error: admin.http:")) << all[2];
  EXPECT_TRUE(all[3].starts_with("m.yaml:12:27: error: health_checks.c.fall:")) << all[3];
}

TEST(Diagnostics, NotYamlIsOneErrorWithItsPlace) {
  EXPECT_EQ(Diagnose("services: {web: [1, 2}"),
            Expected{"m.yaml:1:22: error: not valid YAML: illegal flow end"});
  EXPECT_EQ(Diagnose("a: 1\nb: \x04\n"),
            Expected{"m.yaml:2:4: error: not valid YAML: control character 0x04"});
  EXPECT_EQ(Diagnose("{}\n---\n{}\n"),
            Expected{"m.yaml:3:1: error: a second document in one file; expected exactly one"});
  EXPECT_EQ(Diagnose("? [a]\n: 1\n"),
            Expected{"m.yaml:1:3: error: a key that is not a plain name"});
}

TEST(Diagnostics, AnEmptyFileHasNoListener) {
  EXPECT_EQ(Diagnose(""), Expected{"m.yaml:1:1: error: listeners: is empty; expected at least one "
                                   "listener"});
}

TEST(Diagnostics, DepthAndAliasesAreBounded) {
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "[";
  for (int i = 0; i < 100; ++i) deep += "]";
  EXPECT_EQ(Diagnose(deep), Expected{"m.yaml:1:33: error: nested deeper than 32 levels"});

  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string last = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + last;
    for (int k = 1; k < 10; ++k) bomb += ", " + last;
    bomb += "]\n";
  }
  const Expected refused = Diagnose(bomb);
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_NE(refused[0].find("more than 1000000 values, aliases expanded"), std::string::npos);
  EXPECT_EQ(Diagnose("a: &a [*a]"),
            Expected{"m.yaml:1:8: error: an alias inside the very node it names"});
}

TEST(Diagnostics, OfAnAliasPointToWhatItNames) {
  EXPECT_EQ(
      DiagnoseService("outliers: {window: &t 7x}\n    timeouts: {idle: *t}"),
      (Expected{
          "m.yaml:9:24: error: services.web.outliers.window: '7x' is not a duration such as "
          "250ms, 2s or 1h",
          "m.yaml:9:24: error: services.web.timeouts.idle: '7x' is not a duration such as 250ms, "
          "2s or 1h"}));
  EXPECT_EQ(DiagnoseService("outliers: {window: &t 7s}\n    timeouts: {idle: *t}"), Expected{});
}

TEST(Diagnostics, TheirNumberIsBounded) {
  std::string yaml = "services:\n";
  for (int i = 0; i < 3000; ++i) yaml += "  s" + std::to_string(i) + ": 1\n";
  const Expected many = Diagnose(yaml);
  ASSERT_EQ(many.size(), 1001u);
  EXPECT_EQ(many.back(), "m.yaml: error: 2,001 more problems, not shown");
}

TEST(Diagnostics, TextFromTheFileIsFitForATerminal) {
  EXPECT_EQ(DiagnoseService("panic: \"\\e[31m\""),
            Expected{"m.yaml:9:12: error: services.web.panic: '\\x1b[31m' is not a panic policy; "
                     "expected route or reject"});
}

}  // namespace
}  // namespace meridian::config
