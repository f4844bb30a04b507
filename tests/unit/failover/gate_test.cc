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

TEST(Gate, HasANameForEveryObstacle) {
  std::set<std::string> names;
  for (size_t i = 0; i < kObstacleCount; ++i) names.insert(Name(static_cast<Obstacle>(i)));
  EXPECT_EQ(names.size(), kObstacleCount);
}

}  // namespace
}  // namespace meridian::failover
