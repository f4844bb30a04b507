// Hosts and paths to services.
#include <meridian/snapshot/snapshot.h>

#include <gtest/gtest.h>

namespace meridian::snapshot {
namespace {

class RouteTableTest : public testing::Test {
 protected:
  RouteTableTest() {
    topology_.sites.emplace_back().name = "paris";
    for (const char* name : {"api", "app", "other"}) {
      topology_.services.emplace_back().name = name;
      topology_.sites[0].services[name] = {{"10.0.0.1:80", 1}};
    }
    table_ = routing::Table::Compile({.topology = &topology_,
                                      .locator = *geo::Locator::Build({}),
                                      .registry = &registry_,
                                      .cookie_keys = {},
                                      .moved_sessions = {}});
  }
  std::string Match(const std::vector<config::Route>& routes, std::string_view host,
                    std::string_view path) const {
    const ServiceId service = RouteTable(routes, *table_).Match(host, path);
    return service.ok() ? table_->service(service).name : "";
  }

  topology::Topology topology_;
  health::Registry registry_;
  std::unique_ptr<const routing::Table> table_;
};

TEST_F(RouteTableTest, MatchesHostsExactlyInAnyCase) {
  const std::vector<config::Route> routes = {{"app.example.com", "", "app"}};
  EXPECT_EQ(Match(routes, "app.example.com", "/"), "app");
  EXPECT_EQ(Match(routes, "APP.Example.COM", "/"), "app");
  EXPECT_EQ(Match(routes, "app.example.com.", "/"), "app");
  EXPECT_EQ(Match(routes, "x.app.example.com", "/"), "");
  EXPECT_EQ(Match(routes, "app.example.co", "/"), "");
  EXPECT_EQ(Match(routes, "", "/"), "");
}

TEST_F(RouteTableTest, MatchesWildcardsByOneLabelOrMore) {
  const std::vector<config::Route> routes = {{"*.example.com", "", "app"}};
  EXPECT_EQ(Match(routes, "a.example.com", "/"), "app");
  EXPECT_EQ(Match(routes, "a.b.EXAMPLE.com", "/"), "app");
  EXPECT_EQ(Match(routes, "example.com", "/"), "");
  EXPECT_EQ(Match(routes, ".example.com", "/"), "");
  EXPECT_EQ(Match(routes, "badexample.com", "/"), "");
}

TEST_F(RouteTableTest, MatchesPathsAtSegmentBoundaries) {
  const std::vector<config::Route> routes = {{"", "/api", "api"}, {"", "/app/", "app"}};
  for (const char* path : {"/api", "/api/", "/api/x", "/api?q=1"})
    EXPECT_EQ(Match(routes, "h", path), "api") << path;
  for (const char* path : {"/apix", "/ap", "/", "", "/x/api", "/app", "/API"}) {
    EXPECT_EQ(Match(routes, "h", path), "") << path;
  }
  EXPECT_EQ(Match(routes, "h", "/app/x"), "app");
  EXPECT_EQ(Match(routes, "h", "/app/"), "app");
}

TEST_F(RouteTableTest, TakesTheFirstThatMatches) {
  const std::vector<config::Route> routes = {
      {"app.example.com", "/api", "api"}, {"app.example.com", "", "app"}, {"", "", "other"}};
  EXPECT_EQ(Match(routes, "app.example.com", "/api/x"), "api");
  EXPECT_EQ(Match(routes, "app.example.com", "/x"), "app");
  EXPECT_EQ(Match(routes, "elsewhere", "/api"), "other");
  EXPECT_EQ(Match({}, "elsewhere", "/"), "");
}

TEST_F(RouteTableTest, MatchesAnythingWithoutHostAndPath) {
  EXPECT_EQ(Match({{"", "", "app"}}, "", ""), "app");
  EXPECT_EQ(Match({{"*", "/", "app"}}, "h", "/x"), "app");
}

}  // namespace
}  // namespace meridian::snapshot
