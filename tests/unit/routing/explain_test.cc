// Explain: its choice is the live one, and its sentences.
#include "unit/routing/world.h"

#include <meridian/routing/explain.h>

#include <gtest/gtest.h>

namespace meridian::routing {
namespace {

using health::Intent;

class ExplainTest : public testing::Test {
 protected:
  // Distances as in the design's example.
  void SetUp() override {
    world_.AddSite("atlanta", 33.749, -84.388);
    world_.AddSite("frankfurt", 50.1109, 8.6821);
    world_.AddSite("paris", 48.8566, 2.3522);
    world_.AddSite("tokyo", 35.6762, 139.6503);
    client_ = world_.AddClient(51.5142, -0.0931, "GB", "EU");
  }
  Explanation Run() {
    world_.Build();
    return Explain(world_.table(), world_.QueryOf(client_), world_.wall);
  }
  static const SiteVerdict& Find(const Explanation& explanation, const std::string& site) {
    return *std::find_if(explanation.sites.begin(), explanation.sites.end(),
                         [&](const SiteVerdict& verdict) { return verdict.name == site; });
  }

  World world_;
  net::IpAddress client_;
};

TEST_F(ExplainTest, TellsTheDesignsExample) {
  topology::Rule rule;
  rule.match.country = {"GB"};
  rule.sites = {"paris", "frankfurt", "atlanta"};
  rule.strict = true;
  world_.web().rules = {rule};
  world_.SetIntent("frankfurt", Intent::kDrain, world_.wall + std::chrono::seconds(252));
  const Explanation explanation = Run();
  EXPECT_EQ(explanation.client, "198.0.0.0");
  EXPECT_EQ(explanation.service, "web");
  EXPECT_EQ(explanation.mode, "distributed");
  EXPECT_EQ(explanation.steering, "nearest");
  ASSERT_EQ(explanation.sites.size(), 4u);
  const char* names[] = {"paris", "frankfurt", "atlanta", "tokyo"};
  const double distances[] = {344, 639, 6766, 9559};
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(explanation.sites[i].name, names[i]);
    EXPECT_NEAR(*explanation.sites[i].distance_km, distances[i], 20);
    EXPECT_EQ(explanation.sites[i].rank, i == 3 ? -1 : i);
    EXPECT_EQ(explanation.sites[i].chosen, i == 0);
  }
  EXPECT_EQ(explanation.sites[0].verdict,
            "chosen: nearest, endpoint " + explanation.endpoint + " (least connections)");
  EXPECT_EQ(explanation.sites[1].verdict, "no new sessions: drained by ops, 4m12s left");
  EXPECT_EQ(explanation.sites[2].verdict, "next: if paris fails");
  EXPECT_EQ(explanation.sites[3].verdict, "fenced: rule 1 keeps GB in [paris, frankfurt, atlanta]");
  EXPECT_EQ(explanation.sites[1].dropped_by, Step::kHealth);
  EXPECT_EQ(explanation.sites[1].state, health::State::kDraining);
  EXPECT_EQ(explanation.sites[3].dropped_by, Step::kFence);
}

TEST_F(ExplainTest, NamesEachReasonToPassASiteOver) {
  world_.topology.sites[0].weight = 0;
  world_.topology.sites[1].capacity = 20'000;
  world_.SetSessions("frankfurt", 20'000);
  world_.Build();
  world_.SetSiteUp("paris", false);
  Explanation explanation = Run();
  EXPECT_EQ(Find(explanation, "atlanta").verdict, "no new sessions: weight 0");
  EXPECT_EQ(Find(explanation, "frankfurt").verdict, "at capacity: 20,000 of 20,000 sessions");
  EXPECT_EQ(Find(explanation, "frankfurt").dropped_by, Step::kCapacity);
  EXPECT_EQ(Find(explanation, "paris").verdict, "down: 2 of 2 endpoints (probe)");
  EXPECT_TRUE(Find(explanation, "tokyo").chosen);
  EXPECT_TRUE(Find(explanation, "tokyo").verdict.starts_with("chosen: spill, endpoint "));
  world_.SetIntent("tokyo", Intent::kOut);
  explanation = Run();
  EXPECT_EQ(Find(explanation, "tokyo").verdict, "no sessions: out by ops (a test)");
  EXPECT_FALSE(explanation.choice.has_value());
  EXPECT_EQ(explanation.why, NoChoice::kAtCapacity);
  world_.SetIntent("frankfurt", Intent::kDrain, world_.wall - std::chrono::seconds(1));
  EXPECT_EQ(Find(Run(), "frankfurt").verdict, "no new sessions: drained by ops, deadline passed");
}

TEST_F(ExplainTest, NamesTheShareOfADegradedSite) {
  world_.AddSite("vienna", 51.6, -0.1, 10);
  world_.web().overprovision = 1;
  world_.Build();
  const auto pool = world_.table().Pool(world_.service(), world_.table().FindSite("vienna"));
  for (size_t i = 1; i < 10; ++i) world_.SetUp(pool[i], false);
  const Explanation explanation = Run();
  const SiteVerdict& verdict = Find(explanation, "vienna");
  EXPECT_EQ(verdict.state, health::State::kDegraded);
  ASSERT_FALSE(verdict.chosen) << "one client in ten stays, and this is not it";
  EXPECT_EQ(verdict.verdict,
            "degraded: 10 % of its endpoints up, keeps 10 % of its clients, not this one");
}

TEST_F(ExplainTest, SaysUnknownForAClientInNoDatabase) {
  world_.Build();
  const Explanation explanation =
      Explain(world_.table(), world_.QueryOf(*net::IpAddress::Parse("2001:db8::1")), world_.wall);
  EXPECT_EQ(explanation.location, "unknown (in no database or network)");
  for (const SiteVerdict& verdict : explanation.sites)
    EXPECT_FALSE(verdict.distance_km.has_value());
  EXPECT_EQ(explanation.sites.size(), 4u);
}

// The sites that whoever tries all in vain comes to, in order, and whether the bound of a walk
// ended it.
std::pair<std::vector<uint32_t>, bool> WalkInVain(const Table& table, const Query& query) {
  Walk walk;
  walk.Start(table, query);
  std::vector<uint32_t> sites;
  size_t given = 0;
  for (Choice choice; walk.Next(choice); ++given) {
    if (std::find(sites.begin(), sites.end(), choice.site.value) == sites.end()) {
      sites.push_back(choice.site.value);
    }
  }
  return {sites, given == kMaxTried};
}

std::vector<uint32_t> Turns(const Explanation& explanation) {
  std::map<int, uint32_t> by_turn;
  for (const SiteVerdict& verdict : explanation.sites) {
    if (verdict.turn >= 0) by_turn[verdict.turn] = verdict.site.value;
  }
  std::vector<uint32_t> sites;
  for (const auto& [turn, site] : by_turn) {
    EXPECT_EQ(turn, static_cast<int>(sites.size()));
    sites.push_back(site);
  }
  return sites;
}

// Any topology, policy, failure, session and mode.
class AnyWorld : public World {
 public:
  explicit AnyWorld(uint64_t seed) : random(seed) {
    AddSites(static_cast<int>(1 + Below(16)), static_cast<int>(1 + Below(5)), random);
    web().steering = static_cast<topology::Steering>(Below(5));
    web().slow_start = std::chrono::seconds(Below(2) * 30);
    web().balance = static_cast<topology::Balance>(Below(4));
    web().session.by = static_cast<topology::SessionBy>(Below(4));
    web().session.scope = static_cast<topology::SessionScope>(Below(2));
    web().session.on_failure = static_cast<topology::OnFailure>(Below(2));
    web().session.on_recovery = static_cast<topology::OnRecovery>(Below(2));
    web().panic = static_cast<topology::Panic>(Below(2));
    web().min_healthy = Below(2) == 0 ? 0 : 0.5;
    if (Below(2) != 0) {
      topology::Rule rule;
      rule.match.country = {"US"};
      rule.sites = {"site-0000", "site-0003"};
      rule.strict = Below(2) != 0;
      if (topology.sites.size() < 4) rule.sites.pop_back();
      web().rules = {rule};
    }
    for (auto& site : topology.sites) {
      if (Below(3) == 0) site.capacity = Below(4);
      if (Below(8) == 0) site.weight = 0;
    }
    if (Below(4) == 0) Recover();
    known = AddClient(10, 20);
    Build();
    registry.BeginSlowStarts();
    Break();
    now += std::chrono::seconds(Below(40));
  }
  size_t Below(size_t bound) { return random.Next() % bound; }

  net::Xoshiro random;
  net::IpAddress known;

 private:
  void Recover() {
    web().mode = topology::Mode::kDisasterRecovery;
    topology::DisasterRecovery& recovery = web().disaster_recovery.emplace();
    recovery.primary = topology.sites[0].name;
    for (size_t i = 1; i < std::min<size_t>(topology.sites.size(), 5); ++i) {
      recovery.standby.push_back(topology.sites[i].name);
    }
    recovery.reads = static_cast<topology::Reads>(Below(2));
    health::ServiceHealth& live = registry.Service("web");
    const auto any = [&] { return registry.Site(Format("site-{:04}", Below(5))).ordinal; };
    live.Publish({static_cast<health::Admission>(Below(3)), any(), 7}, "a test");
    const std::array readers{any(), any()};
    live.PublishReaders(readers);
  }
  void Break() {
    for (const Endpoint& endpoint : table().endpoints()) {
      SetUp(endpoint, Below(3) != 0);
      if (Below(4) == 0) SetUp(endpoint, false), SetUp(endpoint, true);
      if (Below(3) == 0) registry.ObserveConnect(*endpoint.health, Duration(Below(100'000'000)));
      if (Below(12) == 0) {
        SetIntent(table().site(endpoint.site).name + "/" + endpoint.address_text,
                  static_cast<Intent>(Below(3)),
                  wall + std::chrono::seconds(Below(3)) - std::chrono::seconds(1));
      }
    }
    for (const Site& site : table().sites()) {
      if (Below(4) == 0) SetIntent(site.name, static_cast<Intent>(Below(3)));
      SetSessions(site.name, static_cast<uint32_t>(Below(4)));
    }
  }
};

TEST_F(ExplainTest, ChoosesAndGoesOnAsWhatIsRoutedForRandomInputs) {
  size_t spilled = 0, went_on = 0;
  for (uint64_t seed = 1; seed <= 120; ++seed) {
    AnyWorld world(seed);
    for (int i = 0; i < 6; ++i) {
      std::array<char, kCookieBytes> text;
      const EndpointId any{static_cast<uint32_t>(world.Below(world.table().endpoints().size()))};
      const size_t bytes = MakeCookie(world.table(), world.service(), any, world.wall, text.data());
      Query query =
          world.QueryOf(i % 2 ? world.known : RandomClient(world.random), world.random.Next(),
                        std::string_view(text.data(), i % 3 ? bytes : 0));
      query.is_read = i % 4 == 0;
      const Explanation explanation = Explain(world.table(), query, world.wall);
      Walk walk;
      walk.Start(world.table(), query);
      Choice choice;
      const bool routed = walk.Next(choice);
      ASSERT_EQ(explanation.choice.has_value(), routed) << "seed " << seed;
      EXPECT_EQ(explanation.why, walk.why()) << "seed " << seed;
      EXPECT_EQ(explanation.pin, walk.pin()) << "seed " << seed;
      EXPECT_EQ(explanation.sites.size(), world.table().sites().size()) << "each site once";
      for (const SiteVerdict& verdict : explanation.sites) {
        EXPECT_FALSE(verdict.verdict.empty());
        EXPECT_EQ(verdict.chosen, routed && verdict.site == choice.site) << "seed " << seed;
      }
      std::vector<uint32_t> turns = Turns(explanation);
      EXPECT_EQ(turns.empty(), !routed) << "seed " << seed;
      if (!routed) continue;
      EXPECT_EQ(explanation.choice->endpoint, choice.endpoint) << "seed " << seed;
      const auto [sites, is_cut_short] = WalkInVain(world.table(), query);
      if (is_cut_short) turns.resize(std::min(turns.size(), sites.size()));
      ASSERT_EQ(turns, sites) << "seed " << seed;
      spilled += choice.reason == Reason::kSpill;
      went_on += sites.size() > 2;
    }
  }
  EXPECT_GT(spilled, 5u);
  EXPECT_GT(went_on, 60u);
}

}  // namespace
}  // namespace meridian::routing
