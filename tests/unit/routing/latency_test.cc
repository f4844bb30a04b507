// Steering by latency: the order of sites, its steadiness, and how soon it follows.
#include "unit/routing/world.h"

#include <meridian/routing/explain.h>

#include <gtest/gtest.h>

#include <set>

namespace meridian::routing {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using topology::Steering;

// Three sites that are steered by latency.
struct Europe {
  Europe() { world_.web().steering = Steering::kLatency; }
  // By name: alba near the client, brno further, cork furthest.
  void MakeEurope() {
    world_.AddSite("alba", 44, 8, 1);
    world_.AddSite("brno", 49, 16, 1);
    world_.AddSite("cork", 52, -8, 1);
    client_ = world_.AddClient(44, 9, "IT", "EU");
    world_.Build();
  }
  std::vector<std::string> Order(const net::IpAddress& client) const {
    std::vector<std::string> names;
    for (const Choice& choice : AllChoices(world_.table(), world_.QueryOf(client))) {
      names.push_back(world_.SiteName(choice.site));
    }
    return names;
  }
  std::string First() const {
    return world_.SiteName(FirstChoice(world_.table(), world_.QueryOf(client_))->site);
  }
  Reason ReasonOf(const net::IpAddress& client) const {
    return FirstChoice(world_.table(), world_.QueryOf(client))->reason;
  }
  // One sample of `mean` give or take a fifth, of the site's endpoint.
  void Sample(const std::string& site, Duration mean, net::Random& random) {
    const Endpoint& endpoint =
        world_.table().Pool(world_.service(), world_.table().FindSite(site))[0];
    const double factor = 0.8 + 0.4 * Unit(random.Next());
    world_.registry.ObserveConnect(
        *endpoint.health,
        Duration(static_cast<int64_t>(static_cast<double>(mean.count()) * factor)));
  }

  World world_;
  net::IpAddress client_;
};

using Names = std::vector<std::string>;
class Latency : public testing::Test, protected Europe {};

TEST_F(Latency, PutsTheFastestFirstWhereverItStands) {
  MakeEurope();
  world_.SetLatency("alba", milliseconds(40));
  world_.SetLatency("brno", milliseconds(90));
  world_.SetLatency("cork", milliseconds(12));
  EXPECT_EQ(Order(client_), (Names{"cork", "alba", "brno"}));
  EXPECT_EQ(ReasonOf(client_), Reason::kLatency);
  const net::IpAddress nowhere = net::IpAddress::V4(1);
  EXPECT_EQ(Order(nowhere), (Names{"cork", "alba", "brno"}));
  EXPECT_EQ(ReasonOf(nowhere), Reason::kLatency);
}

TEST_F(Latency, BreaksTiesByName) {
  MakeEurope();
  for (const char* site : {"cork", "brno", "alba"}) world_.SetLatency(site, milliseconds(30));
  EXPECT_EQ(Order(client_), (Names{"alba", "brno", "cork"}));
}

TEST_F(Latency, GoesByDistanceAsLongAsNothingIsMeasured) {
  MakeEurope();
  EXPECT_EQ(Order(client_), (Names{"alba", "brno", "cork"}));
  EXPECT_EQ(ReasonOf(client_), Reason::kNearest);
  EXPECT_EQ(ReasonOf(net::IpAddress::V4(1)), Reason::kWeighted) << "no place: drawn by weight";
}

TEST_F(Latency, TakesWhatIsNotMeasuredLast) {
  MakeEurope();
  world_.SetLatency("cork", milliseconds(200));
  EXPECT_EQ(Order(client_), (Names{"cork", "alba", "brno"}));
}

TEST_F(Latency, GivesTheOrderOfBruteForceHoweverManyAreMeasured) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    World world;
    world.web().steering = Steering::kLatency;
    net::Xoshiro random(seed);
    world.AddSites(static_cast<int>(1 + random.Next() % 40), 1, random);
    const net::IpAddress client = world.AddClient(10, 20);
    const Table& table = world.Build();
    const uint64_t measured_of_four = random.Next() % 5;
    for (const Site& site : table.sites()) {
      if (random.Next() % 4 >= measured_of_four) continue;
      world.SetLatency(site.name, milliseconds(1 + random.Next() % 12 * 10));
    }
    const geo::Point from = table.locator().Locate(client).point;
    struct Place {
      Duration latency;
      double distance;
      uint32_t id;
    };
    std::vector<Place> oracle;
    for (const Site& site : table.sites()) {
      const Duration latency = site.health->round_trip.published();
      const bool measured = latency != Duration(0);
      oracle.push_back({measured ? latency : Duration::max(),
                        measured ? 0 : geo::DistanceKm(from, site.point), site.id.value});
    }
    std::sort(oracle.begin(), oracle.end(), [](const Place& a, const Place& b) {
      return std::tuple(a.latency, a.distance, a.id) < std::tuple(b.latency, b.distance, b.id);
    });
    const std::vector<Choice> choices = AllChoices(table, world.QueryOf(client));
    ASSERT_EQ(choices.size(), std::min(oracle.size(), kMaxTried));
    for (size_t rank = 0; rank < choices.size(); ++rank) {
      const Site& site = table.site(choices[rank].site);
      const bool measured = oracle[rank].latency != Duration::max();
      if (measured) {
        EXPECT_EQ(site.id.value, oracle[rank].id) << "seed " << seed << " rank " << rank;
      } else {
        EXPECT_EQ(site.health->round_trip.published(), Duration(0));
        EXPECT_NEAR(geo::DistanceKm(from, site.point), oracle[rank].distance, 0.5)
            << "seed " << seed << " rank " << rank;
      }
    }
  }
}

// Two equal sites and noise of a fifth: once both averages have settled, the order stays. Before
// that it may change with each value that is published.
TEST_F(Latency, DoesNotFlapBetweenTwoEqualSites) {
  int changes_of_all = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    net::Xoshiro random(seed);
    Europe fresh;
    fresh.MakeEurope();
    const uint32_t before_noise = fresh.world_.registry.version();
    std::string first = fresh.First();
    int changes = 0;
    for (int i = 0; i < 2000; ++i) {
      fresh.Sample(random.Next() % 2 ? "alba" : "brno", milliseconds(50), random);
      const std::string now = fresh.First();
      changes += i >= 128 && now != first;
      first = now;
    }
    EXPECT_LE(changes, 1) << "seed " << seed;
    EXPECT_LE(fresh.world_.registry.version() - before_noise, 40u) << "seed " << seed;
    changes_of_all += changes;
  }
  EXPECT_LE(changes_of_all, 4) << "in 40,000 samples";
}

TEST_F(Latency, FollowsARealChangeWithinFortySamplesOfTheSite) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    net::Xoshiro random(seed);
    Europe fresh;
    fresh.MakeEurope();
    for (int i = 0; i < 100; ++i) {
      fresh.Sample("alba", milliseconds(40), random);
      fresh.Sample("brno", milliseconds(60), random);
    }
    ASSERT_EQ(fresh.First(), "alba") << "seed " << seed;
    int samples = 0;
    for (; samples < 200 && fresh.First() == "alba"; ++samples) {
      fresh.Sample("alba", milliseconds(100), random);
    }
    EXPECT_LE(samples, 40) << "seed " << seed;
    EXPECT_EQ(fresh.First(), "brno");
  }
}

TEST_F(Latency, ChangesPlacesOnlyWhenOneHasMovedByMoreThanTheBand) {
  MakeEurope();
  world_.SetLatency("alba", milliseconds(50));
  world_.SetLatency("brno", milliseconds(51));
  world_.SetLatency("cork", milliseconds(900));
  world_.SetLatency("alba", milliseconds(54));
  EXPECT_EQ(First(), "alba") << "slower than brno, but within the band";
  world_.SetLatency("alba", milliseconds(57));
  EXPECT_EQ(First(), "brno");
  world_.SetLatency("alba", milliseconds(52));
  EXPECT_EQ(First(), "brno");
  world_.SetLatency("alba", milliseconds(40));
  EXPECT_EQ(First(), "alba");
}

TEST_F(Latency, DecidesAlikeOnInstancesThatMeasuredAlike) {
  World other;
  other.web().steering = Steering::kLatency;
  net::Xoshiro places(3), same_places(3), random(4);
  world_.AddSites(30, 1, places);
  other.AddSites(30, 1, same_places);
  world_.Build();
  other.Build();
  for (int i = 0; i < 3000; ++i) {
    const size_t endpoint = random.Next() % 30;
    const Duration took(static_cast<int64_t>(random.Next() % 80'000'000));
    world_.registry.ObserveConnect(*world_.table().endpoints()[endpoint].health, took);
    other.registry.ObserveConnect(*other.table().endpoints()[endpoint].health, took);
    // One of them caches as it goes, the other only now and then.
    const Query query = world_.QueryOf(RandomClient(random), random.Next());
    const std::optional<Choice> choice = FirstChoice(world_.table(), query);
    if (i % 100 != 0) continue;
    EXPECT_EQ(choice->site, FirstChoice(other.table(), query)->site);
  }
}

TEST_F(Latency, KeepsAStrictFenceAndFallsBackToTheNextFastest) {
  MakeEurope();
  world_.SetLatency("alba", milliseconds(90));
  world_.SetLatency("brno", milliseconds(60));
  world_.SetLatency("cork", milliseconds(5));
  topology::Rule rule;
  rule.match.country = {"IT"};
  rule.sites = {"alba", "brno"};
  rule.strict = true;
  world_.web().rules = {rule};
  world_.Build();
  EXPECT_EQ(Order(client_), (Names{"brno", "alba"}));
  world_.web().rules[0].strict = false;
  world_.Build();
  EXPECT_EQ(Order(client_), (Names{"brno", "alba", "cork"}));
  world_.SetSiteUp("brno", false);
  EXPECT_EQ(First(), "alba");
  EXPECT_EQ(ReasonOf(client_), Reason::kFailover);
}

TEST_F(Latency, IsExplained) {
  MakeEurope();
  world_.SetLatency("cork", milliseconds(12));
  world_.SetLatency("brno", microseconds(8'400));
  const Explanation explanation = Explain(world_.table(), world_.QueryOf(client_), world_.wall);
  EXPECT_EQ(explanation.steering, "latency");
  ASSERT_EQ(explanation.sites.size(), 3u);
  EXPECT_EQ(explanation.sites[0].name, "brno");
  EXPECT_EQ(explanation.sites[0].latency, microseconds(8'400));
  EXPECT_TRUE(explanation.sites[0].verdict.starts_with("chosen: latency, endpoint "));
  EXPECT_EQ(explanation.sites[1].latency, milliseconds(12));
  EXPECT_EQ(explanation.sites[2].latency, Duration(0));
  EXPECT_EQ(explanation.sites[2].name, "alba");
}

}  // namespace
}  // namespace meridian::routing
