// Capacity and spill with the live decision, on random topologies: what a dead site leaves behind
// is taken by the others, and none of them is drowned by it.
#include "unit/routing/world.h"

#include <gtest/gtest.h>

#include <numeric>

namespace meridian::routing {
namespace {

// A world whose clients stand anywhere, each with a place of its own and one session.
class Loaded {
 public:
  Loaded(uint64_t seed, int sites) : random_(seed) {
    world_.AddSites(sites, 2, random_);
    for (int i = 0; i < kPlaces; ++i) {
      clients_.push_back(
          world_.AddClient(Unit(random_.Next()) * 180 - 90, Unit(random_.Next()) * 360 - 180));
    }
  }

  // Sessions of that many clients from anywhere; false as soon as one is refused or a site passes
  // its capacity.
  bool Arrive(uint64_t sessions) {
    for (uint64_t i = 0; i < sessions; ++i) {
      const net::IpAddress near = clients_[random_.Next() % clients_.size()];
      const net::IpAddress client =
          net::IpAddress::V4(near.v4() | static_cast<uint32_t>(random_.Next() % 256));
      if (!Route(client)) return false;
    }
    return true;
  }
  bool Route(const net::IpAddress& client) {
    const std::optional<Choice> choice =
        FirstChoice(world_.table(), world_.QueryOf(client, random_.Next()));
    if (!choice) return false;
    const Site& site = world_.table().site(choice->site);
    sessions_.emplace_back(client, choice->site);
    return site.health->sessions.fetch_add(1) + 1 <= site.capacity;
  }
  // The site's endpoints fail, its sessions end and their clients come again, one by one.
  bool Kill(SiteId dead) {
    world_.SetSiteUp(world_.SiteName(dead), false);
    std::vector<net::IpAddress> homeless;
    for (const auto& [client, site] : sessions_) {
      if (site == dead) homeless.push_back(client);
    }
    std::erase_if(sessions_, [dead](const auto& session) { return session.second == dead; });
    world_.SetSessions(world_.SiteName(dead), 0);
    return std::all_of(homeless.begin(), homeless.end(),
                       [this](const net::IpAddress& client) { return Route(client); });
  }

  World& world() { return world_; }
  net::Random& random() { return random_; }
  uint32_t SessionsAt(uint32_t site) const {
    return world_.table().sites()[site].health->sessions.load();
  }

 private:
  static constexpr int kPlaces = 40;
  net::Xoshiro random_;
  World world_;
  std::vector<net::IpAddress> clients_;
  std::vector<std::pair<net::IpAddress, SiteId>> sessions_;
};

// Two to twelve sites anywhere, with any capacities, loaded from a quarter up to all that the rest
// can hold; then any one of them dies. And the next, as long as the rest suffices.
TEST(Spill, LeavesNoSurvivorAboveItsCapacityWhenTheirHeadroomSuffices) {
  for (uint64_t seed = 1; seed <= 120; ++seed) {
    net::Xoshiro random(seed * 1000);
    const int sites = static_cast<int>(2 + random.Next() % 11);
    Loaded loaded(seed, sites);
    std::vector<uint64_t> capacities;
    for (auto& site : loaded.world().topology.sites) {
      capacities.push_back(*(site.capacity = 1 + random.Next() % (random.Next() % 2 ? 120 : 20)));
    }
    loaded.world().Build();
    std::vector<uint32_t> order(static_cast<size_t>(sites));
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(),
              [seed](uint32_t a, uint32_t b) { return Mix(a + seed) < Mix(b + seed); });
    uint64_t rest = std::accumulate(capacities.begin(), capacities.end(), uint64_t{0});
    const uint64_t survive_one = rest - capacities[order[0]];
    const uint64_t load = survive_one / 4 + random.Next() % (survive_one * 3 / 4 + 1);
    ASSERT_TRUE(loaded.Arrive(load)) << "seed " << seed;
    for (size_t dead = 0; dead + 1 < order.size() && rest - capacities[order[dead]] >= load;
         ++dead) {
      rest -= capacities[order[dead]];
      ASSERT_TRUE(loaded.Kill(SiteId{order[dead]})) << "seed " << seed << " death " << dead;
    }
  }
}

// The same with a session's whole life: clients come and go while sites are at their limit.
TEST(Spill, HoldsWhileSessionsComeAndGo) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Loaded loaded(seed, 6);
    for (auto& site : loaded.world().topology.sites) site.capacity = 20;
    loaded.world().Build();
    ASSERT_TRUE(loaded.Arrive(100)) << "seed " << seed;
    for (int turn = 0; turn < 300; ++turn) {
      uint32_t site = static_cast<uint32_t>(loaded.random().Next() % 6);
      while (loaded.SessionsAt(site) == 0) site = (site + 1) % 6;
      loaded.world().table().sites()[site].health->sessions.fetch_sub(1);
      ASSERT_TRUE(loaded.Arrive(1)) << "seed " << seed << " turn " << turn;
    }
  }
}

// The story: five sites in a row, all clients at the first. It dies. Its neighbour takes what it
// has room for, and the rest is shared among the others by their headroom: nobody is refused, and
// the neighbour does not fall next.
TEST(Spill, TheNearestNeighbourOfADeadSiteIsNotDrowned) {
  World world;
  const char* const names[] = {"a", "b", "c", "d", "e"};
  for (int i = 0; i < 5; ++i) world.AddSite(names[i], 0, 10.0 * i);
  const uint64_t capacities[] = {5000, 1000, 2000, 4000, 2000};
  for (size_t i = 0; i < 5; ++i) world.topology.sites[i].capacity = capacities[i];
  world.AddClient(0, 0);
  world.places[0].network = net::Prefix(net::IpAddress::V4(0), 1);
  world.Build();
  for (const char* name : {"b", "c", "d", "e"}) world.SetSessions(name, 500);
  world.SetSiteUp("a", false);
  net::Xoshiro random(1);
  std::map<std::string, uint32_t> before, after;
  for (int i = 0; i < 4500; ++i) {
    const net::IpAddress client = net::IpAddress::V4(static_cast<uint32_t>(random.Next() >> 33));
    const std::optional<Choice> choice =
        FirstChoice(world.table(), world.QueryOf(client, random.Next()));
    ASSERT_TRUE(choice.has_value()) << i;
    const Site& site = world.table().site(choice->site);
    ASSERT_LE(site.health->sessions.fetch_add(1) + 1, site.capacity) << site.name << " at " << i;
    EXPECT_EQ(choice->reason, i < 500 ? Reason::kFailover : Reason::kSpill) << i;
    if (i == 499) {
      for (const Site& one : world.table().sites()) before[one.name] = one.health->sessions;
    }
  }
  for (const Site& one : world.table().sites()) after[one.name] = one.health->sessions;
  EXPECT_EQ(before["b"], 1000u) << "as near as it can be, up to its capacity";
  EXPECT_EQ(after["b"], 1000u);
  // 4,000 more for 1,500 + 3,500 + 1,500 of headroom.
  for (const auto& [name, headroom] : {std::pair("c", 1500), {"d", 3500}, {"e", 1500}}) {
    EXPECT_NEAR(after[name] - before[name], 4000.0 * headroom / 6500, 90) << name;
  }
}

}  // namespace
}  // namespace meridian::routing
