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

class FailoverWorlds : public testing::TestWithParam<int> {};

TEST_P(FailoverWorlds, KeepEveryInvariant) {
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

INSTANTIATE_TEST_SUITE_P(Shards, FailoverWorlds, testing::Range(0, kShards));

TEST(FailoverWorld, IsTheSameForTheSameSeed) {
  World one(7), two(7), other(8);
  one.Run(kSteps);
  two.Run(kSteps);
  other.Run(kSteps);
  EXPECT_EQ(one.digest(), two.digest());
  EXPECT_NE(one.digest(), other.digest());
}

TEST(FailoverWorld, GoesThroughEveryStateAndCause) {
  Coverage sum;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    World world(seed);
    world.Run(kSteps);
    const Coverage& one = world.coverage();
    for (size_t i = 0; i < kStateCount; ++i) sum.states[i] += one.states[i];
    for (size_t i = 0; i < kCauseCount; ++i) sum.causes[i] += one.causes[i];
    sum.crashes_in_save += one.crashes_in_save;
    sum.writes += one.writes;
    sum.aborted += one.aborted;
  }
  for (size_t i = 0; i < kStateCount; ++i) {
    EXPECT_GT(sum.states[i], 0u) << Name(static_cast<State>(i));
  }
  for (const Cause cause :
       {Cause::kAutomatic, Cause::kFailback, Cause::kOperator, Cause::kForced, Cause::kResolved}) {
    EXPECT_GT(sum.causes[static_cast<size_t>(cause)], 0u) << Name(cause);
  }
  EXPECT_GT(sum.crashes_in_save, 0u);
  EXPECT_GT(sum.aborted, 0u);
  EXPECT_GT(sum.writes, 10'000u);
}

}  // namespace
}  // namespace meridian::failover::sim
