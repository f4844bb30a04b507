// Endpoints of several priorities: who takes part when, and what the site is then.
#include <gtest/gtest.h>

#include "routing/endpoint_pool.h"
#include "unit/routing/world.h"

namespace meridian::routing {
namespace {

using topology::Balance;

constexpr Balance kBalances[] = {Balance::kLeastConnections, Balance::kRoundRobin, Balance::kHash,
                                 Balance::kRandom};

class TiersTest : public testing::Test {
 protected:
  struct Given {
    uint32_t priority, weight;
  };
  void Make(Balance balance, const std::vector<Given>& given, double min_healthy = 0) {
    world_ = std::make_unique<World>();
    auto& site = world_->AddSite("paris", 48.8, 2.3, static_cast<int>(given.size()));
    for (size_t i = 0; i < given.size(); ++i) {
      site.services["web"][i].priority = given[i].priority;
      site.services["web"][i].weight = given[i].weight;
    }
    world_->Build();
    endpoints_ = world_->table().Pool(world_->service(), SiteId{0});
    pool_ = std::make_unique<EndpointPool>();
    pool_->Build({.endpoints = endpoints_, .balance = balance, .min_healthy = min_healthy});
  }
  void SetUp(size_t index, bool up) { world_->SetUp(endpoints_[index], up); }
  std::vector<int> Count(int picks) {
    net::Xoshiro random(7);
    std::vector<int> count(endpoints_.size(), 0);
    for (int i = 0; i < picks; ++i) {
      ++count[*pool_->Pick({.hash = random.Next(), .draw = random.Next()})];
    }
    return count;
  }
  PoolStatus Status() { return pool_->Status(world_->registry.version()); }

  std::unique_ptr<World> world_;
  std::span<const Endpoint> endpoints_;
  std::unique_ptr<EndpointPool> pool_;
};

TEST_F(TiersTest, TheLowestThatIsUpTakesEverything) {
  for (const Balance balance : kBalances) {
    SCOPED_TRACE(topology::Name(balance));
    Make(balance, {{20, 1}, {10, 1}, {10, 3}, {30, 1}, {20, 1}});
    std::vector<int> count = Count(1000);
    EXPECT_EQ(count[1] + count[2], 1000);
    const bool by_load = balance == Balance::kLeastConnections;  // idle: the heaviest
    EXPECT_EQ(count[1] == 0, by_load);
    EXPECT_GT(count[2], 0);
    SetUp(1, false);
    EXPECT_EQ(Count(500)[2], 500);  // one of the lower is enough
    SetUp(2, false);
    count = Count(1000);
    EXPECT_EQ(count[0] + count[4], 1000);
    EXPECT_GT(count[0], 300);
    EXPECT_GT(count[4], 300);
    SetUp(0, false);
    SetUp(4, false);
    EXPECT_EQ(Count(100)[3], 100);
    SetUp(1, true);
    EXPECT_EQ(Count(100)[1], 100);
  }
}

TEST_F(TiersTest, OneThatWasTriedIsFollowedByTheNextTier) {
  for (const Balance balance : kBalances) {
    Make(balance, {{0, 1}, {1, 1}});
    const EndpointId first = endpoints_[0].id;
    EXPECT_EQ(pool_->Pick({.hash = 5, .draw = 5, .tried = std::span(&first, 1)}), 1u);
  }
}

TEST_F(TiersTest, AWeightOfZeroMakesNoTier) {
  for (const Balance balance : kBalances) {
    Make(balance, {{0, 0}, {1, 2}, {1, 1}});
    const std::vector<int> count = Count(300);
    EXPECT_EQ(count[0], 0);
    EXPECT_EQ(count[1] + count[2], 300);
    EXPECT_EQ(Status().share, 1.0);
  }
}

TEST_F(TiersTest, ASiteIsAsTheTierInUse) {
  Make(Balance::kRandom, {{0, 1}, {0, 1}, {1, 10}}, 0.5);
  EXPECT_EQ(Status().state, health::State::kUp);
  EXPECT_EQ(Status().share, 1.0);
  SetUp(2, false);  // nobody misses it
  EXPECT_EQ(Status().state, health::State::kDegraded);
  EXPECT_EQ(Status().share, 1.0);
  SetUp(2, true);
  SetUp(0, false);
  EXPECT_NEAR(Status().share, 0.5, 0.001);
  SetUp(1, false);  // the others take all of it
  EXPECT_EQ(Status().state, health::State::kDegraded);
  EXPECT_EQ(Status().share, 1.0);
  SetUp(2, false);
  EXPECT_EQ(Status().state, health::State::kDown);
  EXPECT_EQ(Status().share, 0.0);
}

TEST_F(TiersTest, SessionsAreAtHomeInTheLowestTier) {
  Make(Balance::kHash, {{1, 1}, {0, 1}, {0, 1}, {1, 5}});
  net::Xoshiro random(3);
  for (int i = 0; i < 1000; ++i) {
    const uint64_t hash = random.Next();
    const uint32_t home = pool_->Home(hash);
    EXPECT_EQ(endpoints_[home].priority, 0u);
    EXPECT_EQ(pool_->Pick({.hashed = true, .hash = hash}), home);
  }
}

}  // namespace
}  // namespace meridian::routing
