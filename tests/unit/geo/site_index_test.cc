// The index against brute force: exactly the head of its own full order, and that order against
// distances computed another way.
#include <meridian/geo/site_index.h>
#include <meridian/net/random.h>

#include "test_files.h"
#include "testing/allocations.h"

#include <numeric>

namespace meridian::geo {
namespace {

using Sites = std::vector<SiteIndex::Site>;

Point RandomPoint(net::Xoshiro& random) {
  // One in eight where geometry is awkward: the poles, the antimeridian, the corners of cells.
  switch (random.Next() % 32) {
    case 0:
      return *Point::At(90, Unit(random.Next()) * 360 - 180);
    case 1:
      return *Point::At(-90, Unit(random.Next()) * 360 - 180);
    case 2:
      return *Point::At(Unit(random.Next()) * 180 - 90, 180);
    case 3:
      return *Point::At(static_cast<int>(random.Next() % 16) * 11.25 - 90,
                        static_cast<int>(random.Next() % 32) * 11.25 - 180);
    default:
      break;
  }
  return *Point::At(Unit(random.Next()) * 180 - 90, Unit(random.Next()) * 360 - 180);
}

// `spread` degrees around a few towns, so that some lists are dense.
Sites RandomSites(net::Xoshiro& random, size_t count, bool biased, double spread) {
  Sites sites;
  std::vector<Point> towns;
  for (int i = 0; i < 7; ++i) towns.push_back(RandomPoint(random));
  while (sites.size() < count) {
    Point point = RandomPoint(random);
    if (spread > 0) {
      const Point& town = towns[random.Next() % towns.size()];
      const auto near = Point::At(town.latitude + (Unit(random.Next()) - 0.5) * spread,
                                  town.longitude + (Unit(random.Next()) - 0.5) * spread);
      point = near.value_or(town);
    }
    sites.push_back({point, biased ? static_cast<int>(random.Next() % 199) - 99 : 0});
  }
  return sites;
}

std::vector<uint16_t> OrderOf(const SiteIndex& index, const Point& from) {
  std::vector<uint16_t> order(index.size());
  EXPECT_EQ(index.Order(from, order), index.size());
  return order;
}

void ExpectHeadOfOrder(const SiteIndex& index, const Point& from) {
  const auto order = OrderOf(index, from);
  std::array<uint16_t, SiteIndex::kMaxLimit> nearest;
  const size_t count = index.Nearest(from, nearest);
  ASSERT_EQ(count, std::min(index.limit(), index.size()));
  for (size_t i = 0; i < count; ++i) {
    ASSERT_EQ(nearest[i], order[i])
        << "rank " << i << " from " << from.latitude << ", " << from.longitude;
  }
}

// Each next site is no nearer than the one before, but for the two metres of single precision.
void ExpectAscending(const Sites& sites, const SiteIndex& index, const Point& from) {
  double before = 0;
  std::vector<bool> seen(sites.size());
  for (const uint16_t i : OrderOf(index, from)) {
    EXPECT_FALSE(seen[i]);
    seen[i] = true;
    const double km = EffectiveKm(DistanceKm(from, sites[i].point), sites[i].bias);
    // A site straight opposite: there a metre of position is kilometres of chord.
    const double tolerance = 0.01 + (km > 19000 * EffectiveKm(1, sites[i].bias) ? 20 : 0);
    EXPECT_GE(km + tolerance, before);
    before = km;
  }
}

TEST(SiteIndex, NearestIsExactlyTheHeadOfTheBruteForceOrder) {
  uint64_t seed = 100;
  for (const size_t count : {1u, 2u, 5u, 40u, 400u}) {
    for (const bool biased : {false, true}) {
      for (const double spread : {0.0, 0.5, 20.0}) {
        SCOPED_TRACE(testing::Message()
                     << "seed " << ++seed << ", " << count << " sites, spread " << spread);
        net::Xoshiro random(seed);
        const Sites sites = RandomSites(random, count, biased, spread);
        const auto index = SiteIndex::Build(sites, 1 + random.Next() % SiteIndex::kMaxLimit);
        ASSERT_TRUE(index);
        for (int i = 0; i < 60; ++i) ExpectHeadOfOrder(*index, RandomPoint(random));
        for (size_t i = 0; i < sites.size(); i += 7) ExpectHeadOfOrder(*index, sites[i].point);
      }
    }
  }
}

TEST(SiteIndex, OrderGrowsWithTheEffectiveDistance) {
  for (const bool biased : {false, true}) {
    const uint64_t seed = biased ? 21 : 20;
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    net::Xoshiro random(seed);
    const Sites sites = RandomSites(random, 200, biased, 0);
    const auto index = SiteIndex::Build(sites);
    ASSERT_TRUE(index);
    for (int i = 0; i < 200; ++i) ExpectAscending(sites, *index, RandomPoint(random));
  }
}

TEST(SiteIndex, BiasShrinksAndGrowsTheDistance) {
  const Point atlanta = *Point::At(33.749, -84.388), dallas = *Point::At(32.7767, -96.797);
  const Point halfway = *Point::At(33.4, -90.4);  // nearer to Atlanta
  std::array<uint16_t, 2> out;
  EXPECT_EQ(SiteIndex::Build(Sites{{atlanta, 0}, {dallas, 0}})->Nearest(halfway, out), 2u);
  EXPECT_EQ(out[0], 0);
  SiteIndex::Build(Sites{{atlanta, 0}, {dallas, -20}})->Nearest(halfway, out);
  EXPECT_EQ(out[0], 1);
  SiteIndex::Build(Sites{{atlanta, 20}, {dallas, 0}})->Nearest(halfway, out);
  EXPECT_EQ(out[0], 1);
  EXPECT_NEAR(EffectiveKm(1000, -99), 10, 1e-9);
  EXPECT_DOUBLE_EQ(EffectiveKm(1000, 50), 1500);
}

TEST(SiteIndex, EqualDistancesKeepTheOrderGiven) {
  const Point here = *Point::At(50, 8);
  const Sites sites(12, {here, 0});
  const auto index = SiteIndex::Build(sites, 5);
  std::array<uint16_t, 5> out;
  ASSERT_EQ(index->Nearest(*Point::At(-10, 170), out), 5u);
  EXPECT_EQ(out, (std::array<uint16_t, 5>{0, 1, 2, 3, 4}));
}

TEST(SiteIndex, WritesNoMoreThanThereIsRoomFor) {
  net::Xoshiro random(7);
  const auto index = SiteIndex::Build(RandomSites(random, 50, false, 0), 8);
  std::array<uint16_t, 20> out;
  EXPECT_EQ(index->Nearest(RandomPoint(random), out), 8u);
  EXPECT_EQ(index->Nearest(RandomPoint(random), std::span(out).first(3)), 3u);
  EXPECT_EQ(index->Nearest(RandomPoint(random), {}), 0u);
  EXPECT_EQ(index->Order(RandomPoint(random), out), 20u);
  EXPECT_EQ(SiteIndex().Nearest(RandomPoint(random), out), 0u);
  EXPECT_EQ(SiteIndex().Order(RandomPoint(random), out), 0u);
}

TEST(SiteIndex, RefusesWhatItCannotRank) {
  const Point here = *Point::At(0, 0);
  EXPECT_EQ(SiteIndex::Build(Sites(SiteIndex::kMaxSites + 1)).error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(SiteIndex::Build(Sites{{here, 100}}).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(SiteIndex::Build(Sites{{here, 0}}, 0).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(SiteIndex::Build(Sites{{here, 0}}, SiteIndex::kMaxLimit + 1).error().code,
            ErrorCode::kInvalid);
}

TEST(SiteIndex, StaysSmallForAThousandSites) {
  net::Xoshiro random(3);
  for (const double spread : {0.0, 0.5}) {
    const auto index = SiteIndex::Build(RandomSites(random, 1000, true, spread), 8);
    EXPECT_LE(index->cell_count(), 32768u);
    EXPECT_LE(index->entry_count(), 4000000u);
  }
}

TEST(SiteIndex, RanksWithoutAllocating) {
  net::Xoshiro random(5);
  const auto index = SiteIndex::Build(RandomSites(random, 1000, true, 0), 8);
  const Point from = RandomPoint(random);
  std::array<uint16_t, 1000> out;
  const fakes::Allocations allocations;
  index->Nearest(from, out);
  index->Order(from, out);
  EXPECT_EQ(allocations.count(), 0u);
}

}  // namespace
}  // namespace meridian::geo
