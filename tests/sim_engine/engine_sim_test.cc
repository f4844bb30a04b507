// Seeded worlds, each with its own faults and operator: 32 by default, 10,000 under
// MERIDIAN_FULL=1, exactly one under MERIDIAN_SEED=n. A seed that breaks an invariant is printed
// and breaks it again.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "model_world.h"

namespace meridian::failover::sim {
namespace {

constexpr int kSteps = 3000;  // of 100 ms
constexpr int kShards = 16;   // so that each ends within its time in the full run

class EngineWorlds : public testing::TestWithParam<int> {};

TEST_P(EngineWorlds, KeepEveryInvariant) {
  if (const char* seed = std::getenv("MERIDIAN_SEED")) {
    World world(std::strtoull(seed, nullptr, 10));
    world.Run(kSteps);
    ASSERT_EQ(world.broken(), "") << "seed " << seed;
    return;
  }
  const char* full = std::getenv("MERIDIAN_FULL");
  const uint64_t count = full != nullptr && std::string(full) == "1" ? 10'000 : 32;
  for (uint64_t seed = 1 + static_cast<uint64_t>(GetParam()); seed <= count; seed += kShards) {
    World world(seed);
    world.Run(kSteps);
    ASSERT_EQ(world.broken(), "") << "seed " << seed << "; again with MERIDIAN_SEED=" << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(Shards, EngineWorlds, testing::Range(0, kShards));

TEST(EngineWorld, IsTheSameForTheSameSeed) {
  World one(7), two(7), other(8);
  one.Run(kSteps);
  two.Run(kSteps);
  other.Run(kSteps);
  EXPECT_EQ(one.digest(), two.digest());
  EXPECT_NE(one.digest(), other.digest());
}

template <size_t N>
void Add(std::array<uint64_t, N>& sum, const std::array<uint64_t, N>& one) {
  for (size_t i = 0; i < N; ++i) sum[i] += one[i];
}

TEST(EngineWorld, GoesThroughEveryFaultOrderStateAndCause) {
  Coverage sum;
  ClientCoverage clients;
  for (uint64_t seed = 1; seed <= 32; ++seed) {
    World world(seed);
    world.Run(kSteps);
    Add(sum.states, world.coverage().states);
    Add(sum.causes, world.coverage().causes);
    Add(sum.faults, world.coverage().faults);
    Add(sum.orders, world.coverage().orders);
    Add(clients.reasons, world.clients().reasons);
    Add(clients.pins, world.clients().pins);
    Add(clients.refusals, world.clients().refusals);
    clients.explained += world.clients().explained;
    sum.writes += world.coverage().writes;
    sum.aborted += world.coverage().aborted;
    sum.questions += world.coverage().questions;
    sum.refused += world.coverage().refused;
    sum.late += world.coverage().late;
    sum.out_of_order += world.coverage().out_of_order;
    Add(sum.refusals, world.coverage().refusals);
    sum.reads_elsewhere += world.coverage().reads_elsewhere;
  }
  for (size_t i = 0; i < kStateCount; ++i) {
    EXPECT_GT(sum.states[i], 0u) << Name(static_cast<State>(i));
  }
  for (size_t i = 0; i < kFaultCount; ++i) {
    EXPECT_GT(sum.faults[i], 0u) << Name(static_cast<Fault>(i));
  }
  for (size_t i = 0; i < kOrderCount; ++i) EXPECT_GT(sum.orders[i], 0u) << "order " << i;
  for (const Cause cause :
       {Cause::kAutomatic, Cause::kFailback, Cause::kOperator, Cause::kForced, Cause::kResolved}) {
    EXPECT_GT(sum.causes[static_cast<size_t>(cause)], 0u) << Name(cause);
  }
  using routing::NoChoice;
  using routing::Pin;
  using routing::Reason;
  for (const Reason reason :
       {Reason::kSession, Reason::kNearest, Reason::kWeighted, Reason::kDegraded, Reason::kSpill,
        Reason::kFailover, Reason::kPanic}) {
    EXPECT_GT(clients.reasons[static_cast<size_t>(reason)], 0u) << routing::Name(reason);
  }
  for (const Pin pin : {Pin::kNew, Pin::kKept, Pin::kMoved, Pin::kInvalid}) {
    EXPECT_GT(clients.pins[static_cast<size_t>(pin)], 0u) << routing::Name(pin);
  }
  for (const NoChoice why : {NoChoice::kAllDown, NoChoice::kSessionRejected, NoChoice::kAtCapacity,
                             NoChoice::kExhausted}) {
    EXPECT_GT(clients.refusals[static_cast<size_t>(why)], 0u) << routing::Name(why);
  }
  EXPECT_GT(clients.explained, 100u);
  EXPECT_GT(sum.aborted, 0u);
  EXPECT_GT(sum.questions, 20u);
  EXPECT_GT(sum.refused, 3u);
  EXPECT_GT(sum.late, 0u);
  EXPECT_GT(sum.out_of_order, 0u);
  for (const NoChoice why : {NoChoice::kAllDown, NoChoice::kHeld, NoChoice::kRefused}) {
    EXPECT_GT(sum.refusals[static_cast<size_t>(why)], 0u) << "billing: " << routing::Name(why);
  }
  EXPECT_GT(sum.reads_elsewhere, 1'000u);
  EXPECT_GT(sum.writes, 10'000u);
}

}  // namespace
}  // namespace meridian::failover::sim
