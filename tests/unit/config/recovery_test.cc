// Disaster recovery: what its keys become, and what is wrong with each.
#include "unit/config/loading.h"

namespace meridian::config {
namespace {

// kBase with its service in disaster recovery over a, b and c; more keys begin on line 11.
std::vector<std::string> DiagnoseRecovery(const std::string& keys) {
  std::string yaml(kBase);
  yaml.replace(yaml.find("mode: distributed\n"), 18,
               "mode: disaster-recovery\n    primary: a\n    standby: [b, c]\n");
  return Diagnose("health_checks: {p: {}}\n" + yaml + "    " + keys + "\n");
}

std::vector<std::string> DiagnoseMembers(const std::string& keys) {
  std::string yaml(kBase);
  yaml.replace(yaml.find("mode: distributed\n"), 18,
               "mode: disaster-recovery\n    failover: {automatic: false}\n    " + keys + "\n");
  return Diagnose(yaml);
}

constexpr char kWatched[] = "health_check: p\n    replication: {check: {port: 8008}}\n    ";

topology::Service LoadRecovery(const std::string& keys) {
  std::string yaml(kBase);
  yaml.replace(yaml.find("mode: distributed\n"), 18,
               "mode: disaster-recovery\n    primary: b\n    standby: [c, a]\n    " + keys + "\n");
  const Loaded loaded = LoadText(yaml, "m.yaml", NoVariables);
  EXPECT_EQ(loaded.errors(), 0u) << testing::PrintToString(Lines(loaded));
  return loaded.config ? loaded.config->topology.services[0] : topology::Service();
}

TEST(Recovery, EveryKeyArrivesInItsPlace) {
  const topology::Service service = LoadRecovery(
      "replication: {check: {type: http, port: 8008, path: /r, interval: 2s, timeout: 300ms, "
      "pointers: {role: /a/0/b, lag_seconds: /l, backlog_bytes: /b, epoch: /e, reconciled: /f, "
      "source_connected: /s~1t, position_bytes: /w}}, max_lag: 7s, max_backlog: 64MiB}\n"
      "    reads: nearest\n"
      "    failover: {automatic: false, after: 9s, cooldown: 2h, switch_hold: 3s}\n"
      "    failback: {mode: automatic, hold: 4m}");
  using std::chrono::seconds;
  EXPECT_EQ(service.mode, topology::Mode::kDisasterRecovery);
  topology::DisasterRecovery expected;
  expected.primary = "b";
  expected.standby = {"c", "a"};
  topology::ReplicationCheck& check = expected.check.emplace();
  check.port = 8008;
  check.path = "/r";
  check.timeout = std::chrono::milliseconds(300);
  check.pointers = {"/a/0/b", "/l", "/b", "/e", "/f", "/s~1t", "/w"};
  expected.status_interval = seconds(2);
  expected.max_lag = seconds(7);
  expected.max_backlog = 64 << 20;
  expected.reads = topology::Reads::kNearest;
  expected.automatic = false;
  expected.after = seconds(9);
  expected.cooldown = std::chrono::hours(2);
  expected.switch_hold = seconds(3);
  expected.failback = topology::FailbackMode::kAutomatic;
  expected.hold = std::chrono::minutes(4);
  EXPECT_EQ(service.disaster_recovery, expected);
}

TEST(Recovery, DefaultsAreThoseOfTheContract) {
  const topology::Service service = LoadRecovery("replication: {check: {}}");
  topology::DisasterRecovery expected;
  expected.primary = "b";
  expected.standby = {"c", "a"};
  expected.check.emplace();
  EXPECT_EQ(service.disaster_recovery, expected);
  EXPECT_EQ(service.panic, topology::Panic::kReject);
  EXPECT_EQ(LoadRecovery("panic: route").panic, topology::Panic::kRoute);
  EXPECT_EQ(LoadRecovery("on_down: keep").disaster_recovery->check, std::nullopt);
}

TEST(Recovery, AShortIntervalShortensTheTimeout) {
  const topology::Service service = LoadRecovery("replication: {check: {interval: 200ms}}");
  EXPECT_EQ(service.disaster_recovery->check->timeout, std::chrono::milliseconds(200));
}

TEST(Recovery, ItsKeysAreRefusedForADistributedService) {
  EXPECT_EQ(DiagnoseService("primary: a\n    reads: nearest\n    failover: {after: 1s}"),
            (Expected{"m.yaml:9:5: error: services.web.primary: is for mode disaster-recovery "
                      "alone; this service is distributed",
                      "m.yaml:10:5: error: services.web.reads: is for mode disaster-recovery "
                      "alone; this service is distributed",
                      "m.yaml:11:5: error: services.web.failover: is for mode disaster-recovery "
                      "alone; this service is distributed"}));
}

TEST(Recovery, PrimaryAndStandbyAreRequired) {
  EXPECT_EQ(DiagnoseMembers("on_down: close"),
            (Expected{"m.yaml:7:3: error: services.web.primary: is required in mode "
                      "disaster-recovery: a site",
                      "m.yaml:7:3: error: services.web.standby: is required in mode "
                      "disaster-recovery: a list of sites"}));
  EXPECT_EQ(DiagnoseMembers("primary: a\n    standby: []"),
            Expected{"m.yaml:11:14: error: services.web.standby: an empty list; expected at least "
                     "one entry"});
}

TEST(Recovery, MembersAreSitesThatOfferTheService) {
  EXPECT_EQ(
      DiagnoseMembers("primary: oslo\n    standby: [b, bergen, b]"),
      (Expected{"m.yaml:10:14: error: services.web.primary: 'oslo' is not a site; expected "
                "a, b or c",
                "m.yaml:11:18: error: services.web.standby[1]: 'bergen' is not a site; expected "
                "a, b or c",
                "m.yaml:11:26: error: services.web.standby[2]: 'b' is listed twice"}));
  EXPECT_EQ(DiagnoseMembers("primary: a\n    standby: [a, b, c]"),
            Expected{"m.yaml:11:15: error: services.web.standby[0]: 'a' is the primary; expected "
                     "other sites"});
  std::string yaml(kBase);
  const size_t at = yaml.find("services: {web: [\"10.0.0.5");
  yaml.replace(at, yaml.find("]}", at) + 2 - at, "services: {}");
  yaml.replace(yaml.find("mode: distributed\n"), 18,
               "mode: disaster-recovery\n    failover: {automatic: false}\n    primary: a\n"
               "    standby: [b, c]\n");
  EXPECT_EQ(Diagnose(yaml),
            Expected{"m.yaml:11:18: error: services.web.standby[1]: 'c' has no endpoints for the "
                     "service; expected some under its services.web"});
}

TEST(Recovery, WarnsWhenNothingCanFailOverByItself) {
  EXPECT_EQ(DiagnoseRecovery("health_check: p"),
            Expected{"m.yaml:8:3: warning: services.web: failover is automatic, but without "
                     "replication.check no standby's lag is ever known: nothing fails over by "
                     "itself"});
  EXPECT_EQ(DiagnoseRecovery("replication: {check: {}}"),
            Expected{"m.yaml:8:3: warning: services.web: failover is automatic, but without "
                     "health_check the active site is never known to be dead: nothing fails over "
                     "by itself"});
  EXPECT_EQ(DiagnoseRecovery("failover: {automatic: false}"), Expected{});
  EXPECT_EQ(DiagnoseRecovery(kWatched), Expected{});
}

TEST(Recovery, WarnsOfTimesThatDoNotFit) {
  EXPECT_EQ(DiagnoseRecovery("health_check: p\n    replication: {check: {interval: 2s, timeout: "
                             "3s}, max_lag: 1s}"),
            (Expected{"m.yaml:13:50: warning: services.web.replication.check.timeout: 3s is more "
                      "than the interval of 2s: a slow check delays the next one",
                      "m.yaml:13:64: warning: services.web.replication.max_lag: 1s is less than "
                      "the check's interval of 2s: a standby in good order may look too far "
                      "behind"}));
}

TEST(Recovery, WarnsOfTooFewSitesAndOfIdleOnes) {
  EXPECT_EQ(DiagnoseMembers("primary: a\n    standby: b"),
            (Expected{"m.yaml:7:3: warning: services.web: only two sites can be active: no safety "
                      "net after one failure; expected three or more",
                      "m.yaml:7:3: warning: services.web: 'c' has endpoints for it but is neither "
                      "primary nor standby: they are never used"}));
}

TEST(Recovery, PointersAreJsonPointers) {
  for (const char* const wrong : {"role", "/a~2", "/a~", "''"}) {
    const auto lines = DiagnoseRecovery(
        "health_check: p\n    replication: {check: {pointers: {role: " + std::string(wrong) +
        "}}}");
    ASSERT_EQ(lines.size(), 1u) << wrong;
    EXPECT_NE(lines[0].find("is not a JSON pointer such as /role or /members/0/lag"),
              std::string::npos)
        << lines[0];
  }
  EXPECT_EQ(DiagnoseRecovery("health_check: p\n    replication: {check: {pointers: {role: "
                             "/a~1b/~0/0/}}}"),
            Expected{});
}

TEST(Recovery, AStatusFromPostgresHasALogin) {
  const topology::Service service = LoadRecovery(
      "replication: {check: {type: postgresql, port: 5433, user: watcher, database: app}}");
  const topology::ReplicationCheck& check = *service.disaster_recovery->check;
  EXPECT_TRUE(check.postgresql);
  EXPECT_EQ(check.port, 5433);
  EXPECT_EQ(check.login.user, "watcher");
  EXPECT_EQ(check.login.database, "app");
  EXPECT_EQ(DiagnoseRecovery("health_check: p\n"
                             "    replication: {check: {type: postgresql, path: /x}}"),
            Expected{"m.yaml:13:45: warning: services.web.replication.check.path: has no effect "
                     "with type postgresql"});
  EXPECT_EQ(DiagnoseRecovery("health_check: p\n"
                             "    replication: {check: {type: postgresql, passfile: /nowhere}}"),
            Expected{"m.yaml:13:55: error: services.web.replication.check.passfile: '/nowhere' "
                     "cannot be read (No such file or directory)"});
}

}  // namespace
}  // namespace meridian::config
