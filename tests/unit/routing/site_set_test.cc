// What a set ranks beforehand for every spot of a locator, against measuring all distances, and
// against what it answers when nothing was ranked.
#include "routing/site_set.h"

#include <meridian/base/format.h>
#include <meridian/net/random.h>
#include <meridian/routing/decide.h>

#include "testing/allocations.h"

#include <gtest/gtest.h>

#include <numeric>

namespace meridian::routing {
namespace {

geo::Point RandomPoint(net::Xoshiro& random) {
  return *geo::Point::At(Unit(random.Next()) * 180 - 90, Unit(random.Next()) * 360 - 180);
}

std::shared_ptr<const geo::Locator> RandomSpots(net::Xoshiro& random, uint32_t count) {
  geo::Locator::Input input;
  for (uint32_t i = 0; i < count; ++i) {
    geo::Location location;
    location.point = RandomPoint(random);
    location.has_coordinates = true;
    input.networks.push_back({net::Prefix(net::IpAddress::V4((10u << 24) + i), 32), location});
  }
  return *geo::Locator::Build(std::move(input));
}

std::vector<Site> RandomSites(net::Xoshiro& random, uint32_t count, bool biased) {
  std::vector<Site> sites;
  for (uint32_t i = 0; i < count; ++i) {
    Site& site = sites.emplace_back();
    site.id = SiteId{i};
    site.key = random.Next();
    site.point = RandomPoint(random);
    site.bias = biased ? static_cast<int>(random.Next() % 199) - 99 : 0;
  }
  return sites;
}

std::vector<SiteId> AllOf(const std::vector<Site>& sites) {
  std::vector<SiteId> ids;
  for (const Site& site : sites) ids.push_back(site.id);
  return ids;
}

TEST(SiteSet, RanksTheNearestSitesOfEverySpotBeforehand) {
  for (const uint32_t count : {1u, 3u, 4u, 5u, 60u, 300u}) {
    const uint64_t seed = 900 + count;
    SCOPED_TRACE(testing::Message() << "seed " << seed << ", " << count << " sites");
    net::Xoshiro random(seed);
    const auto locator = RandomSpots(random, 200);
    ASSERT_EQ(locator->spot_count(), 201u);
    const std::vector<Site> sites = RandomSites(random, count, count % 2 != 0);
    const SiteSet unranked(AllOf(sites), sites, false);
    SiteSet ranked(AllOf(sites), sites, false);
    ranked.RankSpots(*locator);
    for (uint32_t i = 1; i < locator->spot_count(); ++i) {
      const geo::SpotId spot{i};
      const auto effective_km = [&](uint16_t site) {
        const double km = geo::DistanceKm(locator->PointOf(spot), sites[site].point);
        return geo::EffectiveKm(km, sites[site].bias);
      };
      std::vector<double> measured(count);
      for (uint16_t site = 0; site < count; ++site) measured[site] = effective_km(site);
      std::sort(measured.begin(), measured.end());
      std::array<uint16_t, SiteSet::kReady> head, same;
      const size_t given = ranked.Nearest(*locator, spot, head);
      ASSERT_EQ(given, std::min<size_t>(count, SiteSet::kReady));
      ASSERT_EQ(unranked.Nearest(*locator, spot, same), given);
      for (size_t rank = 0; rank < given; ++rank) {
        ASSERT_EQ(head[rank], same[rank]);
        ASSERT_NEAR(effective_km(head[rank]), measured[rank], 0.05 + 1e-3 * measured[rank]);
      }
    }
  }
}

TEST(SiteSet, GivesMoreSitesThanItRankedBeforehand) {
  net::Xoshiro random(3);
  const auto locator = RandomSpots(random, 5);
  const std::vector<Site> sites = RandomSites(random, 20, false);
  SiteSet set(AllOf(sites), sites, false);
  set.RankSpots(*locator);
  std::array<uint16_t, kMaxOrdered> more;
  std::array<uint16_t, SiteSet::kReady> head;
  std::array<uint16_t, 2> two;
  const fakes::Allocations allocations;
  ASSERT_EQ(set.Nearest(*locator, geo::SpotId{2}, more), kMaxOrdered);
  ASSERT_EQ(set.Nearest(*locator, geo::SpotId{2}, head), SiteSet::kReady);
  ASSERT_EQ(set.Nearest(*locator, geo::SpotId{2}, two), 2u);
  EXPECT_EQ(allocations.count(), 0u);
  EXPECT_TRUE(std::equal(head.begin(), head.end(), more.begin()));
  EXPECT_TRUE(std::equal(two.begin(), two.end(), head.begin()));
}

}  // namespace
}  // namespace meridian::routing
