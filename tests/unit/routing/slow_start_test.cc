// Slow start inside a site, in each balance, and of a whole site.
#include "routing/service.h"
#include "unit/routing/world.h"

#include <meridian/routing/explain.h>

#include <gtest/gtest.h>

#include <set>

namespace meridian::routing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using topology::Balance;

constexpr Duration kSlowStart = seconds(30);
constexpr Balance kBalances[] = {Balance::kLeastConnections, Balance::kRoundRobin, Balance::kHash,
                                 Balance::kRandom};

// One pool, its first endpoint just up.
class ColdEndpoint : public testing::Test {
 protected:
  void Make(Balance balance, const std::vector<uint32_t>& weights) {
    auto& site = world_.AddSite("paris", 48.8, 2.3, static_cast<int>(weights.size()));
    for (size_t i = 0; i < weights.size(); ++i) site.services["web"][i].weight = weights[i];
    world_.Build();
    world_.registry.BeginSlowStarts();
    endpoints_ = world_.table().Pool(world_.service(), SiteId{0});
    pool_.emplace();
    pool_->Build({.endpoints = endpoints_, .balance = balance, .slow_start = kSlowStart});
    world_.SetUp(endpoints_[0], false);
    world_.SetUp(endpoints_[0], true);
    came_up_ = world_.now;
  }
  // After that part of the slow start.
  std::optional<uint32_t> PickAt(double part, uint64_t draw, uint64_t hash) const {
    const Duration passed(static_cast<int64_t>(part * static_cast<double>(kSlowStart.count())));
    return pool_->Pick({.hash = hash, .draw = draw, .now = came_up_ + passed});
  }

  World world_;
  std::span<const Endpoint> endpoints_;
  std::optional<EndpointPool> pool_;
  MonotonicTime came_up_;
};

// Of four: in a share r of the picks it takes part like any other. By round-robin it has r turns
// for each of the others' one.
TEST_F(ColdEndpoint, TakesItsRampsPartOfItsShareInEveryBalance) {
  for (const Balance balance : kBalances) {
    world_.topology.sites.clear();
    Make(balance, {1, 1, 1, 1});
    net::Xoshiro random(1);
    constexpr int kPicks = 10'000;
    for (const double part : {0.0, 0.1, 0.5, 0.8, 1.0, 5.0}) {
      int hits = 0;
      for (int i = 0; i < kPicks; ++i) hits += *PickAt(part, random.Next(), random.Next()) == 0;
      const double ramp = 0.1 + 0.9 * std::min(part, 1.0);
      const double expected = balance == Balance::kRoundRobin ? ramp / (3 + ramp) : ramp / 4;
      EXPECT_TRUE(WithinBinomial(hits, kPicks, expected))
          << topology::Name(balance) << " at " << part << ": " << hits;
    }
  }
}

// What its agent leaves an endpoint of its weight counts like a ramp that stands still.
TEST_F(ColdEndpoint, TakesTheShareThatItsAgentGivesItInEveryBalance) {
  for (const Balance balance : kBalances) {
    world_.topology.sites.clear();
    world_.topology.health_checks[0].agent_port = 81;
    Make(balance, {1, 1, 1, 1});
    pool_.emplace();
    pool_->Build({.endpoints = endpoints_, .balance = balance, .agents = true});
    world_.registry.SetAgent(*endpoints_[0].health, health::Agent::kUp, 25, "", world_.now);
    net::Xoshiro random(4);
    constexpr int kPicks = 10'000;
    int hits = 0;
    for (int i = 0; i < kPicks; ++i) hits += *PickAt(5, random.Next(), random.Next()) == 0;
    const double expected = balance == Balance::kRoundRobin ? 0.25 / 3.25 : 0.25 / 4;
    EXPECT_TRUE(WithinBinomial(hits, kPicks, expected)) << topology::Name(balance) << ": " << hits;
    for (uint32_t i = 1; i < 4; ++i) world_.SetUp(endpoints_[i], false);
    EXPECT_EQ(PickAt(5, random.Next(), random.Next()), 0u) << "better than nothing";
    for (uint32_t i = 1; i < 4; ++i) world_.SetUp(endpoints_[i], true);
    world_.registry.SetAgent(*endpoints_[0].health, health::Agent::kNone, 100, "", world_.now);
  }
}

TEST_F(ColdEndpoint, SharesByWeightWhileItWarms) {
  Make(Balance::kRandom, {4, 1, 1, 2});
  net::Xoshiro random(2);
  constexpr int kPicks = 40'000;
  int hits = 0;
  for (int i = 0; i < kPicks; ++i) hits += *PickAt(0.5, random.Next(), 0) == 0;
  EXPECT_TRUE(WithinBinomial(hits, kPicks, 0.55 / 2)) << hits;
}

// Each session comes home once; no other moves.
TEST_F(ColdEndpoint, GetsItsHashedSessionsBackOneByOneAndNoOthers) {
  Make(Balance::kHash, std::vector<uint32_t>(10, 1));
  net::Xoshiro random(3);
  std::vector<uint64_t> hashes(2000);
  for (uint64_t& hash : hashes) hash = random.Next();
  std::vector<bool> home(hashes.size(), false);
  for (int step = 0; step <= 30; ++step) {
    for (size_t i = 0; i < hashes.size(); ++i) {
      const uint32_t picked = *PickAt(step / 30.0, random.Next(), hashes[i]);
      if (pool_->Home(hashes[i]) != 0) {
        ASSERT_EQ(picked, pool_->Home(hashes[i]));
        continue;
      }
      ASSERT_FALSE(home[i] && picked != 0) << "a session left its home again";
      home[i] = picked == 0;
      ASSERT_TRUE(home[i] || step < 30);
    }
  }
}

// By least connections the others have a hundred sessions each: the cold one may not be filled up
// to that at once, and never holds more than its ramp's part of theirs.
TEST_F(ColdEndpoint, IsNotFilledUpByLeastConnections) {
  for (const size_t count : {2u, 3u, 8u}) {
    World fresh;
    world_.topology.sites.clear();
    Make(Balance::kLeastConnections, std::vector<uint32_t>(count, 1));
    for (size_t i = 1; i < count; ++i) {
      while (endpoints_[i].health->in_flight() < 100) endpoints_[i].health->Begin();
    }
    while (endpoints_[0].health->in_flight() != 0) endpoints_[0].health->End();
    net::Xoshiro random(4);
    uint32_t before = 0;
    for (int step = 0; step <= 100; ++step) {
      for (int i = 0; i < 100; ++i) {
        const uint32_t picked = *PickAt(step / 100.0, random.Next(), 0);
        endpoints_[picked].health->Begin();
        uint32_t leaves = static_cast<uint32_t>(random.Next() % count);
        while (endpoints_[leaves].health->in_flight() == 0) leaves = (leaves + 1) % count;
        endpoints_[leaves].health->End();
      }
      uint32_t fullest = 0;
      for (size_t i = 1; i < count; ++i) {
        fullest = std::max(fullest, endpoints_[i].health->in_flight());
      }
      const double ramp = 0.1 + 0.9 * step / 100;
      EXPECT_LE(endpoints_[0].health->in_flight(), ramp * fullest + 3) << count << " at " << step;
      before = endpoints_[0].health->in_flight();
    }
    EXPECT_GT(before, 40u) << "warm, it has its part";
  }
}

TEST_F(ColdEndpoint, TakesEverythingWhenNothingElseCan) {
  for (const Balance balance : kBalances) {
    world_.topology.sites.clear();
    Make(balance, {1, 1, 1});
    world_.SetUp(endpoints_[1], false);
    world_.SetUp(endpoints_[2], false);
    net::Xoshiro random(5);
    for (int i = 0; i < 200; ++i) EXPECT_EQ(PickAt(0, random.Next(), random.Next()), 0u);
  }
}

TEST_F(ColdEndpoint, SharesEvenlyWithOthersThatCameUpWithIt) {
  for (const Balance balance : kBalances) {
    world_.topology.sites.clear();
    Make(balance, {1, 1, 1});
    for (const size_t i : {1, 2}) world_.SetUp(endpoints_[i], false);
    for (const size_t i : {1, 2}) world_.SetUp(endpoints_[i], true);
    net::Xoshiro random(6);
    std::vector<int> count(3, 0);
    for (int i = 0; i < 9000; ++i) ++count[*PickAt(0, random.Next(), random.Next())];
    for (const int hits : count) EXPECT_NEAR(hits, 3000, 250) << topology::Name(balance);
  }
}

// A site that returns, its neighbour, and clients of all kinds.
class ColdSite : public testing::Test {
 protected:
  void Make(double overprovision = 1) {
    world_.AddSite("oslo", 59.9, 10.7, 4);
    world_.AddSite("rome", 41.9, 12.5, 4);
    world_.web().slow_start = kSlowStart;
    world_.web().overprovision = overprovision;
    world_.AddClient(60, 10);
    world_.places[0].network = net::Prefix(net::IpAddress::V4(0), 1);
    world_.Build();
    world_.registry.BeginSlowStarts();
  }
  void Return() {
    world_.SetSiteUp("oslo", false);
    world_.SetSiteUp("oslo", true);
    came_up_ = world_.now;
  }
  void At(double part) {
    world_.now =
        came_up_ + Duration(static_cast<int64_t>(part * static_cast<double>(kSlowStart.count())));
  }
  static net::IpAddress Client(uint32_t number) {
    return net::IpAddress::V4(static_cast<uint32_t>(Mix(number) >> 33));
  }
  std::optional<Choice> ChoiceOf(uint32_t client) const {
    return FirstChoice(world_.table(), world_.QueryOf(Client(client), Mix(client * 7 + 1)));
  }
  std::set<uint32_t> ClientsOfOslo() const {
    std::set<uint32_t> clients;
    for (uint32_t client = 0; client < kClients; ++client) {
      const std::optional<Choice> choice = ChoiceOf(client);
      EXPECT_TRUE(choice.has_value());
      if (world_.SiteName(choice->site) == "oslo") {
        clients.insert(client);
        EXPECT_EQ(choice->reason, Reason::kNearest);
      } else {
        EXPECT_EQ(choice->reason, Reason::kDegraded);
      }
    }
    return clients;
  }

  static constexpr uint32_t kClients = 3000;
  World world_;
  MonotonicTime came_up_;
};

TEST_F(ColdSite, TakesAGrowingShareOfItsClientsAlwaysTheSameOnes) {
  Make();
  Return();
  std::set<uint32_t> before;
  for (const double part : {0.0, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0, 3.0}) {
    At(part);
    const std::set<uint32_t> now = ClientsOfOslo();
    const double expected = 0.1 + 0.9 * std::min(part, 1.0);
    EXPECT_TRUE(WithinBinomial(static_cast<double>(now.size()), kClients, expected))
        << part << ": " << now.size();
    EXPECT_TRUE(std::includes(now.begin(), now.end(), before.begin(), before.end()))
        << "a client that came home left again";
    before = now;
  }
  EXPECT_EQ(before.size(), kClients);
}

TEST_F(ColdSite, CountsWhatItsEndpointsHoldBackAsMissing) {
  Make(1.4);
  Return();
  At(0.5);  // 0.55 of its weight, and 1.4 times that of its clients
  EXPECT_TRUE(WithinBinomial(static_cast<double>(ClientsOfOslo().size()), kClients, 0.77));
  const auto pool = world_.table().Pool(world_.service(), SiteId{0});
  world_.SetUp(pool[0], false);
  world_.SetUp(pool[1], false);
  EXPECT_TRUE(WithinBinomial(static_cast<double>(ClientsOfOslo().size()), kClients, 0.385));
}

TEST_F(ColdSite, DoesNotFallBackWhenAColdEndpointJoinsWarmOnes) {
  Make();
  const auto pool = world_.table().Pool(world_.service(), SiteId{0});
  world_.SetUp(pool[0], false);
  const size_t without = ClientsOfOslo().size();
  world_.SetUp(pool[0], true);
  came_up_ = world_.now;
  EXPECT_GE(ClientsOfOslo().size(), without);
  At(1);
  EXPECT_EQ(ClientsOfOslo().size(), kClients);
}

TEST_F(ColdSite, YieldsWhenNoOtherSiteCanTakeTheClient) {
  Make();
  Return();
  world_.SetSiteUp("rome", false);
  for (uint32_t client = 0; client < 500; ++client) {
    ASSERT_TRUE(ChoiceOf(client).has_value());
    EXPECT_EQ(world_.SiteName(ChoiceOf(client)->site), "oslo");
  }
}

TEST_F(ColdSite, TakesEverybodyWhereItIsTheOnlyOne) {
  world_.AddSite("oslo", 59.9, 10.7, 1);
  world_.web().slow_start = kSlowStart;
  world_.Build();
  world_.registry.BeginSlowStarts();
  Return();
  for (uint32_t client = 0; client < 500; ++client) EXPECT_TRUE(ChoiceOf(client).has_value());
}

TEST_F(ColdSite, RefusesNobodyWhenAllReturnAtOnce) {
  Make();
  world_.SetSiteUp("rome", false);
  Return();
  world_.SetSiteUp("rome", true);
  for (uint32_t client = 0; client < 500; ++client) EXPECT_TRUE(ChoiceOf(client).has_value());
}

TEST_F(ColdSite, IsNotColdAtTheFirstStart) {
  world_.AddSite("oslo", 59.9, 10.7, 4);
  world_.AddSite("rome", 41.9, 12.5, 4);
  world_.web().slow_start = kSlowStart;
  world_.AddClient(60, 10);
  world_.places[0].network = net::Prefix(net::IpAddress::V4(0), 1);
  world_.Build();
  world_.registry.BeginSlowStarts();
  EXPECT_EQ(ClientsOfOslo().size(), kClients);
}

TEST_F(ColdSite, KeepsPinnedSessions) {
  world_.web().session.by = topology::SessionBy::kCookie;
  Make();
  Return();
  for (uint32_t client = 0; client < 200; ++client) {
    const Endpoint& endpoint = world_.table().Pool(world_.service(), SiteId{0})[client % 4];
    std::array<char, kCookieBytes> text;
    const size_t bytes =
        MakeCookie(world_.table(), world_.service(), endpoint.id, world_.wall, text.data());
    const std::optional<Choice> choice =
        FirstChoice(world_.table(), world_.QueryOf(Client(client), client, {text.data(), bytes}));
    ASSERT_TRUE(choice.has_value());
    EXPECT_EQ(choice->endpoint, endpoint.id);
  }
}

TEST_F(ColdSite, StaysWithinCapacityWhileItWarms) {
  Make();
  world_.topology.sites[0].capacity = 3;
  world_.Build();
  Return();
  At(0.5);
  for (uint32_t client = 0; client < 300; ++client) {
    const std::optional<Choice> choice = ChoiceOf(client);
    const Site& site = world_.table().site(choice->site);
    EXPECT_LE(site.health->sessions.fetch_add(1) + 1, site.capacity);
  }
}

TEST_F(ColdSite, IsExplained) {
  Make();
  Return();
  At(0.51);
  for (uint32_t client = 0; client < 50; ++client) {
    const Explanation explanation =
        Explain(world_.table(), world_.QueryOf(Client(client)), world_.wall);
    EXPECT_EQ(explanation.choice->site, ChoiceOf(client)->site);
    const SiteVerdict& oslo = explanation.sites[0];
    ASSERT_EQ(oslo.name, "oslo");
    if (oslo.chosen) continue;
    EXPECT_EQ(oslo.state, health::State::kUp);
    EXPECT_EQ(oslo.dropped_by, Step::kHealth);
    EXPECT_EQ(oslo.verdict, "up: slow start, keeps 55 % of its clients, not this one");
  }
}

// The cache of a tick must not show: decisions in any order of time are those of a fresh table.
TEST_F(ColdSite, DecidesByTimeAloneWhateverWasAskedBefore) {
  Make();
  Return();
  net::Xoshiro random(7);
  const World& world = world_;
  for (int i = 0; i < 300; ++i) {
    At(Unit(random.Next()) * 1.2);
    const uint32_t client = static_cast<uint32_t>(random.Next() % kClients);
    const SiteId warm_cache = ChoiceOf(client)->site;
    const double up_for = std::chrono::duration<double>(world.now - came_up_).count();
    // Ticks begin up to 8.4 ms before: an answer within those may be either.
    const double low = 0.1 + 0.9 * std::min(1.0, std::max(0.0, (up_for - 0.0085) / 30));
    const double high = 0.1 + 0.9 * std::min(1.0, up_for / 30) + 2.0 / 65535;
    const Service& service = world.table().internals(world.service());
    const double place =
        Unit(Combine(Client(client).Hash(service.key), world.table().site(SiteId{0}).key));
    if (place >= low && place < high) continue;
    EXPECT_EQ(warm_cache.value, place < low ? 0u : 1u) << i;
  }
}

}  // namespace
}  // namespace meridian::routing
