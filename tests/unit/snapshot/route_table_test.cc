// Requests to routes, and routes to services.
#include <meridian/base/hash.h>
#include <meridian/snapshot/snapshot.h>

#include <gtest/gtest.h>

#include "testing/allocations.h"

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
  struct Request {
    std::string_view host, path;
    std::string_view method = "GET";
    std::vector<std::pair<std::string_view, std::string_view>> fields = {};
  };
  std::string Match(const std::vector<config::Route>& routes, const Request& request) const {
    codec::Head head;
    head.host = request.host;
    head.path = request.path;
    head.method = request.method;
    for (const auto& [name, value] : request.fields) {
      head.fields[head.field_count++] = {name, value, codec::FieldId::kOther, false};
    }
    std::string scratch;
    const RouteTable compiled(routes, *table_);
    const Route* route = compiled.Match(head, scratch);
    return route != nullptr ? table_->service(route->targets().front().service).name : "";
  }
  std::string Match(const std::vector<config::Route>& routes, std::string_view host,
                    std::string_view path) const {
    return Match(routes, {host, path});
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

TEST_F(RouteTableTest, ComparesPathsInNormalForm) {
  const std::vector<config::Route> routes = {
      {"", "/admin", "api"}, {"", "/exact", "app", config::PathMatch::kExact}, {"", "", "other"}};
  for (const char* path : {"/%61dmin/x", "/x/../admin", "/./admin?q", "/x/%2e%2e/admin"})
    EXPECT_EQ(Match(routes, "h", path), "api") << path;
  EXPECT_EQ(Match(routes, "h", "/x/../exact"), "app");
  EXPECT_EQ(Match(routes, "h", "/admin/../x"), "other");
  EXPECT_EQ(Match(routes, "h", "/admin%2Fx"), "other");
}

TEST_F(RouteTableTest, MatchesExactPathsWithAnyQuery) {
  const std::vector<config::Route> routes = {{"", "/a", "app", config::PathMatch::kExact}};
  EXPECT_EQ(Match(routes, "h", "/a"), "app");
  EXPECT_EQ(Match(routes, "h", "/a?b=c"), "app");
  for (const char* path : {"/", "/a/", "/a/b", "/ab", "/A"}) {
    EXPECT_EQ(Match(routes, "h", path), "") << path;
  }
}

TEST_F(RouteTableTest, MatchesExpressionsOverTheWholePath) {
  const std::vector<config::Route> routes = {
      {"", "/v[0-9]+/(users|groups)", "app", config::PathMatch::kRegex}};
  for (const char* path : {"/v1/users", "/v22/groups?x=/y", "/v%31/users"})
    EXPECT_EQ(Match(routes, "h", path), "app") << path;
  for (const char* path : {"/v1/users/", "/x/v1/users", "/v/users", "/V1/users", ""}) {
    EXPECT_EQ(Match(routes, "h", path), "") << path;
  }
}

TEST_F(RouteTableTest, MatchesMethodsInTheirCase) {
  config::Route reads{"", "", "app"};
  reads.methods = {"GET", "HEAD"};
  EXPECT_EQ(Match({reads}, {"h", "/", "GET"}), "app");
  EXPECT_EQ(Match({reads}, {"h", "/", "HEAD"}), "app");
  EXPECT_EQ(Match({reads}, {"h", "/", "POST"}), "");
  EXPECT_EQ(Match({reads}, {"h", "/", "get"}), "");
}

TEST_F(RouteTableTest, MatchesHeadersByValueOrPresence) {
  config::Route beta{"", "", "app"};
  beta.headers = {{"X-Beta", "1"}, {"X-User", "*"}};
  EXPECT_EQ(Match({beta}, {"h", "/", "GET", {{"x-beta", "1"}, {"x-user", ""}}}), "app");
  EXPECT_EQ(Match({beta}, {"h", "/", "GET", {{"X-Beta", "0"}, {"X-Beta", "1"}, {"X-User", "a"}}}),
            "app");
  EXPECT_EQ(Match({beta}, {"h", "/", "GET", {{"X-Beta", "11"}, {"X-User", "a"}}}), "");
  EXPECT_EQ(Match({beta}, {"h", "/", "GET", {{"X-Beta", "1"}}}), "");
}

TEST_F(RouteTableTest, MatchesParametersDecoded) {
  config::Route search{"", "/find", "app"};
  search.query = {{"in", "all places"}, {"q", "*"}};
  const std::vector<config::Route> routes = {search, {"", "/fin", "api"}, {"", "", "other"}};
  EXPECT_EQ(Match(routes, "h", "/find?q&in=all+places"), "app");
  EXPECT_EQ(Match(routes, "h", "/find?in=all%20places&q=1"), "app");
  EXPECT_EQ(Match(routes, "h", "/find?in=all&q=1"), "other");
  EXPECT_EQ(Match(routes, "h", "/%66ind?in=all%20place"), "other");
  EXPECT_EQ(Match(routes, "h", "/find"), "other");
}

TEST_F(RouteTableTest, SharesFollowTheWeights) {
  config::Route canary{"", "", ""};
  canary.shares = {{"api", 0}, {"app", 900}, {"other", 100}};
  const Route route(canary, *table_);
  std::map<std::string, int> counts;
  for (uint64_t i = 0; i < 100000; ++i)
    ++counts[table_->service(route.TargetOf(Mix(i)).service).name];
  EXPECT_EQ(counts["api"], 0);
  EXPECT_NEAR(counts["app"], 90000, 450);  // 4.7 standard deviations
  EXPECT_NEAR(counts["other"], 10000, 450);
  EXPECT_EQ(table_->service(route.TargetOf(0).service).name, "app");
  EXPECT_EQ(table_->service(route.TargetOf(UINT64_MAX).service).name, "other");
}

TEST_F(RouteTableTest, AMatchAllocatesNothing) {
  config::Route search{"*.example.com", "", "app"};
  search.query = {{"q", "none of these"}};
  config::Route pattern{"", "/v[0-9]+/.*", "api", config::PathMatch::kRegex};
  pattern.methods = {"GET"};
  const RouteTable routes({search, pattern}, *table_);
  codec::Head head;
  head.host = "app.example.com";
  head.path = "/v1/../v2/a/path/that/is/longer/than/a/short/string?q=%41%42%43%44%45%46%47%48";
  head.method = "GET";
  std::string scratch(256, ' ');
  ASSERT_NE(routes.Match(head, scratch), nullptr);  // the expression's states are made
  const fakes::Allocations allocations;
  EXPECT_NE(routes.Match(head, scratch), nullptr);
  EXPECT_EQ(allocations.count(), 0u);
}

TEST_F(RouteTableTest, NamesMatchByHostAlone) {
  const RouteTable routes({{"*.example.com", "", "app"}, {"", "", "other"}}, *table_);
  EXPECT_EQ(table_->service(routes.MatchHello("a.example.com.", {})).name, "app");
  EXPECT_EQ(table_->service(routes.MatchHello("", {})).name, "other");
}

}  // namespace
}  // namespace meridian::snapshot
