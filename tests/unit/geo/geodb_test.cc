// packaging/geodb end to end: the database it makes from Debian packages opens and locates
// well-known networks.
#include <meridian/geo/locator.h>

#include "test_files.h"

#include <cstdlib>
#include <filesystem>

#include <unistd.h>

namespace meridian::geo {
namespace {

bool HasPackages() {
  const bool has_writer = std::system("perl -MMaxMind::DB::Writer::Tree -e 1 2>/dev/null") == 0;
  return has_writer && std::filesystem::exists("/usr/share/tor/geoip") &&
         std::filesystem::exists("/usr/share/zoneinfo/zone.tab");
}

TEST(Geodb, MakesACountryDatabaseThatLocates) {
  if (!HasPackages()) GTEST_SKIP() << "needs the packages of: packaging/deps geodb";
  const std::string path =
      testing::TempDir() + "meridian-geodb-" + std::to_string(getpid()) + ".mmdb";
  const std::string command =
      std::string("perl '") + MERIDIAN_SOURCE_DIR + "/packaging/geodb.pl' '" + path + "'";
  ASSERT_EQ(std::system(command.c_str()), 0);
  auto database = Database::Open(path);
  std::filesystem::remove(path);
  ASSERT_TRUE(database) << Describe(database.error());
  EXPECT_EQ(database->report().type, "Meridian-Country");
  EXPECT_GT(database->report().network_count, 100000u);
  EXPECT_GT(database->report().record_count, 200u);
  Locator::Input input;
  input.databases.push_back(std::move(*database));
  const auto locator = Locator::Build(std::move(input));
  ASSERT_TRUE(locator);
  // Allocations of national operators, stable for decades.
  const struct {
    const char* ip;
    const char* country;
    const char* continent;
  } kKnown[] = {{"193.0.6.139", "NL", "EU"}, {"80.12.0.1", "FR", "EU"},
                {"126.72.1.1", "JP", "AS"},  {"1.128.0.1", "AU", "OC"},
                {"84.128.1.1", "DE", "EU"},  {"200.160.2.3", "BR", "SA"}};
  for (const auto& known : kKnown) {
    SCOPED_TRACE(known.ip);
    const Location found = (*locator)->Locate(Ip(known.ip));
    EXPECT_EQ(found.country.view(), known.country);
    EXPECT_EQ(found.continent.view(), known.continent);
    EXPECT_TRUE(found.has_coordinates);
  }
  const Location tokyo = (*locator)->Locate(Ip("126.72.1.1"));
  EXPECT_NEAR(DistanceKm(tokyo.point, *Point::At(35.68, 139.69)), 0, 50);
  EXPECT_FALSE((*locator)->Locate(Ip("127.0.0.1")).has_geography());
}

}  // namespace
}  // namespace meridian::geo
