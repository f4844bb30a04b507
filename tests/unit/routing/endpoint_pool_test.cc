// The four balances, against what is published of each.
#include "routing/endpoint_pool.h"
#include "unit/routing/world.h"

#include <gtest/gtest.h>

#include <thread>

namespace meridian::routing {
namespace {

using topology::Balance;

class PoolTest : public testing::Test {
 protected:
  void Make(Balance balance, const std::vector<uint32_t>& weights, bool hashed = false) {
    auto& site = world_.AddSite("paris", 48.8, 2.3, static_cast<int>(weights.size()));
    for (size_t i = 0; i < weights.size(); ++i) site.services["web"][i].weight = weights[i];
    world_.Build();
    endpoints_ = world_.table().Pool(world_.service(), SiteId{0});
    pool_.Build({.endpoints = endpoints_, .balance = balance, .hashed = hashed});
  }
  void SetUp(size_t index, bool up) { world_.SetUp(endpoints_[index], up); }
  std::optional<uint32_t> Pick(uint64_t draw, uint64_t hash = 0) const {
    return pool_.Pick({.hash = hash, .draw = draw});
  }
  std::vector<int> Count(int picks, net::Random& random) {
    std::vector<int> count(endpoints_.size(), 0);
    for (int i = 0; i < picks; ++i) ++count[*Pick(random.Next(), random.Next())];
    return count;
  }

  World world_;
  std::span<const Endpoint> endpoints_;
  EndpointPool pool_;
};
using LeastConnections = PoolTest;
using RoundRobin = PoolTest;
using HashBalance = PoolTest;
using RandomBalance = PoolTest;
using AnyBalance = PoolTest;
using Status = PoolTest;

TEST_F(LeastConnections, TakesTheLeastLoadedOfUpToThree) {
  Make(Balance::kLeastConnections, {1, 2, 4});
  net::Xoshiro random(1);
  for (int round = 0; round < 2000; ++round) {
    const uint32_t picked = *Pick(random.Next());
    const auto load = [&](uint32_t i) {
      return (endpoints_[i].health->in_flight() + 1.0) / endpoints_[i].weight;
    };
    for (uint32_t i = 0; i < 3; ++i) EXPECT_LE(load(picked), load(i) + 1e-9);
    endpoints_[picked].health->Begin();
    if (round % 3 == 0) endpoints_[*Pick(random.Next())].health->Begin();
  }
}

// Of n with distinct loads, the one of rank r (0: the least loaded) is the better of two different
// random ones in 2 (n − 1 − r) of n (n − 1) cases: the fullest never wins.
TEST_F(LeastConnections, IsTheBetterOfTwoDifferentRandomOnes) {
  const std::vector<uint32_t> weights = {3, 1, 2, 5, 1, 4, 2, 1};
  Make(Balance::kLeastConnections, weights);
  const size_t n = weights.size();
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < (i * 5 + 3) % n * 10 + i; ++j) endpoints_[i].health->Begin();
  }
  std::vector<uint32_t> by_load(n);
  for (uint32_t i = 0; i < n; ++i) by_load[i] = i;
  const auto load = [&](uint32_t i) {
    return (endpoints_[i].health->in_flight() + 1.0) / endpoints_[i].weight;
  };
  std::sort(by_load.begin(), by_load.end(),
            [&](uint32_t a, uint32_t b) { return load(a) < load(b); });
  for (size_t rank = 1; rank < n; ++rank) ASSERT_LT(load(by_load[rank - 1]), load(by_load[rank]));
  net::Xoshiro random(21);
  constexpr int kPicks = 28'000;
  const std::vector<int> count = Count(kPicks, random);
  for (size_t rank = 0; rank < n; ++rank) {
    const double share = 2.0 * static_cast<double>(n - 1 - rank) / static_cast<double>(n * (n - 1));
    EXPECT_TRUE(WithinBinomial(count[by_load[rank]], kPicks, share))
        << "rank " << rank << ": " << count[by_load[rank]];
  }
  EXPECT_EQ(count[by_load[n - 1]], 0);
}

// With two choices the fullest of n bins is ln ln n / ln 2 + O(1) above the mean (Azar et al.
// 1994).
TEST_F(LeastConnections, KeepsLoadsCloseWithTwoRandomChoices) {
  Make(Balance::kLeastConnections, std::vector<uint32_t>(50, 1));
  net::Xoshiro random(2);
  for (int i = 0; i < 5000; ++i) endpoints_[*Pick(random.Next())].health->Begin();
  for (const Endpoint& endpoint : endpoints_) {
    EXPECT_NEAR(endpoint.health->in_flight(), 100, 8) << endpoint.address_text;
  }
}

TEST_F(LeastConnections, LoadsByWeight) {
  Make(Balance::kLeastConnections, {1, 1, 2, 4});
  net::Xoshiro random(3);
  for (int i = 0; i < 8000; ++i) endpoints_[*Pick(random.Next())].health->Begin();
  for (const Endpoint& endpoint : endpoints_) {
    EXPECT_NEAR(endpoint.health->in_flight(), 1000.0 * endpoint.weight, 100.0 * endpoint.weight);
  }
}

TEST_F(LeastConnections, SpreadsTies) {
  Make(Balance::kLeastConnections, {1, 1});
  net::Xoshiro random(4);
  const std::vector<int> count = Count(4000, random);
  EXPECT_TRUE(WithinBinomial(count[0], 4000, 0.5)) << count[0];
}

// The sequence that nginx's documentation of the algorithm gives for weights 5, 1, 1.
TEST_F(RoundRobin, GivesTheSmoothSequence) {
  Make(Balance::kRoundRobin, {5, 1, 1});
  std::string sequence;
  for (int i = 0; i < 14; ++i) sequence += static_cast<char>('a' + *Pick(0));
  EXPECT_EQ(sequence, "aabacaaaabacaa");
}

TEST_F(RoundRobin, EqualsTheRunningAlgorithmForAnyWeights) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    net::Xoshiro random(seed);
    std::vector<uint32_t> weights(1 + random.Next() % 8);
    for (uint32_t& weight : weights) weight = static_cast<uint32_t>(1 + random.Next() % 20);
    const std::vector<uint16_t> cycle = SmoothCycle(weights, 4096);
    std::vector<int64_t> current(weights.size(), 0);
    int64_t total = 0;
    for (const uint32_t weight : weights) total += weight;
    for (int turn = 0; turn < 500; ++turn) {
      size_t best = 0;
      for (size_t i = 0; i < weights.size(); ++i) {
        current[i] += weights[i];
        if (current[i] > current[best]) best = i;
      }
      current[best] -= total;
      ASSERT_EQ(cycle[static_cast<size_t>(turn) % cycle.size()], best)
          << "seed " << seed << " turn " << turn;
    }
  }
}

TEST_F(RoundRobin, BoundsItsCycleAndKeepsShares) {
  const std::vector<uint32_t> weights = {1'000'003, 500'009, 1};
  const std::vector<uint16_t> cycle = SmoothCycle(weights, 4096);
  EXPECT_LE(cycle.size(), 4096u + weights.size());
  const auto first = std::count(cycle.begin(), cycle.end(), 0);
  EXPECT_NEAR(static_cast<double>(first) / static_cast<double>(cycle.size()), 2.0 / 3, 0.002);
  EXPECT_EQ(std::count(cycle.begin(), cycle.end(), 2), 1);
}

TEST_F(RoundRobin, PassesOverWhatIsDownOrWithoutWeight) {
  Make(Balance::kRoundRobin, {1, 0, 1, 1});
  SetUp(2, false);
  std::vector<int> count(4, 0);
  for (int i = 0; i < 300; ++i) ++count[*Pick(0)];
  EXPECT_EQ(count, (std::vector<int>{150, 0, 0, 150}));
}

TEST_F(RoundRobin, LosesNoTurnAmongThreads) {
  Make(Balance::kRoundRobin, {3, 2, 1});
  std::array<std::atomic<int>, 3> count{};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      for (int turn = 0; turn < 2000; ++turn) ++count[*Pick(0)];
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(count[0], 3000);
  EXPECT_EQ(count[1], 2000);
  EXPECT_EQ(count[2], 1000);
}

TEST_F(RoundRobin, StaysWhereItIsWhenOnlyPeekedAt) {
  Make(Balance::kRoundRobin, {1, 1, 1});
  const std::optional<uint32_t> peeked = pool_.Pick({.peek = true});
  EXPECT_EQ(pool_.Pick({.peek = true}), peeked);
  EXPECT_EQ(Pick(0), peeked);
  EXPECT_NE(Pick(0), peeked);
}

TEST_F(HashBalance, SharesByWeightAndStays) {
  Make(Balance::kHash, {1, 2, 1, 0, 4});
  net::Xoshiro random(5);
  const std::vector<int> count = Count(40'000, random);
  for (size_t i = 0; i < count.size(); ++i) {
    EXPECT_NEAR(count[i], 5000.0 * endpoints_[i].weight, 400) << i;
  }
  for (int i = 0; i < 1000; ++i) {
    const uint64_t hash = random.Next();
    EXPECT_EQ(Pick(random.Next(), hash), Pick(random.Next(), hash));
    EXPECT_EQ(*Pick(0, hash), pool_.Home(hash));
  }
}

TEST_F(HashBalance, MovesOnlyTheSessionsOfWhatFailsAndSpreadsThem) {
  Make(Balance::kHash, std::vector<uint32_t>(10, 1));
  net::Xoshiro random(6);
  std::vector<uint64_t> hashes(20'000);
  std::vector<uint32_t> before;
  for (uint64_t& hash : hashes) before.push_back(*Pick(0, hash = random.Next()));
  SetUp(3, false);
  std::vector<int> gained(10, 0);
  for (size_t i = 0; i < hashes.size(); ++i) {
    const uint32_t after = *Pick(0, hashes[i]);
    if (before[i] != 3) {
      EXPECT_EQ(after, before[i]);
    } else {
      ++gained[after];
    }
  }
  EXPECT_EQ(gained[3], 0);
  for (size_t i = 0; i < 10; ++i) {
    if (i == 3) continue;
    EXPECT_NEAR(gained[i], 2000 / 9.0, 80) << i;
  }
}

TEST_F(HashBalance, FindsTheLastOneStanding) {
  Make(Balance::kHash, std::vector<uint32_t>(40, 1));
  for (size_t i = 0; i < 40; ++i) SetUp(i, i == 17);
  net::Xoshiro random(7);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(Pick(0, random.Next()), 17u);
  SetUp(17, false);
  EXPECT_FALSE(Pick(0, 1).has_value());
}

TEST_F(RandomBalance, SharesByWeightWithinTheBinomialBound) {
  Make(Balance::kRandom, {1, 2, 3, 0, 4});
  net::Xoshiro random(8);
  const std::vector<int> count = Count(50'000, random);
  for (size_t i = 0; i < count.size(); ++i) {
    EXPECT_TRUE(WithinBinomial(count[i], 50'000, endpoints_[i].weight / 10.0))
        << i << ": " << count[i];
  }
}

TEST_F(RandomBalance, SharesAmongThoseThatAreUp) {
  Make(Balance::kRandom, std::vector<uint32_t>(20, 1));
  for (size_t i = 2; i < 20; ++i) SetUp(i, false);
  net::Xoshiro random(9);
  const std::vector<int> count = Count(10'000, random);
  EXPECT_TRUE(WithinBinomial(count[0], 10'000, 0.5)) << count[0];
  EXPECT_EQ(count[0] + count[1], 10'000);
}

TEST_F(AnyBalance, NeverGivesWhatMayNotBeTaken) {
  constexpr Balance kBalances[] = {Balance::kLeastConnections, Balance::kRoundRobin, Balance::kHash,
                                   Balance::kRandom};
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    World world;
    net::Xoshiro random(seed);
    const int count = static_cast<int>(1 + random.Next() % 12);
    auto& site = world.AddSite("paris", 0, 0, count);
    for (auto& endpoint : site.services["web"])
      endpoint.weight = static_cast<uint32_t>(random.Next() % 3);
    world.Build();
    const std::span<const Endpoint> endpoints = world.table().Pool(world.service(), SiteId{0});
    for (const Endpoint& endpoint : endpoints) {
      world.SetUp(endpoint, random.Next() % 3 != 0);
      const health::Intent intent = static_cast<health::Intent>(random.Next() % 3);
      world.SetIntent("paris/" + endpoint.address_text, intent);
    }
    std::vector<EndpointId> tried;
    for (const Endpoint& endpoint : endpoints) {
      if (random.Next() % 4 == 0) tried.push_back(endpoint.id);
    }
    for (const Balance balance : kBalances) {
      EndpointPool pool;
      pool.Build({.endpoints = endpoints, .balance = balance});
      for (const Take take : {Take::kNew, Take::kPinned, Take::kDraining, Take::kAny}) {
        const auto may_take = [&](const Endpoint& endpoint) {
          const health::State state = endpoint.health->state();
          if (std::find(tried.begin(), tried.end(), endpoint.id) != tried.end()) return false;
          if (take == Take::kNew) return state == health::State::kUp && endpoint.weight > 0;
          if (take == Take::kPinned)
            return state == health::State::kUp || state == health::State::kDraining;
          if (take == Take::kDraining)
            return state == health::State::kDraining && endpoint.weight > 0;
          return state != health::State::kOut && endpoint.weight > 0;
        };
        const bool any = std::any_of(endpoints.begin(), endpoints.end(), may_take);
        for (int round = 0; round < 50; ++round) {
          const auto picked = pool.Pick({.take = take,
                                         .hash = random.Next(),
                                         .draw = random.Next(),
                                         .wall = world.wall,
                                         .tried = tried});
          ASSERT_EQ(picked.has_value(), any) << "seed " << seed << " " << topology::Name(balance);
          if (!picked) continue;
          EXPECT_TRUE(may_take(endpoints[*picked]))
              << "seed " << seed << " " << topology::Name(balance);
        }
      }
    }
  }
}

TEST_F(Status, SumsUpTheEndpointsAndFollowsTheRegistry) {
  Make(Balance::kRandom, {1, 1, 2, 0});
  const auto status = [&] { return pool_.Status(world_.registry.version()); };
  EXPECT_EQ(status().state, health::State::kUp);
  SetUp(3, false);
  EXPECT_EQ(status().state, health::State::kUp) << "without weight it does not count";
  SetUp(2, false);
  EXPECT_EQ(status().state, health::State::kDegraded);
  EXPECT_NEAR(status().share, 0.5, 0.001);
  SetUp(0, false);
  SetUp(1, false);
  EXPECT_EQ(status().state, health::State::kDown);
  SetUp(0, true);
  world_.SetIntent("paris", health::Intent::kDrain);
  EXPECT_EQ(status().state, health::State::kDraining);
  world_.SetIntent("paris", health::Intent::kOut);
  EXPECT_EQ(status().state, health::State::kOut);
}

// Every combination of states of three endpoints with weights, at three levels of min_healthy,
// against the sentences of the design.
TEST_F(Status, IsThatOfTheOracleInEveryCombination) {
  Make(Balance::kRandom, {1, 2, 5});
  const auto set = [&](size_t index, health::State state) {
    const Endpoint& endpoint = endpoints_[index];
    world_.SetUp(endpoint, state != health::State::kDown);
    const health::Intent intent = state == health::State::kDraining ? health::Intent::kDrain
                                  : state == health::State::kOut    ? health::Intent::kOut
                                                                    : health::Intent::kServe;
    world_.SetIntent("paris/" + endpoint.address_text, intent);
  };
  constexpr health::State kStates[] = {health::State::kUp, health::State::kDraining,
                                       health::State::kDown, health::State::kOut};
  for (const double min_healthy : {0.0, 0.25, 0.8}) {
    EndpointPool pool;
    pool.Build({.endpoints = endpoints_, .min_healthy = min_healthy});
    for (int combination = 0; combination < 64; ++combination) {
      std::map<health::State, double> weight;
      for (size_t i = 0; i < 3; ++i) {
        const health::State state = kStates[combination >> (2 * i) & 3];
        set(i, state);
        ASSERT_EQ(endpoints_[i].health->state(), state);
        weight[state] += endpoints_[i].weight / 8.0;
      }
      const double up = weight[health::State::kUp];
      health::State expected = health::State::kDown;
      if (up > 0) {
        if (up >= min_healthy) expected = up == 1 ? health::State::kUp : health::State::kDegraded;
      } else if (weight[health::State::kDraining] > 0) {
        expected = health::State::kDraining;
      } else if (weight[health::State::kOut] == 1) {
        expected = health::State::kOut;
      }
      const PoolStatus status = pool.Status(world_.registry.version());
      EXPECT_EQ(status.state, expected) << combination << " min_healthy " << min_healthy;
      EXPECT_NEAR(status.share, up, 2e-5) << combination;
    }
  }
}

TEST_F(Status, IsDownBelowMinHealthy) {
  Make(Balance::kRandom, {1, 1, 1, 1});
  EndpointPool strict;
  strict.Build({.endpoints = endpoints_, .min_healthy = 0.5});
  SetUp(0, false);
  SetUp(1, false);
  EXPECT_EQ(strict.Status(world_.registry.version()).state, health::State::kDegraded);
  SetUp(2, false);
  EXPECT_EQ(strict.Status(world_.registry.version()).state, health::State::kDown);
}

}  // namespace
}  // namespace meridian::routing
