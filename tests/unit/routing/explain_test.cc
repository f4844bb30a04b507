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

TEST_F(ExplainTest, ChoosesWhatIsRoutedForRandomInputs) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    World world;
    net::Xoshiro random(seed);
    world.AddSites(static_cast<int>(1 + random.Next() % 25),
                   static_cast<int>(1 + random.Next() % 5), random);
    auto& web = world.web();
    web.steering = static_cast<topology::Steering>(std::array{0, 2, 3, 4}[random.Next() % 4]);
    web.balance = static_cast<topology::Balance>(random.Next() % 4);
    web.session.by = static_cast<topology::SessionBy>(random.Next() % 4);
    web.session.on_failure = static_cast<topology::OnFailure>(random.Next() % 2);
    web.panic = static_cast<topology::Panic>(random.Next() % 2);
    if (random.Next() % 2) {
      topology::Rule rule;
      rule.match.country = {"US"};
      rule.sites = {"site-0000"};
      rule.strict = random.Next() % 2;
      web.rules = {rule};
    }
    for (auto& site : world.topology.sites) {
      if (random.Next() % 3 == 0) site.capacity = random.Next() % 3;
      if (random.Next() % 8 == 0) site.weight = 0;
    }
    const net::IpAddress known = world.AddClient(10, 20);
    world.Build();
    for (const Endpoint& endpoint : world.table().endpoints())
      world.SetUp(endpoint, random.Next() % 3 != 0);
    for (const Site& site : world.table().sites()) {
      if (random.Next() % 4 == 0)
        world.SetIntent(site.name, static_cast<Intent>(random.Next() % 3));
      world.SetSessions(site.name, static_cast<uint32_t>(random.Next() % 3));
    }
    for (int i = 0; i < 10; ++i) {
      const net::IpAddress client = i % 2 ? known : RandomClient(random);
      std::array<char, kCookieBytes> text;
      const size_t bytes = MakeCookie(
          world.table(), world.service(),
          EndpointId{static_cast<uint32_t>(random.Next() % world.table().endpoints().size())},
          world.wall, text.data());
      const Query query =
          world.QueryOf(client, random.Next(), std::string_view(text.data(), i % 3 ? bytes : 0));
      const Explanation explanation = Explain(world.table(), query, world.wall);
      Walk walk;
      walk.Start(world.table(), query);
      Choice choice;
      const bool routed = walk.Next(choice);
      ASSERT_EQ(explanation.choice.has_value(), routed) << "seed " << seed;
      EXPECT_EQ(explanation.why, walk.why()) << "seed " << seed;
      EXPECT_EQ(explanation.pin, walk.pin()) << "seed " << seed;
      EXPECT_EQ(explanation.sites.size(), world.table().sites().size()) << "each site once";
      if (!routed) continue;
      EXPECT_EQ(explanation.choice->endpoint, choice.endpoint) << "seed " << seed;
      const auto chosen =
          std::count_if(explanation.sites.begin(), explanation.sites.end(),
                        [&](const SiteVerdict& v) { return v.chosen && v.site == choice.site; });
      EXPECT_EQ(chosen, 1) << "seed " << seed;
      for (const SiteVerdict& verdict : explanation.sites) EXPECT_FALSE(verdict.verdict.empty());
    }
  }
}

}  // namespace
}  // namespace meridian::routing
