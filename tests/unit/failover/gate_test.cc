// The gate: each obstacle alone closes it, and unknown is not zero.
#include <meridian/failover/gate.h>

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace meridian::failover {
namespace {

using namespace std::chrono_literals;

struct Candidate {
  Candidate() {
    policy.max_backlog = 64 << 20;
    seen.verdict = Verdict::kUp;
    ReplicationStatus status;
    status.at = now - 1s;
    status.role = Role::kStandby;
    status.lag = 1s;
    status.backlog_bytes = 4096;
    status.epoch = 7;
    seen.replication = status;
  }
  Gate Evaluate() const {
    return EvaluateGate("dallas", seen, {policy, 7, now, MonotonicTime(95s)});
  }
  MonotonicTime now{100s};
  Policy policy;
  Observation seen;
};

TEST(Gate, OpensForAHealthyStandbyThatIsCloseBehind) {
  const Candidate dallas;
  EXPECT_TRUE(dallas.Evaluate().is_open());
  EXPECT_EQ(Describe(dallas.Evaluate(), dallas.policy),
            "dallas would open: lag 1s of 30s, backlog 4.0 KiB of 64.0 MiB");
}

TEST(Gate, IsClosedByEachObstacleAlone) {
  using Change = void (*)(Candidate&);
  const std::pair<Obstacle, Change> cases[] = {
      {Obstacle::kHealthUnknown, [](Candidate& c) { c.seen.verdict = Verdict::kUnknown; }},
      {Obstacle::kDown, [](Candidate& c) { c.seen.verdict = Verdict::kDown; }},
      {Obstacle::kOut, [](Candidate& c) { c.seen.verdict = Verdict::kOut; }},
      {Obstacle::kNoStatus, [](Candidate& c) { c.seen.replication.reset(); }},
      {Obstacle::kStale, [](Candidate& c) { c.seen.replication->at = c.now - 3s - 1ns; }},
      {Obstacle::kBeforeFailure,
       [](Candidate& c) {
         c.policy.status_interval = 10s;
         c.seen.replication->at = MonotonicTime(95s) - 1ns;
       }},
      {Obstacle::kNotStandby, [](Candidate& c) { c.seen.replication->role = Role::kPrimary; }},
      {Obstacle::kNotStandby, [](Candidate& c) { c.seen.replication->role = Role::kUnknown; }},
      {Obstacle::kLagUnknown, [](Candidate& c) { c.seen.replication->lag.reset(); }},
      {Obstacle::kLag, [](Candidate& c) { c.seen.replication->lag = 30s + 1ns; }},
      {Obstacle::kBacklogUnknown, [](Candidate& c) { c.seen.replication->backlog_bytes.reset(); }},
      {Obstacle::kBacklog,
       [](Candidate& c) { c.seen.replication->backlog_bytes = (64 << 20) + 1; }},
      {Obstacle::kOlderEpoch, [](Candidate& c) { c.seen.replication->epoch = 6; }},
  };
  std::set<Obstacle> seen;
  for (const auto& [obstacle, change] : cases) {
    Candidate dallas;
    change(dallas);
    const Gate gate = dallas.Evaluate();
    EXPECT_TRUE(gate.Has(obstacle)) << Name(obstacle);
    EXPECT_EQ(gate.obstacles, 1u << static_cast<int>(obstacle)) << Name(obstacle);
    EXPECT_FALSE(gate.is_open());
    EXPECT_TRUE(Describe(gate, dallas.policy).starts_with("dallas stays closed: "));
    seen.insert(obstacle);
  }
  EXPECT_EQ(seen.size(), kObstacleCount);
}

TEST(Gate, StandsOpenExactlyAtItsLimits) {
  Candidate dallas;
  dallas.seen.replication->lag = 30s;
  dallas.seen.replication->backlog_bytes = 64 << 20;
  dallas.seen.replication->at = dallas.now - 3s;
  EXPECT_TRUE(dallas.Evaluate().is_open());
}

TEST(Gate, NeedsNoBacklogWhereThereIsNoLimit) {
  Candidate dallas;
  dallas.policy.max_backlog.reset();
  dallas.seen.replication->backlog_bytes.reset();
  EXPECT_TRUE(dallas.Evaluate().is_open());
}

TEST(Gate, TellsAllThatIsInTheWayWithItsNumbers) {
  Candidate dallas;
  dallas.seen.verdict = Verdict::kDown;
  dallas.seen.replication->lag = 41s;
  dallas.seen.replication->epoch = 5;
  EXPECT_EQ(Describe(dallas.Evaluate(), dallas.policy),
            "dallas stays closed: down; lag 41s, limit 30s; it announces the older epoch 5");
}

TEST(Gate, HasAPositionOnceNothingMovesIt) {
  Candidate dallas;
  dallas.seen.replication->position_bytes = 4096;
  dallas.seen.replication->source_connected = false;
  EXPECT_EQ(dallas.Evaluate().position_bytes, 4096u);
  dallas.seen.replication->source_connected = true;
  EXPECT_FALSE(dallas.Evaluate().position_bytes) << "it receives more";
  dallas.seen.replication->source_connected = false;
  EXPECT_FALSE(EvaluateGate("dallas", dallas.seen, {dallas.policy, 7, dallas.now, std::nullopt})
                   .position_bytes)
      << "nothing has failed";
}

struct FreshestGate : testing::Test {
  void Add(const char* site, std::optional<uint64_t> position, Duration lag, bool is_open = true) {
    Gate gate;
    gate.site = site;
    gate.position_bytes = position;
    gate.lag = lag;
    gate.obstacles = is_open ? 0 : 1;
    gates.push_back(gate);
  }
  std::string Chosen() const {
    const Preference chosen = Freshest(gates, Policy{});
    if (chosen.gate == nullptr) return "none";
    return chosen.gate->site + (chosen.why.empty() ? "" : ": " + chosen.why);
  }
  std::vector<Gate> gates;
};

TEST_F(FreshestGate, IsTheOneThatReachesFurthestWhateverTheOrderAndTheLag) {
  Add("dallas", 1000, 1s);
  Add("reno", 5096, 9s);
  Add("austin", 2000, 0s);
  EXPECT_EQ(Chosen(), "reno: 4.0 KiB ahead of dallas");
  gates[0].position_bytes = 5097;
  EXPECT_EQ(Chosen(), "dallas: 1 B ahead of reno");
}

TEST_F(FreshestGate, IsTheFirstInOrderWhereTheyAreLevel) {
  Add("dallas", 1000, 9s);
  Add("reno", 1000, 1s);
  EXPECT_EQ(Chosen(), "dallas: level with reno, and before it in order");
  Add("austin", 999, 0s);
  EXPECT_EQ(Chosen(), "dallas: level with reno, and before it in order");
}

TEST_F(FreshestGate, IsNeverAClosedOne) {
  EXPECT_EQ(Chosen(), "none");
  Add("dallas", 9000, 0s, false);
  EXPECT_EQ(Chosen(), "none");
  Add("reno", 10, 9s);
  EXPECT_EQ(Chosen(), "reno");
}

TEST_F(FreshestGate, IsTheOneThatIsKnownBeforeOneThatIsNot) {
  Add("dallas", std::nullopt, 1s);
  Add("reno", 10, 2s);
  Add("austin", 20, 2s);
  EXPECT_EQ(Chosen(), "austin: where the log of dallas ends is unknown");
  gates[0].lag = 0s;
  gates[2].lag = 4s;
  EXPECT_EQ(Chosen(), "dallas: first in order") << "but not if it lags by far more";
}

TEST_F(FreshestGate, GoesByLagWhereNothingElseIsKnownAndOnlyByMoreThanAgesMayHide) {
  Add("dallas", std::nullopt, 3s);
  Add("reno", std::nullopt, 0s);
  EXPECT_EQ(Chosen(), "dallas: first in order");
  gates[0].lag = 3001ms;
  EXPECT_EQ(Chosen(), "reno: its lag is 0s, that of dallas 3s");
}

TEST(Gate, HasANameForEveryObstacle) {
  std::set<std::string> names;
  for (size_t i = 0; i < kObstacleCount; ++i) names.insert(Name(static_cast<Obstacle>(i)));
  EXPECT_EQ(names.size(), kObstacleCount);
}

}  // namespace
}  // namespace meridian::failover
