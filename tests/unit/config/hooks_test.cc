// Hooks: what their keys become, and what is wrong with each.
#include "unit/config/loading.h"

namespace meridian::config {
namespace {

std::string WithRecovery() {
  std::string yaml(kBase);
  return yaml.replace(yaml.find("mode: distributed\n"), 18,
                      "mode: disaster-recovery\n    failover: {automatic: false}\n    primary: a\n"
                      "    standby: [b, c]\n");
}

std::vector<std::string> DiagnoseHooks(const std::string& hooks) {
  return Diagnose(WithRecovery() + "hooks:\n  " + hooks + "\n");
}

TEST(Hooks, EveryKeyArrivesInItsPlace) {
  const Loaded loaded =
      LoadText(WithRecovery() +
                   "hooks:\n  promote: {on_event: failover/activation, service: web, gate: true, "
                   "run: [/bin/sh, -c, 'exit 0'], timeout: 4s, queue: 3, at_once: 2}\n"
                   "  page: {on_event: [failover/moved, reload], run: /bin/true}\n",
               "m.yaml", NoVariables);
  ASSERT_TRUE(loaded.config) << testing::PrintToString(Lines(loaded));
  ASSERT_EQ(loaded.config->hooks.size(), 2u);
  Hook page;
  page.name = "page";
  page.on_event = {"failover/moved", "reload"};
  page.run = {"/bin/true"};
  EXPECT_EQ(loaded.config->hooks[0], page);
  Hook promote;
  promote.name = "promote";
  promote.on_event = {"failover/activation"};
  promote.service = "web";
  promote.run = {"/bin/sh", "-c", "exit 0"};
  promote.gate = true;
  promote.timeout = std::chrono::seconds(4);
  promote.queue = 3;
  promote.at_once = 2;
  EXPECT_EQ(loaded.config->hooks[1], promote);
  EXPECT_EQ(loaded.config->topology.services[0].disaster_recovery->approval, "promote");
}

void ExpectOne(const std::string& hooks, const std::string& part) {
  const std::vector<std::string> lines = DiagnoseHooks(hooks);
  ASSERT_EQ(lines.size(), 1u) << testing::PrintToString(lines);
  EXPECT_NE(lines[0].find(part), std::string::npos) << lines[0];
}

TEST(Hooks, MistakesAreNamed) {
  ExpectOne("h: {on_event: reload, run: true.sh}",
            "hooks.h.run: 'true.sh': expected an absolute path");
  ExpectOne("h: {on_event: reload, run: /nowhere/x}", "No such file or directory");
  ExpectOne("h: {on_event: reload, run: /bin}", "is not a regular file");
  ExpectOne("h: {on_event: reload, run: /etc/passwd}", "is not executable by this user");
  ExpectOne("h: {on_event: hook, run: /bin/true}", "'hook' is not a kind of event");
  ExpectOne("h: {on_event: reload, run: /bin/true, service: wbe}", "'wbe' is not a service");
  ExpectOne("h: {on_event: reload, run: /bin/true, gate: true}",
            "hooks.h.gate: a gate answers one question; expected on_event: failover/activation");
  ExpectOne(
      "g: {on_event: failover/activation, gate: true, run: /bin/true, timeout: 5s}\n"
      "  h: {on_event: failover/activation, gate: true, run: /bin/true, timeout: 5s}",
      "web is asked by hook 'g' already");
  ExpectOne("h: {on_event: failover/activation, gate: true, run: /bin/true}",
            "30s is more than switch_hold of web, 5s");
}

TEST(Hooks, AGateNeedsSomethingToApproveOf) {
  const auto lines = Diagnose(
      std::string(kBase) +
      "hooks: {h: {on_event: failover/activation, gate: true, run: /bin/true, timeout: 1s}}\n");
  ASSERT_EQ(lines.size(), 1u) << testing::PrintToString(lines);
  EXPECT_NE(lines[0].find("no such service is in mode disaster-recovery"), std::string::npos);
}

}  // namespace
}  // namespace meridian::config
