// When endpoints are asked and what becomes of their answers, in virtual time.
#include "probe/schedule.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>

#include "backend.h"

namespace meridian::probe {
namespace {

using health::Probe;
using health::State;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Changes of state are taken down with their virtual time in milliseconds.
struct ScheduleTest : public ::testing::Test {
  ScheduleTest() {
    registry.OnChange([this](const health::Change& change) {
      changes.emplace_back(Milliseconds(), change.after);
    });
    check.name = "port";  // tcp, every 2 s, fast 500 ms, timeout 1 s, rise 2, fall 3
  }

  int64_t Milliseconds() const { return net.Now().time_since_epoch() / milliseconds(1); }

  Backend& AddBackend(const std::string& address) {
    backends.push_back(std::make_unique<Backend>(net, address));
    return *backends.back();
  }
  Target TargetAt(const Backend& backend, const topology::HealthCheck& by) {
    addresses.push_back(backend.at.ToString());
    return {.health = &registry.Endpoint("dallas", addresses.back(), by.name),
            .site = "dallas",
            .address_text = addresses.back(),
            .address = backend.at,
            .check = &by};
  }
  void ExpectChanges(const std::vector<std::pair<int64_t, State>>& expected) {
    ASSERT_EQ(changes.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(changes[i].second, expected[i].second) << i;
      EXPECT_NEAR(static_cast<double>(changes[i].first), static_cast<double>(expected[i].first), 8)
          << i;
    }
    changes.clear();
  }

  fakes::MemoryNet net;
  fakes::MemoryLoop& loop = net.AddLoop(net::IpAddress::V4(0x0a090001));
  Middle middle;
  health::Registry registry;
  topology::HealthCheck check;
  std::deque<std::string> addresses;
  std::vector<std::unique_ptr<Backend>> backends;
  std::vector<std::pair<int64_t, State>> changes;
};

TEST_F(ScheduleTest, NothingIsUpBeforeItsFirstGoodCheck) {
  const Target target = TargetAt(AddBackend("10.1.0.1:80"), check);
  Schedule schedule(loop, middle, registry);
  schedule.Update({&target, 1});
  net.RunFor(milliseconds(499));
  EXPECT_EQ(target.health->state(), State::kDown);
  net.RunFor(milliseconds(20));
  EXPECT_EQ(target.health->state(), State::kUp);
  ExpectChanges({{500, State::kUp}});
}

TEST_F(ScheduleTest, FallAndRiseTakeTheirCountsAtTheFastInterval) {
  Backend& backend = AddBackend("10.1.0.1:80");
  const Target target = TargetAt(backend, check);
  Schedule schedule(loop, middle, registry);
  schedule.Update({&target, 1});
  net.RunFor(milliseconds(1000));
  changes.clear();
  backend.Close();  // asked at 2500 (bad), 3000 (bad), 3500 (bad: down)
  net.RunFor(milliseconds(4000));
  ExpectChanges({{3500, State::kDown}});
  backend.Open();  // asked at 5500 (good), 6000 (good: up)
  net.RunFor(milliseconds(3000));
  ExpectChanges({{6000, State::kUp}});
}

TEST_F(ScheduleTest, OneLostAnswerNowAndThenChangesNothing) {
  Backend& backend = AddBackend("10.1.0.1:80");
  const Target target = TargetAt(backend, check);
  Schedule schedule(loop, middle, registry);
  schedule.Update({&target, 1});
  net.RunFor(milliseconds(1000));
  changes.clear();
  for (int i = 0; i < 20; ++i) {
    backend.Close();
    net.RunFor(milliseconds(1700));  // one or two bad answers
    backend.Open();
    net.RunFor(milliseconds(1000));
  }
  EXPECT_TRUE(changes.empty());
}

TEST_F(ScheduleTest, BlackHoleIsDownAfterFallTimeouts) {
  Backend& backend = AddBackend("10.1.0.1:80");
  const Target target = TargetAt(backend, check);
  Schedule schedule(loop, middle, registry);
  schedule.Update({&target, 1});
  net.RunFor(milliseconds(1000));
  changes.clear();
  net.BlackHole(backend.at);  // asked at 2500, 3500, 4500; each takes its timeout of 1 s
  net.RunFor(seconds(6));
  ExpectChanges({{5500, State::kDown}});
  net.Heal(backend.at);
  net.RunFor(seconds(4));
  EXPECT_EQ(target.health->state(), State::kUp);
}

TEST_F(ScheduleTest, SilentHttpServerIsDownThoughItAccepts) {
  check.type = topology::CheckType::kHttp;
  check.timeout = milliseconds(200);
  Backend& backend = AddBackend("10.1.0.1:80");
  const Target target = TargetAt(backend, check);
  Schedule schedule(loop, middle, registry);
  schedule.Update({&target, 1});
  net.RunFor(milliseconds(1000));
  changes.clear();
  backend.response.clear();  // asked at 2500, 3000, 3500
  net.RunFor(seconds(4));
  ExpectChanges({{3700, State::kDown}});
}

TEST_F(ScheduleTest, FirstChecksAreSpreadOverTheirWindow) {
  std::vector<Target> targets;
  net::Xoshiro random(7);
  SCOPED_TRACE("seed 7");
  for (int i = 0; i < 200; ++i) {
    targets.push_back(TargetAt(AddBackend("10.1.0." + std::to_string(i + 1) + ":80"), check));
  }
  Schedule schedule(loop, random, registry);
  schedule.Update(targets);
  net.RunFor(milliseconds(1100));
  ASSERT_EQ(changes.size(), 200u);
  std::array<int, 10> tenths{};
  for (const auto& [at, state] : changes) ++tenths[std::min<int64_t>(at / 100, 9)];
  for (const int count : tenths) EXPECT_GT(count, 5);
}

TEST_F(ScheduleTest, LaterChecksStayWithinTenPercentOfTheInterval) {
  Backend& backend = AddBackend("10.1.0.1:80");
  net::Xoshiro random(11);
  SCOPED_TRACE("seed 11");
  const Target target = TargetAt(backend, check);
  Schedule schedule(loop, random, registry);
  schedule.Update({&target, 1});
  std::vector<int64_t> times;
  for (size_t seen = 0; times.size() < 50;) {
    net.RunFor(milliseconds(1));
    if (backend.accepted > seen) times.push_back(Milliseconds());
    seen = backend.accepted;
  }
  int64_t low = 10000, high = 0;
  for (size_t i = 1; i < times.size(); ++i) {
    low = std::min(low, times[i] - times[i - 1]);
    high = std::max(high, times[i] - times[i - 1]);
  }
  EXPECT_GE(low, 1798);
  EXPECT_LE(high, 2203);
  EXPECT_LT(low, 1900);
  EXPECT_GT(high, 2100);
}

TEST_F(ScheduleTest, RecheckAsksAtOnceAndFastUntilSure) {
  Backend& backend = AddBackend("10.1.0.1:80");
  const Target target = TargetAt(backend, check);
  Schedule schedule(loop, middle, registry);
  schedule.Update({&target, 1});
  net.RunFor(milliseconds(1000));
  changes.clear();
  backend.Close();
  schedule.Recheck(*target.health);  // asked at 1000, 1500, 2000
  net.RunFor(seconds(2));
  ExpectChanges({{2000, State::kDown}});
}

TEST_F(ScheduleTest, RechecksAreCoalescedAndBounded) {
  Backend& backend = AddBackend("10.1.0.1:80");
  const Target target = TargetAt(backend, check);
  Schedule schedule(loop, middle, registry);
  schedule.Update({&target, 1});
  net.RunFor(milliseconds(1000));
  const size_t before = backend.accepted;
  for (int i = 0; i < 1000; ++i) {
    schedule.Recheck(*target.health);
    net.RunFor(milliseconds(1));
  }
  EXPECT_LE(backend.accepted - before, 21u);  // one in 50 ms
  EXPECT_GE(backend.accepted - before, 15u);
}

TEST_F(ScheduleTest, GoodRecheckClearsSuspicion) {
  Backend& backend = AddBackend("10.1.0.1:80");
  const Target target = TargetAt(backend, check);
  registry.OnSuspect([&](health::EndpointHealth&) {});
  Schedule schedule(loop, middle, registry);
  schedule.Update({&target, 1});
  net.RunFor(milliseconds(1000));
  const health::EndpointHealth* const peers[] = {target.health};
  registry.Report(*target.health, health::Outcome::kConnectFailed, {}, peers, 1, loop.Now());
  ASSERT_EQ(target.health->state(), State::kDown);
  schedule.Recheck(*target.health);
  net.RunFor(milliseconds(20));
  EXPECT_EQ(target.health->state(), State::kUp);
}

TEST_F(ScheduleTest, BadCheckDoesNotClearSuspicion) {
  Backend& backend = AddBackend("10.1.0.1:80");
  const Target target = TargetAt(backend, check);
  Schedule schedule(loop, middle, registry);
  schedule.Update({&target, 1});
  net.RunFor(milliseconds(1000));
  const health::EndpointHealth* const peers[] = {target.health};
  registry.Report(*target.health, health::Outcome::kConnectFailed, {}, peers, 1, loop.Now());
  backend.Close();
  schedule.Recheck(*target.health);
  net.RunFor(milliseconds(100));
  EXPECT_EQ(target.health->facts().probe, Probe::kUp);
  EXPECT_EQ(target.health->state(), State::kDown);
}

TEST_F(ScheduleTest, UpdateKeepsWhatIsKnownAndStopsWhatIsGone) {
  Backend& stays = AddBackend("10.1.0.1:80");
  Backend& goes = AddBackend("10.1.0.2:80");
  const std::vector<Target> before = {TargetAt(stays, check), TargetAt(goes, check)};
  Schedule schedule(loop, middle, registry);
  schedule.Update(before);
  net.RunFor(milliseconds(1000));
  changes.clear();
  const topology::HealthCheck same = check;
  Target again = before[0];
  again.check = &same;
  schedule.Update({&again, 1});
  const size_t asked_before = goes.accepted;
  net.RunFor(seconds(5));
  EXPECT_TRUE(changes.empty());
  EXPECT_EQ(goes.accepted, asked_before);
  EXPECT_EQ(stays.accepted, 3u);  // 500, 2500, 4500: the rhythm goes on
}

TEST_F(ScheduleTest, AnotherCheckOfAKnownEndpointBeginsWithItsVerdict) {
  Backend& backend = AddBackend("10.1.0.1:80");
  const Target before = TargetAt(backend, check);
  Schedule schedule(loop, middle, registry);
  schedule.Update({&before, 1});
  net.RunFor(milliseconds(1000));
  topology::HealthCheck other = check;
  other.name = "ready";
  const Target after = TargetAt(backend, other);
  ASSERT_NE(after.health, before.health);
  schedule.Update({&after, 1});
  EXPECT_EQ(after.health->state(), State::kUp);
}

TEST_F(ScheduleTest, ReturningEndpointIsNotUpByWhatWasKnownLongAgo) {
  Backend& backend = AddBackend("10.1.0.1:80");
  const Target target = TargetAt(backend, check);
  Schedule schedule(loop, middle, registry);
  schedule.Update({&target, 1});
  net.RunFor(milliseconds(1000));
  schedule.Update({});
  backend.Close();
  net.RunFor(seconds(60));
  schedule.Update({&target, 1});
  EXPECT_EQ(target.health->state(), State::kDown);
  EXPECT_EQ(target.health->facts().probe, Probe::kUnknown);
}

TEST_F(ScheduleTest, ChangedDefinitionIsAskedAnewAndKeepsTheVerdict) {
  check.type = topology::CheckType::kHttp;
  check.interval = seconds(60);
  Backend& backend = AddBackend("10.1.0.1:80");
  const Target target = TargetAt(backend, check);
  Schedule schedule(loop, middle, registry);
  schedule.Update({&target, 1});
  net.RunFor(seconds(2));
  topology::HealthCheck changed = check;
  changed.path = "/ready";
  Target after = target;
  after.check = &changed;
  schedule.Update({&after, 1});
  EXPECT_EQ(target.health->state(), State::kUp);
  net.RunFor(milliseconds(100));
  EXPECT_TRUE(backend.last_request.starts_with("GET /ready "));
}

TEST_F(ScheduleTest, SharedEndpointIsAskedOnce) {
  Backend& backend = AddBackend("10.1.0.1:80");
  const Target target = TargetAt(backend, check);
  const std::vector<Target> twice = {target, target};
  Schedule schedule(loop, middle, registry);
  schedule.Update(twice);
  net.RunFor(milliseconds(1000));
  EXPECT_EQ(backend.accepted, 1u);
}

TEST_F(ScheduleTest, ReadyIsToldOnceEveryCheckHasAnsweredEitherWay) {
  Backend& good = AddBackend("10.1.0.1:80");
  Backend& hole = AddBackend("10.1.0.2:80");
  net.BlackHole(hole.at);
  const std::vector<Target> targets = {TargetAt(good, check), TargetAt(hole, check)};
  Schedule schedule(loop, middle, registry);
  int ready = 0;
  schedule.WhenAllAnswered([&] { ++ready; });
  net.RunFor(milliseconds(100));
  EXPECT_EQ(ready, 0);
  schedule.Update(targets);
  net.RunFor(milliseconds(1390));
  EXPECT_EQ(ready, 0);
  net.RunFor(milliseconds(200));  // asked at 600, timed out at 1600
  EXPECT_EQ(ready, 1);
  net.RunFor(seconds(5));
  EXPECT_EQ(ready, 1);
}

TEST_F(ScheduleTest, NothingToCheckIsReadyAtOnce) {
  Schedule schedule(loop, middle, registry);
  int ready = 0;
  schedule.Update({});
  schedule.WhenAllAnswered([&] { ++ready; });
  net.RunFor(milliseconds(2));
  EXPECT_EQ(ready, 1);
}

TEST_F(ScheduleTest, ChecksUnderWayAreBounded) {
  std::vector<Target> targets;
  for (int i = 0; i < 50; ++i) {
    Backend& backend = AddBackend("10.1.0." + std::to_string(i + 1) + ":80");
    net.BlackHole(backend.at);
    targets.push_back(TargetAt(backend, check));
  }
  Schedule schedule(loop, middle, registry, nullptr, 8);
  schedule.Update(targets);
  int ready = 0;
  schedule.WhenAllAnswered([&] { ++ready; });
  for (int i = 0; i < 100; ++i) {
    net.RunFor(milliseconds(50));
    EXPECT_LE(net.open_streams(), 16u);  // both sides of eight
  }
  net.RunFor(seconds(4));
  EXPECT_EQ(ready, 1);
  for (const Target& target : targets) EXPECT_EQ(target.health->facts().probe, Probe::kDown);
}

TEST_F(ScheduleTest, DestroyedWhileChecksAreUnderWayLeavesNothing) {
  std::vector<Target> targets;
  for (int i = 0; i < 20; ++i) {
    Backend& backend = AddBackend("10.1.0." + std::to_string(i + 1) + ":80");
    net.BlackHole(backend.at);
    targets.push_back(TargetAt(backend, check));
  }
  {
    Schedule schedule(loop, middle, registry, nullptr, 8);
    schedule.Update(targets);
    net.RunFor(milliseconds(600));
  }
  for (const Target& target : targets) net.Heal(target.address);
  net.RunFor(seconds(1));
  EXPECT_EQ(net.open_streams(), 0u);
}

class Sums final : public MetricSink {
 public:
  void Count(std::string_view name, std::string_view, Labels labels, uint64_t value) override {
    values[Key(name, labels)] += static_cast<double>(value);
  }
  void Gauge(std::string_view name, std::string_view, Labels labels, double value) override {
    values[Key(name, labels)] += value;
  }
  void Distribution(std::string_view name, std::string_view, Labels labels,
                    const Histogram::Values& given) override {
    for (const uint64_t count : given.counts)
      values[Key(name, labels)] += static_cast<double>(count);
  }
  static std::string Key(std::string_view name, Labels labels) {
    std::string key(name);
    for (const Label& label : labels) key.append(" ").append(label.value);
    return key;
  }
  std::map<std::string, double> values;
};

TEST_F(ScheduleTest, EveryKindOfAnswerMovesItsCounter) {
  check.type = topology::CheckType::kHttp;
  Backend& backend = AddBackend("10.1.0.1:80");
  const Target target = TargetAt(backend, check);
  Schedule schedule(loop, middle, registry);
  schedule.Update({&target, 1});
  net.RunFor(milliseconds(1000));  // good
  const auto ask = [&] {
    net.RunFor(milliseconds(60));
    schedule.Recheck(*target.health);
    net.RunFor(milliseconds(1100));
  };
  backend.response = "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n";
  ask();
  backend.response = "SMTP ready\r\n";
  ask();
  backend.close_at_once = true;
  ask();
  net.BlackHole(backend.at);
  ask();
  net.Heal(backend.at);
  net.Refuse(backend.at);
  ask();
  Sums sums;
  schedule.Collect(sums);
  double total = 0;
  for (const char* result : {"good", "status", "malformed", "reset", "timeout", "refused"}) {
    const double count = sums.values[std::string("meridian_checks_total dallas port ") + result];
    EXPECT_GE(count, 1) << result;
    total += count;
  }
  EXPECT_EQ(sums.values["meridian_check_duration_seconds dallas port"], total);
  EXPECT_EQ(sums.values["meridian_checks_scheduled"], 1);
}

TEST_F(ScheduleTest, AnAgentAloneIsVerdictAndWord) {
  check.type = topology::CheckType::kAgent;
  Backend& backend = AddBackend("10.1.0.1:80");
  backend.greeting = "down # not yet\n";
  const Target target = TargetAt(backend, check);
  Schedule schedule(loop, middle, registry);
  schedule.Update({&target, 1});
  net.RunFor(milliseconds(1000));
  EXPECT_EQ(target.health->facts().probe, Probe::kUp);
  EXPECT_EQ(target.health->facts().agent, health::Agent::kDown);
  EXPECT_EQ(registry.AgentReason(*target.health), "not yet");
  EXPECT_TRUE(changes.empty()) << "it was never up";
  backend.greeting = "up 40%\n";
  net.RunFor(seconds(2));
  EXPECT_EQ(target.health->state(), State::kUp);
  EXPECT_EQ(target.health->agent_share(), 40u);
  backend.greeting = "what?\n";  // malformed, three times
  net.RunFor(seconds(4));
  EXPECT_EQ(target.health->facts().probe, Probe::kDown);
  EXPECT_EQ(target.health->facts().agent, health::Agent::kUp) << "what it said before holds";
}

TEST_F(ScheduleTest, AnAgentBesideHasAWordAndItsSilenceNone) {
  Backend& backend = AddBackend("10.1.0.1:80");
  Backend& agent = AddBackend("10.1.0.1:81");
  agent.greeting = "drain # being replaced\n";
  topology::HealthCheck asked = check;
  asked.name = "port agent";
  asked.type = topology::CheckType::kAgent;
  std::vector<Target> targets = {TargetAt(backend, check), TargetAt(backend, check)};
  targets[0].check = &asked;
  targets[0].address = agent.at;
  targets[0].beside = true;
  health::EndpointHealth& health = *targets[1].health;
  Schedule schedule(loop, middle, registry);
  schedule.Update(targets);
  bool ready = false;
  schedule.WhenAllAnswered([&] { ready = true; });
  net.RunFor(milliseconds(1000));
  EXPECT_TRUE(ready);
  EXPECT_EQ(health.state(), State::kDraining);
  EXPECT_STREQ(health::Cause(health.facts()), "agent");
  net.BlackHole(agent.at);
  net.RunFor(seconds(60));
  EXPECT_EQ(health.state(), State::kDraining) << "what it said last holds";
  EXPECT_EQ(health.facts().probe, Probe::kUp);
  net.Heal(agent.at);
  agent.greeting = "maint\n";
  net.RunFor(seconds(4));
  EXPECT_EQ(health.state(), State::kOut);
  schedule.Update(targets);
  EXPECT_EQ(health.state(), State::kOut) << "a reload that changes nothing";
  schedule.Update({&targets[1], 1});
  EXPECT_EQ(health.state(), State::kUp) << "nobody listens to the agent any more";
  EXPECT_EQ(health.facts().agent, health::Agent::kNone);
}

TEST_F(ScheduleTest, WhatAnAgentSaidOutlivesAnotherNameOfItsCheck) {
  check.type = topology::CheckType::kAgent;
  Backend& backend = AddBackend("10.1.0.1:80");
  backend.greeting = "drain\n";
  const Target before = TargetAt(backend, check);
  Schedule schedule(loop, middle, registry);
  schedule.Update({&before, 1});
  net.RunFor(milliseconds(1000));
  topology::HealthCheck other = check;
  other.name = "renamed";
  const Target after = TargetAt(backend, other);
  schedule.Update({&after, 1});
  EXPECT_EQ(after.health->state(), State::kDraining);
}

TEST_F(ScheduleTest, ASilentTargetDelaysNoOther) {
  topology::HealthCheck types[3] = {check, check, check};
  types[0].type = topology::CheckType::kHttp;
  types[1].type = topology::CheckType::kAgent;
  types[2].type = topology::CheckType::kTcp;
  std::vector<Target> targets;
  for (int i = 0; i < 60; ++i) {
    Backend& backend = AddBackend("10.1.0." + std::to_string(i + 1) + ":80");
    backend.response.clear();
    if (i % 3 == 2) net.BlackHole(backend.at);
    targets.push_back(TargetAt(backend, types[i % 3]));
  }
  targets.push_back(TargetAt(AddBackend("10.1.1.1:80"), check));
  Schedule schedule(loop, middle, registry);
  schedule.Update(targets);
  net.RunFor(milliseconds(700));
  ExpectChanges({{500, State::kUp}});
  backends.back()->Close();  // asked at 2500 (bad), 3000 (bad), 3500 (bad: down)
  net.RunFor(seconds(4));
  ExpectChanges({{3500, State::kDown}});
}

}  // namespace
}  // namespace meridian::probe
