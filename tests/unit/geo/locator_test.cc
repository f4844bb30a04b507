// What a Locator makes of overrides, several databases and a default together.
#include <meridian/geo/locator.h>
#include <meridian/net/random.h>

#include "test_files.h"
#include "testing/allocations.h"

#include <set>

namespace meridian::geo {
namespace {

Location Place(double latitude, double longitude, const char* country,
               const char* subdivision = "") {
  Location place;
  place.point = *Point::At(latitude, longitude);
  place.has_coordinates = true;
  place.country = *CountryCode::Parse(country);
  place.subdivision = SubdivisionCode::Parse(subdivision).value_or(SubdivisionCode());
  return place;
}

Locator::Input Databases(std::initializer_list<const char*> names) {
  Locator::Input input;
  for (const char* name : names) input.databases.push_back(OpenCommitted(name));
  return input;
}

Locator::Input CityAndAsn() {
  return Databases({"meridian-test-city.mmdb", "meridian-test-asn.mmdb"});
}

std::shared_ptr<const Locator> Build(Locator::Input input) {
  auto locator = Locator::Build(std::move(input));
  EXPECT_TRUE(locator) << Describe(locator.error());
  return locator.value_or(nullptr);
}

net::Prefix Network(const char* text) {
  return *net::Prefix::Parse(text);
}

TEST(Locator, KnowsNothingWithoutInput) {
  const auto locator = Build({});
  const Location found = locator->Locate(Ip("81.2.69.142"));
  EXPECT_EQ(found.origin, Origin::kUnknown);
  EXPECT_EQ(found.place, PlaceId{0});
  EXPECT_EQ(locator->place_count(), 1u);
  EXPECT_EQ(locator->Describe(found), "unknown");
  EXPECT_EQ(locator->Locate(net::IpAddress()).origin, Origin::kUnknown);
}

TEST(Locator, CompletesOneDatabaseFromTheNext) {
  for (const bool city_first : {true, false}) {
    SCOPED_TRACE(city_first);
    const auto locator =
        Build(city_first ? CityAndAsn()
                         : Databases({"meridian-test-asn.mmdb", "meridian-test-city.mmdb"}));
    const Location found = locator->Locate(Ip("81.2.69.142"));
    EXPECT_STREQ(found.city, "London");
    EXPECT_EQ(found.country.view(), "GB");
    EXPECT_EQ(found.asn, 20712u);
    EXPECT_EQ(locator->Describe(found), "London, GB (Meridian-Test-City, /24)");
    const Location asn_only = locator->Locate(Ip("8.8.8.8"));
    EXPECT_EQ(asn_only.asn, 15169u);
    EXPECT_FALSE(asn_only.has_geography());
    EXPECT_EQ(locator->Describe(asn_only), "AS15169 (Meridian-Test-ASN, /24)");
  }
}

TEST(Locator, KeepsThePrefixOfTheDatabaseThatGaveTheGeography) {
  const auto locator = Build(CityAndAsn());
  // The ASN's /10 holds the city's /16, which says more.
  const Location frankfurt = locator->Locate(Ip("84.136.1.1"));
  EXPECT_STREQ(frankfurt.city, "Frankfurt am Main");
  EXPECT_EQ(frankfurt.prefix_length, 16);
  EXPECT_EQ(frankfurt.asn, 3320u);
  const Location germany = locator->Locate(Ip("84.128.1.1"));
  EXPECT_EQ(locator->Describe(germany), "DE (Meridian-Test-City, /13)");
}

TEST(Locator, AgreesWithTheDatabasesThemselves) {
  const uint64_t seed = 17;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  const Database city = OpenCommitted("meridian-test-city.mmdb"),
                 asn = OpenCommitted("meridian-test-asn.mmdb");
  const auto locator = Build(CityAndAsn());
  net::Xoshiro random(seed);
  size_t known = 0;
  const auto expect_same = [&](const net::IpAddress& ip) {
    const Location found = locator->Locate(ip), expected = city.Lookup(ip);
    EXPECT_STREQ(found.city, expected.city) << ip.ToString();
    EXPECT_EQ(found.country, expected.country) << ip.ToString();
    EXPECT_EQ(found.has_coordinates, expected.has_coordinates) << ip.ToString();
    EXPECT_EQ(found.asn, asn.Lookup(ip).asn) << ip.ToString();
    if (expected.has_geography()) {
      EXPECT_EQ(found.prefix_length, expected.prefix_length) << ip.ToString();
      ++known;
    }
  };
  for (int i = 0; i < 20000; ++i) {
    expect_same(net::IpAddress::V4(static_cast<uint32_t>(random.Next())));
    expect_same(net::IpAddress::V4(0x7f000000u | static_cast<uint32_t>(random.Next() % 0x4000)));
    std::array<uint8_t, 16> bytes = Ip("2001:db8::").bytes();
    for (int at = 4; at < 16; ++at)
      bytes[at] = static_cast<uint8_t>(random.Next() & random.Next() & 0xdf);
    expect_same(net::IpAddress::V6(bytes));
  }
  EXPECT_GT(known, 1000u);
}

// MaxMind's own test files: each field is the first database's that knows it, a subdivision or city
// only where its database names no other country.
TEST(Locator, MergesCityCountryAndAsnFieldByField) {
  const auto good = SharedData() / "mmdb/good";
  const std::array names = {"GeoLite2-Country-Test.mmdb", "GeoIP2-City-Test.mmdb",
                            "GeoLite2-ASN-Test.mmdb"};
  if (!std::filesystem::exists(good / names[0])) GTEST_SKIP() << "no MaxMind test files";
  std::vector<Database> databases;
  Locator::Input input;
  for (const char* name : names) {
    databases.push_back(std::move(*Database::Open((good / name).string())));
    input.databases.push_back(std::move(*Database::Open((good / name).string())));
  }
  const auto locator = Build(std::move(input));
  size_t with_all = 0;
  const auto expect_merged = [&](const net::IpAddress& ip) {
    Location expected;
    for (const Database& database : databases) {
      const Location said = database.Lookup(ip);
      const bool agrees =
          expected.country.empty() || said.country.empty() || expected.country == said.country;
      if (!expected.has_coordinates) expected.point = said.point;
      expected.has_coordinates |= said.has_coordinates;
      if (expected.country.empty()) expected.country = said.country;
      if (expected.continent.empty()) expected.continent = said.continent;
      if (expected.subdivision.empty() && agrees) expected.subdivision = said.subdivision;
      if (*expected.city == '\0' && agrees) expected.city = said.city;
      if (expected.asn == 0) expected.asn = said.asn;
    }
    const Location found = locator->Locate(ip);
    EXPECT_EQ(found.has_coordinates, expected.has_coordinates) << ip.ToString();
    EXPECT_EQ(found.point.latitude, expected.point.latitude) << ip.ToString();
    EXPECT_EQ(found.country, expected.country) << ip.ToString();
    EXPECT_EQ(found.continent, expected.continent) << ip.ToString();
    EXPECT_EQ(found.subdivision, expected.subdivision) << ip.ToString();
    EXPECT_STREQ(found.city, expected.city) << ip.ToString();
    EXPECT_EQ(found.asn, expected.asn) << ip.ToString();
    with_all += !found.country.empty() && found.has_coordinates && found.asn != 0;
  };
  for (uint32_t block = 0; block < 1u << 16; ++block) {
    for (const uint32_t host : {0x0001u, 0x4501u, 0xa0b1u, 0xfffeu}) {
      expect_merged(net::IpAddress::V4(block << 16 | host));
    }
  }
  for (uint32_t block = 0; block < 1u << 16; ++block) {
    std::array<uint8_t, 16> bytes{0x20, 0x01, static_cast<uint8_t>(block >> 8),
                                  static_cast<uint8_t>(block)};
    expect_merged(net::IpAddress::V6(bytes));
    bytes[0] = 0x2a, bytes[1] = 0x02;
    expect_merged(net::IpAddress::V6(bytes));
  }
  for (const char* block :
       {"2.125.160.0", "67.43.156.0", "81.2.69.0", "89.160.20.0", "216.160.83.0"}) {
    for (uint32_t host = 0; host < 256; ++host) {
      expect_merged(net::IpAddress::V4(Ip(block).v4() | host));
    }
  }
  EXPECT_GT(with_all, 16u);
}

TEST(Locator, OverridesWinByTheLongestPrefixAndKeepTheAsn) {
  Locator::Input input = CityAndAsn();
  input.networks = {{Network("81.2.0.0/16"), Place(48.8566, 2.3522, "FR", "IDF")},
                    {Network("81.2.69.128/25"), Place(50.1109, 8.6821, "DE")},
                    {Network("10.20.0.0/16"), Place(32.78, -96.80, "US", "TX")},
                    {Network("2001:db8:4a::/64"), Place(35.6762, 139.6503, "JP")}};
  const auto locator = Build(std::move(input));
  const Location longest = locator->Locate(Ip("81.2.69.142"));
  EXPECT_EQ(longest.country.view(), "DE");
  EXPECT_EQ(longest.origin, Origin::kOverride);
  EXPECT_STREQ(longest.city, "");  // London's name does not stick to another place
  EXPECT_TRUE(longest.subdivision.empty());
  EXPECT_EQ(longest.asn, 20712u);
  EXPECT_EQ(locator->Describe(longest), "DE (geo.networks, /25)");
  EXPECT_EQ(locator->Describe(locator->Locate(Ip("81.2.69.1"))), "IDF, FR (geo.networks, /16)");
  EXPECT_EQ(locator->Locate(Ip("::ffff:10.20.1.2")).subdivision.view(), "TX");
  EXPECT_EQ(locator->Locate(Ip("2001:db8:4a::1")).country.view(), "JP");
  EXPECT_EQ(locator->Locate(Ip("2001:db8:4a:1::1")).country.view(), "US");
  EXPECT_EQ(locator->Locate(Ip("127.0.33.1")).origin, Origin::kDatabase);
}

TEST(Locator, AnOverrideOfTheAsnAloneKeepsTheGeography) {
  Locator::Input input = CityAndAsn();
  Location asn;
  asn.asn = 64600;
  input.networks = {{Network("81.2.69.0/25"), asn}};
  const auto locator = Build(std::move(input));
  const Location found = locator->Locate(Ip("81.2.69.1"));
  EXPECT_EQ(found.asn, 64600u);
  EXPECT_EQ(locator->Describe(found), "London, GB (Meridian-Test-City, /24)");
}

TEST(Locator, TheDefaultFillsInOnlyWhereNothingIsKnown) {
  Locator::Input input = CityAndAsn();
  input.fallback = Place(39, -98, "US");
  input.networks = {{Network("10.0.0.0/8"), Place(48.8566, 2.3522, "FR")}};
  const auto locator = Build(std::move(input));
  const Location nowhere = locator->Locate(Ip("192.168.1.1"));
  EXPECT_EQ(nowhere.origin, Origin::kDefault);
  EXPECT_EQ(locator->Describe(nowhere), "US (geo.default)");
  EXPECT_EQ(locator->Locate(net::IpAddress()).origin, Origin::kDefault);
  EXPECT_EQ(locator->Locate(Ip("fe80::1")).origin, Origin::kDefault);
  const Location asn_only = locator->Locate(Ip("8.8.8.8"));
  EXPECT_EQ(asn_only.origin, Origin::kDefault);
  EXPECT_EQ(asn_only.asn, 15169u);
  EXPECT_EQ(locator->Locate(Ip("10.1.1.1")).country.view(), "FR");
  // A country without coordinates is not moved to the default's.
  const Location andorra = locator->Locate(Ip("85.94.160.1"));
  EXPECT_EQ(andorra.country.view(), "AD");
  EXPECT_FALSE(andorra.has_coordinates);
}

TEST(Locator, EqualPlacesHaveEqualDenseIds) {
  const auto locator = Build(Databases({"meridian-test-city.mmdb"}));
  EXPECT_EQ(locator->place_count(), 23u);  // 22 records and the unknown place
  EXPECT_EQ(locator->Locate(Ip("127.0.33.1")).place, locator->Locate(Ip("198.51.100.1")).place);
  EXPECT_NE(locator->Locate(Ip("127.0.33.1")).place, locator->Locate(Ip("127.0.32.1")).place);
  std::set<std::string> cities;
  for (uint32_t i = 0; i < locator->place_count(); ++i) {
    const Location place = locator->At(PlaceId{i});
    EXPECT_EQ(place.place, PlaceId{i});
    cities.insert(place.city);
  }
  EXPECT_EQ(cities.size(), 20u);  // 19 cities, and those places that have none
}

TEST(Locator, ReportsItsDatabasesInOrder) {
  const auto locator = Build(CityAndAsn());
  ASSERT_EQ(locator->databases().size(), 2u);
  EXPECT_EQ(locator->databases()[0].type, "Meridian-Test-City");
  EXPECT_EQ(locator->databases()[1].type, "Meridian-Test-ASN");
}

TEST(Locator, RefusesANetworkGivenTwice) {
  Locator::Input input;
  input.networks = {{Network("10.0.0.0/8"), Place(0, 0, "FR")},
                    {Network("10.0.0.0/8"), Place(0, 0, "DE")}};
  EXPECT_EQ(Locator::Build(std::move(input)).error().code, ErrorCode::kConflict);
}

TEST(Locator, LocatesWithoutAllocating) {
  const auto locator = Build(CityAndAsn());
  const net::IpAddress v4 = Ip("81.2.69.142"), v6 = Ip("2001:db8:4a::1");
  const fakes::Allocations allocations;
  const Location a = locator->Locate(v4), b = locator->Locate(v6);
  EXPECT_EQ(allocations.count(), 0u);
  EXPECT_STREQ(a.city, "London");
  EXPECT_STREQ(b.city, "Atlanta");
}

// Thousands of overrides over two databases: what each says, found the slow way.
TEST(Locator, AgreesWithReadingAllOverrides) {
  const uint64_t seed = 23;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  net::Xoshiro random(seed);
  Locator::Input input = CityAndAsn();
  std::set<net::Prefix> taken;
  while (input.networks.size() < 3000) {
    const auto ip = net::IpAddress::V4(static_cast<uint32_t>(random.Next()));
    const net::Prefix network(ip, 4 + static_cast<int>(random.Next() % 29));
    const double latitude = static_cast<double>(input.networks.size()) / 100;
    if (taken.insert(network).second) input.networks.push_back({network, Place(latitude, 0, "ZZ")});
  }
  const auto overrides = input.networks;
  const auto locator = Build(std::move(input));
  for (int i = 0; i < 2000; ++i) {
    const auto ip = i % 2 == 0 ? net::IpAddress::V4(static_cast<uint32_t>(random.Next()))
                               : overrides[random.Next() % overrides.size()].network.ip();
    const Locator::Override* best = nullptr;
    for (const auto& each : overrides) {
      if (!each.network.Contains(ip)) continue;
      if (best == nullptr || each.network.length() > best->network.length()) best = &each;
    }
    const Location found = locator->Locate(ip);
    EXPECT_EQ(found.origin == Origin::kOverride, best != nullptr);
    if (best == nullptr) continue;
    EXPECT_EQ(found.point.latitude, best->location.point.latitude);
    EXPECT_EQ(found.prefix_length, best->network.length());
  }
}

}  // namespace
}  // namespace meridian::geo
