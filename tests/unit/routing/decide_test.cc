// Location, fence, steering, health, capacity and panic, on whole walks.
#include "unit/routing/world.h"

#include <meridian/geo/site_index.h>

#include <gtest/gtest.h>

#include "testing/allocations.h"

#include <set>

namespace meridian::routing {
namespace {

using health::Intent;
using topology::Balance;
using topology::Panic;
using topology::Steering;

// Effective distances in single precision differ from the oracle's by less than this.
constexpr double kCloseKm = 0.5;

double EffectiveTo(const Site& site, const geo::Location& from) {
  return geo::EffectiveKm(geo::DistanceKm(from.point, site.point), site.bias);
}

class Decide : public testing::Test {
 protected:
  std::string SiteOf(const Query& query) const {
    const std::optional<Choice> choice = FirstChoice(world_.table(), query);
    return choice ? world_.SiteName(choice->site) : "";
  }
  std::string SiteOf(const net::IpAddress& client, uint64_t draw = 1) const {
    return SiteOf(world_.QueryOf(client, draw));
  }
  Reason ReasonOf(const net::IpAddress& client) const {
    const std::optional<Choice> choice = FirstChoice(world_.table(), world_.QueryOf(client));
    return choice ? choice->reason : Reason::kLatency;
  }
  NoChoice WhyNot(const net::IpAddress& client) const {
    Walk walk;
    walk.Start(world_.table(), world_.QueryOf(client));
    Choice choice;
    EXPECT_FALSE(walk.Next(choice));
    return walk.why();
  }
  // Atlanta, Dallas and San Jose, and a client in New York.
  void MakeAmerica(int endpoints = 2) {
    world_.AddSite("atlanta", 33.749, -84.388, endpoints);
    world_.AddSite("dallas", 32.7767, -96.797, endpoints);
    world_.AddSite("san-jose", 37.3382, -121.8863, endpoints);
    client_ = world_.AddClient(40.71, -74.0);
  }
  topology::Rule RuleFor(const char* country, std::vector<std::string> sites, bool strict) {
    topology::Rule rule;
    rule.match.country = {country};
    rule.sites = std::move(sites);
    rule.strict = strict;
    return rule;
  }

  World world_;
  net::IpAddress client_;
};
using Nearest = Decide;
using Weighted = Decide;
using RandomSteering = Decide;
using Ordered = Decide;
using Fence = Decide;
using HealthStep = Decide;
using Capacity = Decide;
using PanicStep = Decide;

TEST_F(Nearest, GivesSitesByEffectiveDistanceAsBruteForceDoes) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    World world;
    net::Xoshiro random(seed);
    world.AddSites(static_cast<int>(1 + random.Next() % 60), 1, random);
    for (auto& site : world.topology.sites) site.bias = static_cast<int>(random.Next() % 199) - 99;
    std::vector<net::IpAddress> clients;
    for (int i = 0; i < 50; ++i) {
      clients.push_back(
          world.AddClient(Unit(random.Next()) * 180 - 90, Unit(random.Next()) * 360 - 180));
    }
    world.Build();
    for (const net::IpAddress& client : clients) {
      const geo::Location from = world.table().locator().Locate(client);
      const std::vector<Choice> choices =
          AllChoices(world.table(), world.QueryOf(client, random.Next()));
      std::vector<double> oracle;
      for (const Site& site : world.table().sites()) oracle.push_back(EffectiveTo(site, from));
      std::sort(oracle.begin(), oracle.end());
      ASSERT_EQ(choices.size(), std::min(oracle.size(), kMaxTried));
      for (size_t rank = 0; rank < choices.size(); ++rank) {
        EXPECT_NEAR(EffectiveTo(world.table().site(choices[rank].site), from), oracle[rank],
                    kCloseKm)
            << "seed " << seed << " rank " << rank;
        EXPECT_EQ(choices[rank].reason, rank == 0 ? Reason::kNearest : Reason::kFailover);
      }
    }
  }
}

TEST_F(Nearest, FindsTheOnlySiteThatIsUpHoweverFar) {
  net::Xoshiro random(3);
  world_.AddSites(200, 1, random);
  client_ = world_.AddClient(10, 20);
  world_.Build();
  for (const Site& site : world_.table().sites()) world_.SetSiteUp(site.name, false);
  for (const uint32_t only : {0u, 57u, 199u}) {
    world_.SetSiteUp(world_.table().sites()[only].name, true);
    EXPECT_EQ(SiteOf(client_), world_.table().sites()[only].name);
    world_.SetSiteUp(world_.table().sites()[only].name, false);
  }
}

TEST_F(Nearest, DrawsByWeightForAClientWhosePlaceIsUnknown) {
  MakeAmerica();
  world_.Build();
  std::map<std::string, int> count;
  net::Xoshiro random(4);
  for (int i = 0; i < 9000; ++i) {
    const net::IpAddress client =
        net::IpAddress::V4(static_cast<uint32_t>(random.Next() % 0x60000000));
    EXPECT_EQ(SiteOf(client, random.Next()), SiteOf(client, random.Next()));
    EXPECT_EQ(ReasonOf(client), Reason::kWeighted);
    ++count[SiteOf(client)];
  }
  for (const auto& [site, hits] : count)
    EXPECT_TRUE(WithinBinomial(hits, 9000, 1 / 3.0)) << site << hits;
  EXPECT_EQ(count.size(), 3u);
}

TEST_F(Weighted, SharesClientsByWeightAndKeepsEachWhereItIs) {
  MakeAmerica();
  world_.web().steering = Steering::kWeighted;
  world_.topology.sites[0].weight = 1;
  world_.topology.sites[1].weight = 9;
  world_.topology.sites[2].weight = 90;
  world_.Build();
  std::map<std::string, int> count;
  net::Xoshiro random(5);
  constexpr int kClients = 40'000;
  for (int i = 0; i < kClients; ++i) {
    const net::IpAddress client = RandomClient(random);
    const std::string site = SiteOf(client, random.Next());
    ++count[site];
    if (i % 16 == 0) {
      EXPECT_EQ(SiteOf(client, random.Next()), site);
    }
  }
  EXPECT_TRUE(WithinBinomial(count["atlanta"], kClients, 0.01)) << count["atlanta"];
  EXPECT_TRUE(WithinBinomial(count["dallas"], kClients, 0.09)) << count["dallas"];
  EXPECT_TRUE(WithinBinomial(count["san-jose"], kClients, 0.90)) << count["san-jose"];
}

TEST_F(Weighted, MovesOnlyTheClientsOfASiteThatFails) {
  net::Xoshiro random(6);
  world_.AddSites(12, 1, random);
  world_.web().steering = Steering::kWeighted;
  world_.Build();
  std::vector<net::IpAddress> clients;
  std::vector<std::string> before;
  for (int i = 0; i < 4000; ++i)
    before.push_back(SiteOf(clients.emplace_back(RandomClient(random))));
  world_.SetSiteUp("site-0003", false);
  std::set<std::string> heirs;
  for (size_t i = 0; i < clients.size(); ++i) {
    const std::string after = SiteOf(clients[i]);
    if (before[i] != "site-0003") {
      EXPECT_EQ(after, before[i]);
    } else {
      heirs.insert(after);
    }
  }
  EXPECT_EQ(heirs.size(), 11u) << "its clients spread over all others";
}

TEST_F(Weighted, MovesAboutItsShareWhenASiteIsRemoved) {
  net::Xoshiro random(7);
  world_.AddSites(20, 1, random);
  world_.web().steering = Steering::kWeighted;
  world_.Build();
  std::vector<net::IpAddress> clients;
  std::vector<std::string> before;
  for (int i = 0; i < 8000; ++i)
    before.push_back(SiteOf(clients.emplace_back(RandomClient(random))));
  world_.topology.sites.erase(world_.topology.sites.begin() + 8);
  world_.Build();
  int moved = 0;
  for (size_t i = 0; i < clients.size(); ++i) moved += SiteOf(clients[i]) != before[i];
  EXPECT_GE(moved, 8000 / 20 - 100);
  EXPECT_LE(moved, 8000 * 2 / 20) << "the optimum is 400";
}

TEST_F(Weighted, GivesEverySiteOnceHoweverUnequalTheWeights) {
  net::Xoshiro random(8);
  world_.AddSites(14, 1, random);
  world_.web().steering = Steering::kWeighted;
  for (size_t i = 0; i < 14; ++i)
    world_.topology.sites[i].weight = i == 3 ? 100'000 : static_cast<uint32_t>(i % 3);
  world_.Build();
  std::set<uint32_t> given;
  for (const Choice& choice : AllChoices(world_.table(), world_.QueryOf(RandomClient(random)))) {
    EXPECT_TRUE(given.insert(choice.site.value).second);
    EXPECT_GT(world_.table().site(choice.site).weight, 0u);
  }
  EXPECT_EQ(given.size(), 10u) << "those of weight 0 take nothing";
}

TEST_F(RandomSteering, GoesByTheDrawAlone) {
  MakeAmerica();
  world_.web().steering = Steering::kRandom;
  world_.Build();
  net::Xoshiro random(9);
  std::map<std::string, int> count;
  for (int i = 0; i < 9000; ++i) {
    const uint64_t draw = random.Next();
    EXPECT_EQ(SiteOf(client_, draw), SiteOf(net::IpAddress::V4(1), draw));
    ++count[SiteOf(client_, draw)];
  }
  for (const auto& [site, hits] : count)
    EXPECT_TRUE(WithinBinomial(hits, 9000, 1 / 3.0)) << site << hits;
  EXPECT_EQ(ReasonOf(client_), Reason::kRandom);
}

TEST_F(Ordered, FollowsTheListAndThenTheNames) {
  MakeAmerica(1);
  world_.AddSite("tokyo", 35, 139, 1);
  world_.web().steering = Steering::kOrdered;
  world_.web().order = {"san-jose", "atlanta"};
  world_.Build();
  std::vector<std::string> order;
  for (const Choice& choice : AllChoices(world_.table(), world_.QueryOf(client_))) {
    order.push_back(world_.SiteName(choice.site));
  }
  EXPECT_EQ(order, (std::vector<std::string>{"san-jose", "atlanta", "dallas", "tokyo"}));
  EXPECT_EQ(ReasonOf(client_), Reason::kOrdered);
}

TEST_F(Fence, PrefersTheSitesOfARuleAndFallsThrough) {
  MakeAmerica();
  world_.web().rules = {RuleFor("US", {"san-jose"}, false)};
  world_.Build();
  EXPECT_EQ(SiteOf(client_), "san-jose");
  EXPECT_EQ(ReasonOf(client_), Reason::kNearest);
  world_.SetSiteUp("san-jose", false);
  EXPECT_EQ(SiteOf(client_), "atlanta");
  EXPECT_EQ(ReasonOf(client_), Reason::kFailover);
}

TEST_F(Fence, GivesEachSiteOnceWhenItFallsThrough) {
  net::Xoshiro random(10);
  world_.AddSites(13, 1, random);
  client_ = world_.AddClient(0, 0);
  world_.web().rules = {RuleFor("US", {"site-0002", "site-0011"}, false)};
  world_.Build();
  std::set<uint32_t> given;
  const std::vector<Choice> choices = AllChoices(world_.table(), world_.QueryOf(client_));
  for (const Choice& choice : choices) EXPECT_TRUE(given.insert(choice.site.value).second);
  EXPECT_EQ(given.size(), 13u);
  EXPECT_EQ((std::set<uint32_t>{choices[0].site.value, choices[1].site.value}),
            (std::set<uint32_t>{2, 11}));
}

TEST_F(Fence, UsesTheFirstRuleThatMatches) {
  MakeAmerica();
  world_.web().rules = {RuleFor("DE", {"dallas"}, true), RuleFor("US", {"san-jose"}, true),
                        RuleFor("US", {"atlanta"}, true)};
  world_.Build();
  EXPECT_EQ(SiteOf(client_), "san-jose");
}

TEST_F(Fence, NeverLeaksFromAStrictRuleWhateverFails) {
  for (uint64_t seed = 1; seed <= 80; ++seed) {
    World world;
    net::Xoshiro random(seed);
    world.AddSites(static_cast<int>(3 + random.Next() % 20), 2, random);
    const net::IpAddress client = world.AddClient(50, 8, "DE", "EU");
    topology::Rule rule = RuleFor("DE", {"site-0000", "site-0002"}, true);
    world.web().rules = {rule};
    world.web().steering = static_cast<Steering>(random.Next() % 5);
    world.web().slow_start = std::chrono::seconds(random.Next() % 2 * 30);
    world.web().panic = random.Next() % 2 ? Panic::kRoute : Panic::kReject;
    const auto by =
        std::array{topology::SessionBy::kNone, topology::SessionBy::kSource,
                   topology::SessionBy::kCookie, topology::SessionBy::kHeader}[random.Next() % 4];
    world.web().session.by = by;
    for (auto& site : world.topology.sites) {
      if (random.Next() % 3 == 0) site.capacity = random.Next() % 3;
    }
    world.Build();
    // A cookie honestly earned outside the fence, before the client came here.
    const Endpoint outside = world.table().Pool(world.service(), SiteId{1})[0];
    std::array<char, kCookieBytes> text;
    const size_t bytes =
        MakeCookie(world.table(), world.service(), outside.id, world.wall, text.data());
    for (const Endpoint& endpoint : world.table().endpoints()) {
      world.SetUp(endpoint, random.Next() % 2 == 0);
    }
    for (const Site& site : world.table().sites()) {
      world.SetIntent(site.name, static_cast<Intent>(random.Next() % 3));
      world.SetSessions(site.name, static_cast<uint32_t>(random.Next() % 3));
    }
    for (int i = 0; i < 20; ++i) {
      const std::string_view key(text.data(), random.Next() % 2 ? bytes : 0);
      for (const Choice& choice :
           AllChoices(world.table(), world.QueryOf(client, random.Next(), key))) {
        const std::string site = world.SiteName(choice.site);
        EXPECT_TRUE(site == "site-0000" || site == "site-0002")
            << "seed " << seed << " leaks to " << site;
      }
    }
  }
}

class Headers final : public HeaderSource {
 public:
  explicit Headers(std::map<std::string, std::string> headers) : headers_(std::move(headers)) {}
  std::string_view Header(std::string_view name) const override {
    const auto found = headers_.find(std::string(name));
    return found == headers_.end() ? std::string_view() : found->second;
  }

 private:
  std::map<std::string, std::string> headers_;
};

TEST_F(Fence, MatchesByEachConditionAndAllOfThem) {
  MakeAmerica();
  geo::Location& place = world_.places[0].location;
  place.subdivision = *geo::SubdivisionCode::Parse("NY");
  place.asn = 64500;
  const Headers headers(std::map<std::string, std::string>{{"X-Tier", "gold"}});
  const auto lands = [&](auto edit) {
    topology::Rule rule;
    edit(rule.match);
    rule.sites = {"san-jose"};
    world_.web().rules = {rule};
    world_.Build();
    Query query = world_.QueryOf(client_);
    query.headers = &headers;
    return SiteOf(query) == "san-jose";
  };
  EXPECT_TRUE(lands([](topology::Match&) {}));
  EXPECT_TRUE(lands([](topology::Match& m) { m.country = {"CA", "us"}; }));
  EXPECT_FALSE(lands([](topology::Match& m) { m.country = {"CA"}; }));
  EXPECT_TRUE(lands([](topology::Match& m) { m.continent = {"NA"}; }));
  EXPECT_FALSE(lands([](topology::Match& m) { m.continent = {"EU"}; }));
  EXPECT_TRUE(lands([](topology::Match& m) { m.subdivision = {"NY"}; }));
  EXPECT_FALSE(lands([](topology::Match& m) { m.subdivision = {"GA"}; }));
  EXPECT_TRUE(lands([](topology::Match& m) { m.asn = {99, 64500, 1}; }));
  EXPECT_FALSE(lands([](topology::Match& m) { m.asn = {0, 64501}; }));
  EXPECT_TRUE(lands([](topology::Match& m) { m.network = {"10.0.0.0/8", "198.0.0.0/24"}; }));
  EXPECT_FALSE(lands([](topology::Match& m) { m.network = {"10.0.0.0/8"}; }));
  EXPECT_TRUE(lands([](topology::Match& m) { m.header = {{"X-Tier", "gold"}}; }));
  EXPECT_FALSE(lands([](topology::Match& m) { m.header = {{"X-Tier", "Gold"}}; }));
  EXPECT_TRUE(lands([](topology::Match& m) { m.country = {"US"}, m.asn = {64500}; }));
  EXPECT_FALSE(lands([](topology::Match& m) { m.country = {"US"}, m.asn = {1}; }));
}

TEST_F(Fence, HasNoSitesWhenAStrictRuleNamesNoneThatOffersTheService) {
  MakeAmerica();
  world_.topology.sites[2].services.clear();
  world_.web().rules = {RuleFor("US", {"san-jose"}, true)};
  world_.Build();
  EXPECT_EQ(WhyNot(client_), NoChoice::kNoSites);
}

TEST_F(HealthStep, PassesOverSitesThatAreDownDrainingOrOut) {
  MakeAmerica();
  world_.Build();
  EXPECT_EQ(SiteOf(client_), "atlanta");
  world_.SetIntent("atlanta", Intent::kDrain);
  EXPECT_EQ(SiteOf(client_), "dallas");
  world_.SetSiteUp("dallas", false);
  EXPECT_EQ(SiteOf(client_), "san-jose");
  EXPECT_EQ(ReasonOf(client_), Reason::kFailover);
  world_.SetIntent("atlanta", Intent::kOut);
  EXPECT_EQ(SiteOf(client_), "san-jose");
  world_.SetIntent("region", Intent::kDrain);
  world_.SetIntent("atlanta", Intent::kServe);
  EXPECT_EQ(ReasonOf(client_), Reason::kPanic);
  world_.SetIntent("region", Intent::kServe);
  EXPECT_EQ(SiteOf(client_), "atlanta");
}

TEST_F(HealthStep, TriesAllOfASiteBeforeTheNext) {
  MakeAmerica(3);
  world_.Build();
  const std::vector<Choice> choices = AllChoices(world_.table(), world_.QueryOf(client_));
  ASSERT_EQ(choices.size(), 9u);
  std::set<uint32_t> endpoints;
  for (size_t i = 0; i < 9; ++i) {
    endpoints.insert(choices[i].endpoint.value);
    const char* const names[] = {"atlanta", "dallas", "san-jose"};
    EXPECT_EQ(world_.SiteName(choices[i].site), names[i / 3]);
  }
  EXPECT_EQ(endpoints.size(), 9u);
}

TEST_F(HealthStep, GivesAtMostTheBoundOfEndpoints) {
  net::Xoshiro random(11);
  world_.AddSites(10, 5, random);
  world_.Build();
  Walk walk;
  walk.Start(world_.table(), world_.QueryOf(RandomClient(random)));
  Choice choice;
  size_t given = 0;
  while (walk.Next(choice)) ++given;
  EXPECT_EQ(given, kMaxTried);
  EXPECT_EQ(walk.why(), NoChoice::kExhausted);
  EXPECT_FALSE(walk.Next(choice));
}

// Half of the endpoints up keep 0.5 × 1.4 of the clients; always the same ones.
TEST_F(HealthStep, KeepsTheShareOfADegradedSite) {
  MakeAmerica(4);
  for (auto& place : world_.places) place.network = net::Prefix(net::IpAddress::V4(0), 1);
  world_.Build();
  const auto pool = world_.table().Pool(world_.service(), SiteId{0});
  world_.SetUp(pool[0], false);
  world_.SetUp(pool[1], false);
  net::Xoshiro random(12);
  int kept = 0;
  constexpr int kClients = 10'000;
  for (int i = 0; i < kClients; ++i) {
    const net::IpAddress client = net::IpAddress::V4(static_cast<uint32_t>(random.Next() >> 33));
    const std::string site = SiteOf(client, random.Next());
    EXPECT_EQ(site, SiteOf(client, random.Next()));
    kept += site == "atlanta";
    if (site == "atlanta") continue;
    EXPECT_EQ(site, "dallas");
    EXPECT_EQ(ReasonOf(client), Reason::kDegraded);
  }
  EXPECT_TRUE(WithinBinomial(kept, kClients, 0.7)) << kept;
  world_.SetSiteUp("dallas", false);
  world_.SetSiteUp("san-jose", false);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(SiteOf(net::IpAddress::V4(static_cast<uint32_t>(random.Next() >> 33))), "atlanta")
        << "better a degraded site than none";
  }
}

TEST_F(HealthStep, GivesNothingToAWeightOfZero) {
  MakeAmerica();
  world_.topology.sites[0].weight = 0;
  for (auto& endpoint : world_.topology.sites[1].services["web"]) endpoint.weight = 0;
  world_.Build();
  EXPECT_EQ(SiteOf(client_), "san-jose");
  EXPECT_EQ(ReasonOf(client_), Reason::kNearest) << "a site without weight was never a candidate";
  world_.SetSiteUp("san-jose", false);
  for (const Choice& choice : AllChoices(world_.table(), world_.QueryOf(client_))) {
    EXPECT_EQ(world_.SiteName(choice.site), "san-jose");
  }
}

TEST_F(Capacity, SpillsFromAFullSiteInProportionToHeadroom) {
  world_.AddSite("a", 0, 0).capacity = 100;
  world_.AddSite("b", 0, 10).capacity = 1000;
  world_.AddSite("c", 0, 20).capacity = 3000;
  world_.places.clear();
  world_.AddClient(0, 0);
  world_.places[0].network = net::Prefix(net::IpAddress::V4(0), 1);
  world_.Build();
  world_.SetSessions("a", 100);
  std::map<std::string, int> count;
  net::Xoshiro random(13);
  constexpr int kClients = 20'000;
  for (int i = 0; i < kClients; ++i) {
    const net::IpAddress client = net::IpAddress::V4(static_cast<uint32_t>(random.Next() >> 33));
    ++count[SiteOf(client, random.Next())];
    EXPECT_EQ(ReasonOf(client), Reason::kSpill);
  }
  EXPECT_TRUE(WithinBinomial(count["b"], kClients, 0.25)) << count["b"];
  EXPECT_TRUE(WithinBinomial(count["c"], kClients, 0.75)) << count["c"];
}

// Sessions arrive until all is full: no site is ever given one more than its capacity, and as long
// as any has room none is refused.
TEST_F(Capacity, NeverOverfillsASiteAndRefusesOnlyWhenAllAreFull) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    World world;
    net::Xoshiro random(seed);
    world.AddSites(static_cast<int>(2 + random.Next() % 30), 1, random);
    uint64_t room = 0;
    for (auto& site : world.topology.sites) room += *(site.capacity = random.Next() % 40);
    const net::IpAddress client = world.AddClient(20, 20);
    world.places[0].network = net::Prefix(net::IpAddress::V4(0), 1);
    world.Build();
    world.SetSiteUp("site-0001", false);
    room -= *world.topology.sites[1].capacity;
    for (uint64_t session = 0; session < room + 10; ++session) {
      Walk walk;
      const net::IpAddress from = net::IpAddress::V4(static_cast<uint32_t>(random.Next() >> 33));
      walk.Start(world.table(), world.QueryOf(session % 2 ? from : client, random.Next()));
      Choice choice;
      const bool given = walk.Next(choice);
      ASSERT_EQ(given, session < room) << "seed " << seed;
      if (!given) {
        EXPECT_EQ(walk.why(), NoChoice::kAtCapacity);
        continue;
      }
      const Site& site = world.table().site(choice.site);
      EXPECT_LE(site.health->sessions.fetch_add(1) + 1, site.capacity);
      EXPECT_NE(site.name, "site-0001");
    }
  }
}

TEST_F(PanicStep, TriesWhatIsDownInOrderWhenAllIs) {
  MakeAmerica(1);
  world_.Build();
  for (const char* site : {"atlanta", "dallas", "san-jose"}) world_.SetSiteUp(site, false);
  const std::vector<Choice> choices = AllChoices(world_.table(), world_.QueryOf(client_));
  ASSERT_EQ(choices.size(), 3u);
  EXPECT_EQ(world_.SiteName(choices[0].site), "atlanta");
  EXPECT_EQ(choices[0].reason, Reason::kPanic);
  EXPECT_EQ(world_.SiteName(choices[2].site), "san-jose");
}

TEST_F(PanicStep, PrefersADrainingSiteToADeadOne) {
  MakeAmerica(1);
  world_.Build();
  world_.SetSiteUp("atlanta", false);
  world_.SetSiteUp("dallas", false);
  world_.SetIntent("san-jose", Intent::kDrain);
  EXPECT_EQ(SiteOf(client_), "san-jose");
}

TEST_F(PanicStep, NeverTriesWhatIsOutOrWithoutWeight) {
  MakeAmerica(1);
  world_.topology.sites[1].weight = 0;
  world_.Build();
  for (const char* site : {"atlanta", "dallas", "san-jose"}) world_.SetSiteUp(site, false);
  world_.SetIntent("atlanta", Intent::kOut);
  const std::vector<Choice> choices = AllChoices(world_.table(), world_.QueryOf(client_));
  ASSERT_EQ(choices.size(), 1u);
  EXPECT_EQ(world_.SiteName(choices[0].site), "san-jose");
  world_.SetIntent("san-jose", Intent::kOut);
  EXPECT_EQ(WhyNot(client_), NoChoice::kAllDown);
}

TEST_F(PanicStep, RejectsWhenThePolicyOrAStrictRuleSaysSo) {
  MakeAmerica(1);
  world_.web().panic = Panic::kReject;
  world_.Build();
  for (const char* site : {"atlanta", "dallas", "san-jose"}) world_.SetSiteUp(site, false);
  EXPECT_EQ(WhyNot(client_), NoChoice::kAllDown);
  world_.web().panic = Panic::kRoute;
  world_.web().rules = {RuleFor("US", {"atlanta"}, true)};
  world_.Build();
  EXPECT_EQ(WhyNot(client_), NoChoice::kAllDown);
}

TEST_F(PanicStep, IsNotCausedByFullSites) {
  MakeAmerica(1);
  world_.topology.sites[0].capacity = 5;
  world_.Build();
  world_.SetSessions("atlanta", 5);
  world_.SetSiteUp("dallas", false);
  world_.SetSiteUp("san-jose", false);
  EXPECT_EQ(WhyNot(client_), NoChoice::kAtCapacity);
}

TEST_F(Decide, IsAFunctionOfItsInputs) {
  net::Xoshiro random(14);
  world_.AddSites(30, 4, random);
  world_.web().rules = {RuleFor("US", {"site-0001", "site-0007"}, false)};
  client_ = world_.AddClient(3, 4);
  world_.Build();
  for (int i = 0; i < 500; ++i) {
    const Query query = world_.QueryOf(i % 2 ? client_ : RandomClient(random), random.Next());
    const std::vector<Choice> first = AllChoices(world_.table(), query);
    const std::vector<Choice> second = AllChoices(world_.table(), query);
    ASSERT_EQ(first.size(), second.size());
    for (size_t j = 0; j < first.size(); ++j) EXPECT_EQ(first[j].endpoint, second[j].endpoint);
  }
}

TEST_F(Decide, AllocatesNothingWhateverThePolicyAndHealth) {
  for (uint64_t seed = 1; seed <= 16; ++seed) {
    World world;
    net::Xoshiro random(seed);
    world.AddSites(static_cast<int>(1 + random.Next() % 100), 4, random);
    world.web().steering = static_cast<Steering>(std::array{0, 2, 3, 4}[random.Next() % 4]);
    world.web().balance = static_cast<Balance>(random.Next() % 4);
    world.web().session.by = static_cast<topology::SessionBy>(random.Next() % 4);
    world.web().rules = {RuleFor("US", {"site-0000"}, random.Next() % 2 == 0)};
    const net::IpAddress client = world.AddClient(3, 4);
    world.Build();
    world.registry.BeginSlowStarts();
    for (const Endpoint& endpoint : world.table().endpoints()) {
      world.SetUp(endpoint, false);
      world.SetUp(endpoint, random.Next() % 3 == 0);
      if (random.Next() % 2) world.registry.ObserveConnect(*endpoint.health, Duration(1000));
    }
    world.now += std::chrono::seconds(10);
    std::array<char, kCookieBytes> cookie;
    const fakes::Allocations allocations;
    for (int i = 0; i < 50; ++i) {
      const size_t bytes =
          MakeCookie(world.table(), world.service(), EndpointId{0}, world.wall, cookie.data());
      Walk walk;
      walk.Start(world.table(), world.QueryOf(i % 2 ? client : RandomClient(random), random.Next(),
                                              std::string_view(cookie.data(), bytes)));
      for (Choice choice; walk.Next(choice);) continue;
    }
    EXPECT_EQ(allocations.count(), 0u) << "seed " << seed;
  }
}

TEST_F(Decide, FindsServicesSitesAndPoolsByNameAndId) {
  MakeAmerica();
  world_.topology.sites[1].services.clear();
  const Table& table = world_.Build();
  EXPECT_FALSE(table.FindService("nothing").ok());
  EXPECT_FALSE(table.FindSite("paris").ok());
  EXPECT_EQ(table.FindSite("san-jose").value, 2u);
  EXPECT_EQ(table.SiteByKey(table.site(SiteId{1}).key), SiteId{1});
  EXPECT_FALSE(table.SiteByKey(1).ok());
  EXPECT_EQ(table.SitesOf(world_.service()).size(), 2u);
  EXPECT_TRUE(table.Pool(world_.service(), SiteId{1}).empty());
  EXPECT_EQ(table.PoolHealth(world_.service(), SiteId{0}).size(), 2u);
  EXPECT_EQ(table.SiteState(world_.service(), SiteId{0}), health::State::kUp);
  EXPECT_EQ(table.SiteState(world_.service(), SiteId{1}), health::State::kDown);
}

}  // namespace
}  // namespace meridian::routing
