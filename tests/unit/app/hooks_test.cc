// Hooks on a real loop with real programs: what starts one, bounds, how each ends.
#include "app/hooks.h"

#include <gtest/gtest.h>
#include <meridian/uvio/loop.h>

#include <deque>
#include <map>

namespace meridian::app {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Counts final : MetricSink {
  void Count(std::string_view name, std::string_view, Labels labels, uint64_t value) override {
    values[Key(name, labels)] = static_cast<double>(value);
  }
  void Gauge(std::string_view name, std::string_view, Labels labels, double value) override {
    values[Key(name, labels)] = value;
  }
  void Distribution(std::string_view, std::string_view, Labels, const Histogram::Values&) override {
  }
  static std::string Key(std::string_view name, Labels labels) {
    std::string key(name);
    for (const Label& label : labels) key += "/" + std::string(label.value);
    return key;
  }
  std::map<std::string, double> values;
};

struct HooksTest : testing::Test {
  HooksTest() : loop(std::move(*uvio::UvLoop::Create())) {
    hooks = std::make_unique<Hooks>(*loop, *loop, [this](admin::Event event) {
      told.push_back(event);
      hooks->OnEvent(event);
    });
  }
  ~HooksTest() override { hooks.reset(); }

  static config::Hook Shell(const std::string& script) {
    config::Hook hook;
    hook.name = "page";
    hook.on_event = {"*"};
    hook.run = {"/bin/sh", "-c", script};
    return hook;
  }
  static admin::Event Moved() {
    admin::Event event;
    event.id = 7;
    event.kind = "failover";
    event.what = "moved";
    event.service = "db";
    event.from = "atlanta";
    event.to = "dallas";
    event.epoch = 2;
    event.text = "db: dallas is active";
    return event;
  }
  void RunUntilTold(size_t count) {
    while (told.size() < count) loop->RunTurn();
  }
  failover::Answer Ask(const config::Hook& hook) {
    hooks->Adopt({hook});
    std::optional<failover::Answer> answer;
    hooks->Ask("page", Moved(), [&](const failover::Answer& given) { answer = given; });
    EXPECT_FALSE(answer) << "never from inside";
    while (!answer) loop->RunTurn();
    return *answer;
  }
  double Metric(const std::string& key) const {
    Counts counts;
    hooks->Collect(counts);
    const auto found = counts.values.find(key);
    return found == counts.values.end() ? -1 : found->second;
  }

  std::unique_ptr<uvio::UvLoop> loop;
  std::unique_ptr<Hooks> hooks;
  std::deque<admin::Event> told;
};

TEST_F(HooksTest, RunTheProgramWithTheEventAndSayHowItEnded) {
  hooks->Adopt(
      {Shell("read line; case $line in *'\"to\":\"dallas\"'*) ;; *) exit 9;; esac; "
             "[ \"$MERIDIAN_TO-$MERIDIAN_EPOCH-$MERIDIAN_KIND\" = "
             "dallas-2-failover/moved ]")});
  hooks->OnEvent(Moved());
  EXPECT_EQ(Metric("meridian_hook_running/page"), 1);
  RunUntilTold(1);
  EXPECT_EQ(told[0].kind, "hook");
  EXPECT_EQ(told[0].what, "succeeded") << told[0].text;
  EXPECT_EQ(told[0].service, "db");
  EXPECT_EQ(Metric("meridian_hook_runs_total/page/succeeded"), 1);
  EXPECT_EQ(Metric("meridian_hook_running/page"), 0) << "what became of it starts none";
}

TEST_F(HooksTest, StartForTheirKindAndServiceAlone) {
  config::Hook hook = Shell("exit 0");
  hook.on_event = {"failover/moved", "reload"};
  hook.service = "db";
  hooks->Adopt({hook});
  admin::Event other = Moved();
  other.service = "web";
  hooks->OnEvent(other);
  other = Moved();
  other.what = "state";
  hooks->OnEvent(other);
  EXPECT_EQ(Metric("meridian_hook_running/page"), 0);
  hooks->OnEvent(Moved());
  EXPECT_EQ(Metric("meridian_hook_running/page"), 1);
}

TEST_F(HooksTest, AFailureTellsTheLastLine) {
  const failover::Answer answer = Ask(Shell("echo first >&2; echo 'no quorum' >&2; exit 1"));
  EXPECT_FALSE(answer.is_yes);
  EXPECT_EQ(answer.reason, "hook page: exit 1: no quorum");
  EXPECT_EQ(told.at(0).what, "failed");
  EXPECT_TRUE(told.at(0).grave);
  EXPECT_TRUE(Ask(Shell("exit 0")).is_yes);
}

TEST_F(HooksTest, OneThatDoesNotEndIsEndedWithAllThatItStarted) {
  config::Hook hook = Shell("trap '' TERM; sleep 1000 & wait; sleep 1000");
  hook.timeout = milliseconds(100);
  const failover::Answer answer = Ask(hook);
  EXPECT_FALSE(answer.is_yes);
  EXPECT_EQ(answer.reason, "hook page: no end within 100ms");
  EXPECT_EQ(Metric("meridian_hook_runs_total/page/timeout"), 1);
}

TEST_F(HooksTest, OneThatCannotBeStartedSaysNo) {
  config::Hook hook = Shell("");
  hook.run = {"/nowhere/at-all"};
  EXPECT_EQ(Ask(hook).reason, "hook page: could not be started: No such file or directory");
  EXPECT_EQ(Metric("meridian_hook_runs_total/page/not-started"), 1);
  std::optional<failover::Answer> answer;
  hooks->Ask("unknown", Moved(), [&](const failover::Answer& given) { answer = given; });
  while (!answer) loop->RunTurn();
  EXPECT_FALSE(answer->is_yes);
}

TEST_F(HooksTest, MoreThanTheQueueHoldsAreDroppedAndSaid) {
  config::Hook hook = Shell("cat");
  hook.queue = 2;
  hooks->Adopt({hook});
  for (int i = 0; i < 6; ++i) hooks->OnEvent(Moved());
  EXPECT_EQ(Metric("meridian_hook_running/page"), 1);
  EXPECT_EQ(Metric("meridian_hook_queued/page"), 2);
  EXPECT_EQ(Metric("meridian_hook_dropped_total/page"), 3);
  ASSERT_EQ(told.size(), 1u) << "said once";
  EXPECT_EQ(told[0].what, "dropping");
  RunUntilTold(4);
  EXPECT_EQ(Metric("meridian_hook_runs_total/page/succeeded"), 3);
}

TEST_F(HooksTest, AReloadLeavesWhatRunsAlone) {
  hooks->Adopt({Shell("read line; exit 5")});
  hooks->OnEvent(Moved());
  hooks->OnEvent(Moved());
  EXPECT_TRUE(hooks->Adopt({Shell("read line; exit 5")}).empty());
  EXPECT_EQ(hooks->Adopt({}), std::vector<std::string>{"page"});
  RunUntilTold(2);
  EXPECT_NE(told[0].text.find("no longer configured"), std::string::npos) << told[0].text;
  EXPECT_NE(told[1].text.find("exit 5"), std::string::npos) << told[1].text;
  EXPECT_EQ(Metric("meridian_hook_running/page"), -1);
}

TEST_F(HooksTest, StoppingEndsWhatRuns) {
  hooks->Adopt({Shell("trap '' TERM; while :; do sleep 1; done")});
  hooks->OnEvent(Moved());
  bool stopped = false;
  hooks->Stop([&] { stopped = true; });
  EXPECT_FALSE(stopped);
  while (!stopped) loop->RunTurn();
  hooks->OnEvent(Moved());
  EXPECT_EQ(Metric("meridian_hook_running/page"), 0);
}

}  // namespace
}  // namespace meridian::app
