// explain -c, and the conditions of wait.
#include "app/explain_offline.h"

#include <gtest/gtest.h>
#include <meridian/config/load.h>

#include "app/wait_condition.h"

namespace meridian::app {
namespace {

constexpr std::string_view kYaml = R"(
geo:
  networks:
    10.1.0.0/16: {latitude: 33.7, longitude: -84.4, country: US}
    10.2.0.0/16: {latitude: 32.8, longitude: -96.8, country: US}
health_checks:
  ready: {type: http, path: /healthz}
regions:
  south:
    sites:
      atlanta:
        latitude: 33.749
        longitude: -84.388
        services: {web: [10.1.0.11:80, 10.1.0.12:80], db: [10.1.0.20:80]}
      dallas:
        latitude: 32.777
        longitude: -96.797
        services: {web: [10.2.0.11:80, 10.2.0.12:80], db: [10.2.0.20:80]}
services:
  db:
    mode: disaster-recovery
    primary: atlanta
    standby: dallas
    failover: {automatic: false}
  web:
    health_check: ready
    rules:
      - {match: {header: {X-Tenant: blue}}, sites: [dallas], strict: true}
listeners:
  web: {bind: "127.0.0.1:0", service: web}
)";

class ExplainOfflineTest : public testing::Test {
 protected:
  ExplainOfflineTest() {
    const config::Loaded loaded = config::LoadText(kYaml, "test.yaml");
    for (const auto& diagnostic : loaded.diagnostics) {
      if (diagnostic.severity == config::Diagnostic::Severity::kError) {
        ADD_FAILURE() << diagnostic.ToString();
      }
    }
    if (loaded.config) snapshot_ = snapshot::Compile(*loaded.config, 1, registry_, keys_).snapshot;
  }

  auto Explain(const ExplainRequest& request) {
    return ExplainOffline(*snapshot_, registry_, request, WallTime{});
  }

  health::Registry registry_;
  snapshot::Keys keys_;
  snapshot::SnapshotPtr snapshot_;
};

TEST_F(ExplainOfflineTest, SendsAClientToTheNearestSiteAsIfAllWereUp) {
  ASSERT_NE(snapshot_, nullptr);
  for (const auto& [client, site] : {std::pair("10.1.5.5", "atlanta"), {"10.2.5.5", "dallas"}}) {
    const auto explanation =
        Explain({.service = "web", .client = client, .session = {}, .headers = {}});
    ASSERT_TRUE(explanation.has_value()) << explanation.error();
    ASSERT_EQ(explanation->sites.size(), 2u);
    EXPECT_EQ(explanation->sites[0].name, site);
    EXPECT_TRUE(explanation->sites[0].chosen);
    EXPECT_EQ(explanation->sites[0].state, health::State::kUp);
  }
}

TEST_F(ExplainOfflineTest, MatchesRulesByTheHeadersGiven) {
  ASSERT_NE(snapshot_, nullptr);
  const auto explanation = Explain(
      {.service = "web", .client = "10.1.5.5", .session = {}, .headers = {{"x-tenant", "blue"}}});
  ASSERT_TRUE(explanation.has_value());
  EXPECT_EQ(explanation->sites[0].name, "dallas");
  EXPECT_EQ(explanation->sites[1].dropped_by, routing::Step::kFence);
}

TEST_F(ExplainOfflineTest, AssumesThatThePrimaryIsActive) {
  ASSERT_NE(snapshot_, nullptr);
  const auto explanation =
      Explain({.service = "db", .client = "10.2.5.5", .session = {}, .headers = {}});
  ASSERT_TRUE(explanation.has_value()) << explanation.error();
  ASSERT_EQ(explanation->sites.size(), 2u);
  EXPECT_EQ(explanation->sites[0].verdict,
            "chosen: active, epoch 1, endpoint 10.1.0.20:80 (least connections)");
  EXPECT_EQ(explanation->sites[1].verdict, "standby: atlanta is active");
}

TEST_F(ExplainOfflineTest, NamesTheNearestServiceForAnUnknownOne) {
  ASSERT_NE(snapshot_, nullptr);
  const auto explanation =
      Explain({.service = "wbe", .client = "10.1.5.5", .session = {}, .headers = {}});
  ASSERT_FALSE(explanation.has_value());
  EXPECT_EQ(explanation.error(), "no service 'wbe'; did you mean 'web'?");
}

TEST_F(ExplainOfflineTest, RefusesWhatIsNoAddress) {
  ASSERT_NE(snapshot_, nullptr);
  const auto explanation =
      Explain({.service = "web", .client = "example.com", .session = {}, .headers = {}});
  ASSERT_FALSE(explanation.has_value());
  EXPECT_EQ(explanation.error(), "'example.com' is not an IP address");
}

TEST(ParseHeader, SplitsAtTheFirstColon) {
  EXPECT_EQ(ParseHeader("X-A: b:c "), std::pair(std::string("X-A"), std::string("b:c")));
  EXPECT_EQ(ParseHeader("X-A:"), std::pair(std::string("X-A"), std::string()));
  EXPECT_FALSE(ParseHeader("X-A").has_value());
  EXPECT_FALSE(ParseHeader(": b").has_value());
}

struct Waited {
  const char* condition;
  const char* target;
  const char* json;
  bool holds;
};

TEST(WaitCondition, HoldsByWhatTheApiSays) {
  const Waited cases[] = {
      {"ready", "/v1/status", R"({"state":"serving"})", true},
      {"ready", "/v1/status", R"({"state":"starting"})", false},
      {"generation 7", "/v1/status", R"({"generation":7})", true},
      {"generation 7", "/v1/status", R"({"generation":8})", true},
      {"generation 7", "/v1/status", R"({"generation":6})", false},
      {"site/dallas up", "/v1/sites/dallas", R"({"state":"up"})", true},
      {"site/dallas up", "/v1/sites/dallas", R"({"state":"degraded"})", false},
      {"site/dallas drained", "/v1/sites/dallas", R"({"state":"draining","sessions":0})", true},
      {"site/dallas drained", "/v1/sites/dallas", R"({"state":"draining","sessions":3})", false},
      {"site/dallas drained", "/v1/sites/dallas", R"({"state":"up","sessions":0})", false},
      {"site/a b up", nullptr, nullptr, false},
      {"region/us drained", "/v1/drain?target=us", R"({"intent":"drain","sessions":0})", true},
      {"region/us drained", "/v1/drain?target=us", R"({"intent":"out","sessions":2})", false},
      {"region/us drained", "/v1/drain?target=us", R"({"intent":"serve"})", false},
      {"region/us up", nullptr, nullptr, false},
      {"endpoint/a/10.2.0.11:80 drained", "/v1/drain?target=a%2F10.2.0.11%3A80",
       R"({"intent":"drain","sessions":0})", true},
      {"service/db failed-over", "/v1/services/db",
       R"({"state":"up","recovery":{"state":"failed-over"}})", true},
      {"service/db ready", "/v1/services/db",
       R"({"state":"up","recovery":{"state":"failed-over"}})", false},
      {"service/web up", "/v1/services/web", R"({"state":"up"})", true},
      {"service/db at dallas", "/v1/services/db", R"({"active":"dallas"})", true},
      {"service/db at dallas", "/v1/services/db", R"({"active":"atlanta"})", false},
      {"service/db at", nullptr, nullptr, false},
  };
  for (const Waited& waited : cases) {
    std::string fault, seen;
    const auto condition = WaitCondition::Parse({waited.condition}, fault);
    ASSERT_EQ(condition.has_value(), waited.target != nullptr) << waited.condition;
    if (!condition) continue;
    EXPECT_EQ(condition->Target(), waited.target);
    EXPECT_EQ(condition->Holds(waited.json, seen), waited.holds) << waited.condition << seen;
  }
}

TEST(WaitCondition, TakesItsWordsOneByOneToo) {
  std::string fault;
  const auto condition = WaitCondition::Parse({"site/dallas", "drained"}, fault);
  ASSERT_TRUE(condition.has_value());
  EXPECT_EQ(condition->text(), "site/dallas drained");
}

TEST(WaitCondition, SuggestsTheNearestState) {
  std::string fault;
  EXPECT_FALSE(WaitCondition::Parse({"site/dallas", "drainde"}, fault).has_value());
  EXPECT_NE(fault.find("did you mean 'drained'?"), std::string::npos) << fault;
}

}  // namespace
}  // namespace meridian::app
