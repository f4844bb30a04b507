// Distances against published city pairs, and the properties every distance has.
#include <meridian/geo/distance.h>
#include <meridian/geo/location.h>
#include <meridian/net/random.h>

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>

namespace meridian::geo {
namespace {

Point At(double latitude, double longitude) {
  return *Point::At(latitude, longitude);
}

TEST(DistanceKm, AgreesWithKnownCityPairsBothWays) {
  const Point atlanta = At(33.749, -84.388), dallas = At(32.7767, -96.797);
  const Point san_jose = At(37.3382, -121.8863), london = At(51.5072, -0.1276);
  const Point paris = At(48.8566, 2.3522), frankfurt = At(50.1109, 8.6821);
  const Point tokyo = At(35.6762, 139.6503), sydney = At(-33.8688, 151.2093);
  const Point suva = At(-18.1416, 178.4419), apia = At(-13.8333, -171.7667);
  const struct {
    Point a, b;
    double km;
  } kPairs[] = {{london, paris, 344},      {london, frankfurt, 639}, {london, atlanta, 6766},
                {london, tokyo, 9559},     {atlanta, dallas, 1160},  {dallas, san_jose, 2331},
                {atlanta, san_jose, 3404}, {tokyo, sydney, 7823},    {suva, apia, 1151}};
  for (const auto& pair : kPairs) {
    EXPECT_NEAR(DistanceKm(pair.a, pair.b), pair.km, pair.km * 0.005);
    EXPECT_DOUBLE_EQ(DistanceKm(pair.a, pair.b), DistanceKm(pair.b, pair.a));
  }
}

TEST(DistanceKm, IsZeroHereAndHalfTheEarthAtTheAntipode) {
  const double half = std::numbers::pi * kEarthRadiusKm;
  EXPECT_EQ(DistanceKm(At(12.5, 100), At(12.5, 100)), 0);
  EXPECT_NEAR(DistanceKm(At(90, 0), At(-90, 77)), half, 0.01);
  EXPECT_NEAR(DistanceKm(At(0, 0), At(0, 180)), half, 0.01);
  EXPECT_NEAR(DistanceKm(At(40, -75), At(-40, 105)), half, 1);
  EXPECT_NEAR(DistanceKm(At(10, 180), At(10, -180)), 0, 0.01);
  EXPECT_NEAR(DistanceKm(At(90, 10), At(90, -170)), 0, 0.01);
}

TEST(DistanceKm, AgreesWithTheChordOfTheUnitVectors) {
  const uint64_t seed = 11;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  net::Xoshiro random(seed);
  for (int i = 0; i < 2000; ++i) {
    const Point a = At(Unit(random.Next()) * 180 - 90, Unit(random.Next()) * 360 - 180);
    const Point b = At(Unit(random.Next()) * 180 - 90, Unit(random.Next()) * 360 - 180);
    const double chord = std::sqrt(ChordSquared(a, b));
    EXPECT_NEAR(2 * std::asin(std::min(1.0, chord / 2)) * kEarthRadiusKm, DistanceKm(a, b), 5);
  }
}

TEST(Point, RefusesWhatIsNotOnEarth) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(Point::At(90, 180));
  EXPECT_TRUE(Point::At(-90, -180));
  EXPECT_FALSE(Point::At(90.001, 0));
  EXPECT_FALSE(Point::At(0, 180.001));
  EXPECT_FALSE(Point::At(0, -196.797));
  EXPECT_FALSE(Point::At(nan, 0));
  EXPECT_FALSE(Point::At(0, std::numeric_limits<double>::infinity()));
}

TEST(Code, HoldsCapitalsAndDigitsUpToItsLength) {
  EXPECT_EQ(CountryCode::Parse("us")->view(), "US");
  EXPECT_EQ(SubdivisionCode::Parse("13")->view(), "13");
  EXPECT_EQ(SubdivisionCode::Parse("ENG")->view(), "ENG");
  EXPECT_EQ(CountryCode::Parse("US"), CountryCode::Parse("us"));
  EXPECT_FALSE(CountryCode::Parse("USA"));
  EXPECT_FALSE(CountryCode::Parse(""));
  EXPECT_FALSE(CountryCode::Parse("U "));
  EXPECT_TRUE(CountryCode().empty());
}

}  // namespace
}  // namespace meridian::geo
