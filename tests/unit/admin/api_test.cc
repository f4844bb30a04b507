// What each path answers.
#include "admin/api.h"

#include <gtest/gtest.h>
#include <meridian/admin/client.h>
#include <meridian/admin/json.h>

#include <set>
#include <sstream>

#include "fake_control.h"

namespace meridian::admin {
namespace {

struct ApiTest : public ::testing::Test {
  Response Do(const std::string& method, const std::string& target, const std::string& body = {}) {
    Request request;
    request.method = method;
    request.body = body;
    request.accept = accept;
    EXPECT_TRUE(ParseTarget(target, request));
    Response answer;
    int replies = 0;
    api.Handle(request, [&](Response response) {
      ++replies;
      answer = std::move(response);
    });
    EXPECT_EQ(replies, 1) << target;
    return answer;
  }
  std::string Field(const std::string& target, const std::string& pointer) {
    const Response response = Do("GET", target);
    EXPECT_EQ(response.status, 200) << response.body;
    return FieldOf(response.body, pointer).value_or("(absent)");
  }
  static std::string Message(const Response& response) { return RenderError(response.body); }

  FakeControl control;
  std::string accept;
  Api api{control, [](MetricSink&) {}};
};

TEST_F(ApiTest, StatusTellsOfProcessServicesAndDrains) {
  EXPECT_EQ(Field("/v1/status", "/state"), "serving");
  EXPECT_EQ(Field("/v1/status", "/generation"), "12");
  EXPECT_EQ(Field("/v1/status", "/uptime_seconds"), "10800.0");
  EXPECT_EQ(Field("/v1/status", "/listeners/0/address"), "127.0.0.1:8080");
  EXPECT_EQ(Field("/v1/status", "/services/0/state_text"), "up, redundancy 1");
  EXPECT_EQ(Field("/v1/status", "/warnings"), "[]");
  const std::string text = RenderStatus(Do("GET", "/v1/status").body, false);
  EXPECT_TRUE(
      text.starts_with("meridian 0.1.0 is serving, up 3h0m, generation 12 (loaded 4m0s ago)\n"))
      << text;
}

TEST_F(ApiTest, SiteTellsOfItsEndpointsAndTheirFacts) {
  EXPECT_EQ(Field("/v1/sites/atlanta", "/capacity"), "20000");
  EXPECT_EQ(Field("/v1/sites/dallas", "/capacity"), "null");
  EXPECT_EQ(Field("/v1/sites/atlanta", "/sessions"), "1000");
  EXPECT_EQ(Field("/v1/sites/atlanta", "/intent/intent"), "serve");
  EXPECT_EQ(Field("/v1/sites/atlanta", "/services/web/endpoints/0/facts"),
            R"({"agent":"none","intent":"serve","probe":"up","traffic":"clear"})");
  EXPECT_EQ(Field("/v1/sites", "/sites/1/name"), "dallas");
}

TEST_F(ApiTest, SiteIsDegradedWhileOneEndpointIsDown) {
  control.registry().SetProbe(control.EndpointAt("10.1.0.11:8080"), health::Probe::kDown,
                              control.Now());
  EXPECT_EQ(Field("/v1/sites/atlanta", "/state"), "degraded");
  EXPECT_EQ(Field("/v1/sites/atlanta", "/services/web/endpoints/0/state"), "down");
  EXPECT_EQ(Field("/v1/sites/atlanta", "/services/web/endpoints/0/cause"), "probe");
  EXPECT_EQ(Field("/v1/services/web", "/redundancy"), "1");
  EXPECT_EQ(Field("/v1/services/web", "/state_text"), "up, redundancy 1: atlanta is degraded");
  EXPECT_EQ(Field("/v1/services/web", "/sites/0/endpoints_up"), "1");
}

TEST_F(ApiTest, AnAgentsWordShareAndReasonAreThere) {
  EXPECT_EQ(Field("/v1/sites/atlanta", "/services/web/endpoints/0/agent_share"), "(absent)");
  control.registry().SetAgent(control.EndpointAt("10.1.0.11:8080"), health::Agent::kMaint, 40,
                              "disk full", control.Now());
  EXPECT_EQ(Field("/v1/sites/atlanta", "/services/web/endpoints/0/state"), "out");
  EXPECT_EQ(Field("/v1/sites/atlanta", "/services/web/endpoints/0/cause"), "agent");
  EXPECT_EQ(Field("/v1/sites/atlanta", "/services/web/endpoints/0/agent_share"), "40");
  EXPECT_EQ(Field("/v1/sites/atlanta", "/services/web/endpoints/0/agent_reason"), "disk full");
}

TEST_F(ApiTest, ACertificateThatExpiresSoonIsAWarning) {
  health::EndpointHealth& endpoint = control.EndpointAt("10.1.0.11:8080");
  endpoint.SetCertificateExpires(control.WallNow() + std::chrono::hours(24 * 15));
  EXPECT_EQ(Field("/v1/status", "/warnings"), "[]");
  EXPECT_EQ(Field("/v1/sites/atlanta", "/services/web/endpoints/0/certificate_seconds_left"),
            "1296000.0");
  endpoint.SetCertificateExpires(control.WallNow() + std::chrono::hours(50));
  EXPECT_EQ(Field("/v1/status", "/warnings/0"),
            "the certificate of atlanta/10.1.0.11:8080 expires in 2d2h");
  endpoint.SetCertificateExpires(control.WallNow() - std::chrono::hours(1));
  EXPECT_EQ(Field("/v1/status", "/warnings/0"),
            "the certificate of atlanta/10.1.0.11:8080 has expired");
}

TEST_F(ApiTest, LosingAllButOneSiteIsAWarning) {
  control.registry().SetProbe(control.EndpointAt("10.2.0.11:8080"), health::Probe::kDown,
                              control.Now());
  EXPECT_EQ(Field("/v1/services/web", "/redundancy"), "0");
  EXPECT_EQ(Field("/v1/status", "/warnings/0"),
            "service web has one usable site left: nothing to fail over to");
}

TEST_F(ApiTest, DrainAndUndrainAreRecordedWithAuthorReasonAndDeadline) {
  const Response drained =
      Do("POST", "/v1/drain",
         R"({"target":"dallas","deadline":"5m","reason":"kernel","author":"ops"})");
  EXPECT_EQ(drained.status, 200) << drained.body;
  EXPECT_EQ(FieldOf(drained.body, "/seconds_left"), "300.0");
  EXPECT_EQ(Field("/v1/sites/dallas", "/state"), "draining");
  EXPECT_EQ(Field("/v1/sites/dallas", "/intent/author"), "ops");
  EXPECT_EQ(Field("/v1/sites/dallas", "/intent/reason"), "kernel");
  EXPECT_EQ(Field("/v1/status", "/drains/0/target"), "dallas");
  control.clock.Advance(std::chrono::minutes(6));
  EXPECT_EQ(Field("/v1/sites/dallas", "/intent/seconds_left"), "0.0");
  EXPECT_EQ(Field("/v1/status", "/warnings/1"),
            "dallas is still drained, 1m0s past its deadline: 'meridian undrain dallas' ends it");
  EXPECT_EQ(Do("DELETE", "/v1/drain", R"({"target":"dallas"})").status, 200);
  EXPECT_EQ(Field("/v1/sites/dallas", "/state"), "up");
  EXPECT_EQ(Field("/v1/status", "/drains"), "[]");
}

TEST_F(ApiTest, DrainMayEndByItself) {
  const Response drained =
      Do("POST", "/v1/drain", R"({"target":"dallas","deadline":"5m","expires":"2h"})");
  EXPECT_EQ(drained.status, 200) << drained.body;
  EXPECT_EQ(FieldOf(drained.body, "/seconds_left"), "300.0");
  EXPECT_EQ(FieldOf(drained.body, "/expires_in_seconds"), "7200.0");
  EXPECT_EQ(control.registry().Intents()[0].second.expires,
            control.WallNow() + std::chrono::hours(2));
  EXPECT_EQ(Message(Do("POST", "/v1/drain", R"({"target":"dallas","expires":"9000h"})")),
            "expires: at most a year");
}

TEST_F(ApiTest, DrainReachesARegionAndAnEndpoint) {
  EXPECT_EQ(Do("POST", "/v1/drain", R"({"target":"us-south"})").status, 200);
  EXPECT_EQ(Field("/v1/sites/dallas", "/state"), "draining");
  EXPECT_EQ(Field("/v1/sites/dallas", "/intent/target"), "us-south");
  EXPECT_EQ(Do("DELETE", "/v1/drain?target=us-south").status, 200);
  EXPECT_EQ(Do("POST", "/v1/drain", R"({"target":"atlanta/10.1.0.12:8080"})").status, 200);
  EXPECT_EQ(control.EndpointAt("10.1.0.12:8080").state(), health::State::kDraining);
  EXPECT_EQ(control.EndpointAt("10.1.0.11:8080").state(), health::State::kUp);
}

TEST_F(ApiTest, DrainRefusesWhatItCannotRead) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "the body is not JSON"},
      {"{\"target\":", "the body is not JSON"},
      {"[]", "the body: expected an object such as {\"target\": \"dallas\"}"},
      {"{}", "target: is missing"},
      {R"({"target":5})", "target: expected a string"},
      {R"({"target":"dallas","deadline":"soon"})",
       "deadline: 'soon' is not a duration such as 30s, 5m or 1h"},
      {R"({"target":"dallas","deadlin":"5m"})",
       "no field is named 'deadlin'; did you mean 'deadline'?"},
      {R"({"target":"dallas","deadline":"9000h"})", "deadline: at most a year"},
  };
  for (const auto& [body, message] : cases) {
    const Response response = Do("POST", "/v1/drain", body);
    EXPECT_EQ(response.status, 400) << body;
    EXPECT_EQ(Message(response), message);
  }
  EXPECT_TRUE(control.registry().Intents().empty());
}

TEST_F(ApiTest, UnknownNamesAreNotFoundWithTheNearestOne) {
  EXPECT_EQ(Message(Do("GET", "/v1/sites/dalas")),
            "no site is named 'dalas'; did you mean 'dallas'?");
  EXPECT_EQ(Message(Do("GET", "/v1/services/wep")),
            "no service is named 'wep'; did you mean 'web'?");
  EXPECT_EQ(Message(Do("POST", "/v1/drain", R"({"target":"us-sout"})")),
            "no site or region is named 'us-sout'; did you mean 'us-south'?");
  EXPECT_EQ(Message(Do("POST", "/v1/drain", R"({"target":"dallas/10.2.0.12:8080"})")),
            "no endpoint of dallas is named '10.2.0.12:8080'; did you mean '10.2.0.11:8080'?");
  EXPECT_EQ(Do("POST", "/v1/drain", R"({"target":"tokyo"})").status, 404);
}

TEST_F(ApiTest, IntentThatCannotBeKeptIsAnError) {
  control.disk_full = true;
  EXPECT_EQ(Do("POST", "/v1/drain", R"({"target":"dallas"})").status, 500);
}

TEST_F(ApiTest, RecordOfATargetThatLeftCanBeRemoved) {
  health::IntentRecord record;
  record.intent = health::Intent::kDrain;
  control.registry().SetIntent("gone", record);
  EXPECT_EQ(Do("DELETE", "/v1/drain", R"({"target":"gone"})").status, 200);
  EXPECT_EQ(Do("DELETE", "/v1/drain", R"({"target":"gone"})").status, 404);
}

TEST_F(ApiTest, ExplainShowsTheDecisionAndEverySite) {
  const std::string near = "/v1/explain?service=web&client=10.20.0.7";
  EXPECT_EQ(Field(near, "/choice/site"), "dallas");
  EXPECT_EQ(Field(near, "/choice/endpoint"), "10.2.0.11:8080");
  EXPECT_EQ(Field(near, "/generation"), "12");
  EXPECT_EQ(Field(near, "/sites/0/chosen"), "true");
  EXPECT_EQ(Field(near, "/sites/1/name"), "atlanta");
  Do("POST", "/v1/drain", R"({"target":"dallas","author":"ops"})");
  EXPECT_EQ(Field(near, "/choice/site"), "atlanta");
}

TEST_F(ApiTest, ExplainSeesHeaders) {
  EXPECT_EQ(Field("/v1/explain?service=web&client=203.0.113.9&header=X-Api-Key:%20hunter2",
                  "/choice/site"),
            "dallas");
}

TEST_F(ApiTest, ExplainSaysWhatItNeeds) {
  EXPECT_EQ(Do("GET", "/v1/explain").status, 400);
  EXPECT_EQ(Do("GET", "/v1/explain?service=web").status, 400);
  EXPECT_EQ(Message(Do("GET", "/v1/explain?service=web&client=host")),
            "client: 'host' is not an IP address");
  EXPECT_EQ(Do("GET", "/v1/explain?service=none&client=10.0.0.1").status, 404);
  EXPECT_EQ(Do("GET", "/v1/explain?service=web&client=10.0.0.1&header=nocolon").status, 400);
}

TEST_F(ApiTest, ConfigIsInTheShapeOfTheFileAndHidesSecrets) {
  EXPECT_EQ(Field("/v1/config", "/regions/us-south/sites/dallas/latitude"), "32.78");
  EXPECT_EQ(Field("/v1/config", "/health_checks/port/type"), "tcp");
  EXPECT_EQ(Field("/v1/config", "/services/web/timeouts/connect"), "2s");
  EXPECT_EQ(Field("/v1/config", "/services/web/rules/0/match/header/X-Api-Key"), "***");
  EXPECT_EQ(Field("/v1/config", "/listeners/app/bind/0"), "127.0.0.1:0");
  EXPECT_EQ(Do("GET", "/v1/config").body.find("hunter2"), std::string::npos);
}

TEST_F(ApiTest, ADrainTellsHowFarItHasCome) {
  EXPECT_EQ(Field("/v1/drain?target=us-south", "/intent"), "serve");
  EXPECT_EQ(Do("GET", "/v1/drain?target=dalas").status, 404);
  ASSERT_EQ(Do("POST", "/v1/drain", R"({"target":"us-south"})").status, 200);
  EXPECT_EQ(Field("/v1/drain?target=us-south", "/intent"), "drain");
  EXPECT_EQ(Field("/v1/drain?target=us-south", "/sessions"), "88");
  EXPECT_EQ(Field("/v1/status", "/drains/0/leaving_per_second"), "3.1");
  EXPECT_NE(Do("GET", "/metrics").body.find("meridian_drain_sessions{target=\"us-south\"} 88"),
            std::string::npos);
}

TEST_F(ApiTest, WhatIfIsAskedInWords) {
  EXPECT_EQ(Do("GET", "/v1/whatif?down=dallas&lag=dallas%3D4s&rate=1.3").body,
            "{\"down\":\"dallas\"}");
  EXPECT_EQ(Do("GET", "/v1/whatif").status, 400) << "the process's own refusal";
  EXPECT_NE(Do("GET", "/v1/whatif?dwon=dallas").body.find("did you mean 'down'?"),
            std::string::npos);
}

TEST_F(ApiTest, ReadyFollowsTheProcess) {
  EXPECT_EQ(Do("GET", "/readyz").status, 200);
  control.given_status.state = "draining";
  EXPECT_EQ(Do("GET", "/readyz").status, 503);
  EXPECT_EQ(Do("GET", "/healthz").status, 200);
}

TEST_F(ApiTest, WrongMethodNamesTheRightOnes) {
  const Response drain = Do("PUT", "/v1/drain");
  EXPECT_EQ(drain.status, 405);
  EXPECT_EQ(drain.allow, "GET, HEAD, POST, DELETE");
  EXPECT_EQ(Do("GET", "/v1/drain").status, 400) << "of what?";
  EXPECT_EQ(Do("POST", "/v1/status").allow, "GET, HEAD");
}

TEST_F(ApiTest, UnknownPathsAreNotFound) {
  for (const char* path : {"/", "/v1", "/v1/", "/v1/sites/", "/v1/sites/a/b", "/v2/status",
                           "/v1/status/", "/metrics/x"}) {
    EXPECT_EQ(Do("GET", path).status, 404) << path;
  }
}

TEST_F(ApiTest, WhatComesLaterIsSaidToBeNotSupportedYet) {
  EXPECT_EQ(Do("PUT", "/v1/sites/dallas").status, 501);
  EXPECT_EQ(FieldOf(Do("DELETE", "/v1/sites/dallas").body, "/error/code"), "not-supported-yet");
}

TEST_F(ApiTest, EventsAreListedNewestLast) {
  for (const char* text : {"one", "two", "three"}) control.Happen(text);
  EXPECT_EQ(Field("/v1/events?follow=false", "/events/0/text"), "one");
  EXPECT_EQ(Field("/v1/events?follow=false&limit=2", "/events/0/text"), "two");
  EXPECT_EQ(Field("/v1/events?follow=false&limit=2", "/events/1/kind"), "process");
  const std::string last = Field("/v1/events?follow=false", "/last");
  EXPECT_EQ(Field("/v1/events?follow=false", "/events/2/id"), last);
  EXPECT_EQ(Field("/v1/events?follow=false&since=" + last, "/events"), "[]");
  const std::string text = RenderEvents(Do("GET", "/v1/events?follow=false&limit=1").body, false);
  EXPECT_TRUE(text.ends_with("  process   three\n")) << text;
  EXPECT_EQ(Do("GET", "/v1/events?since=x").status, 400);
  EXPECT_EQ(Do("GET", "/v1/events?follow=false&limit=-1").status, 400);
}

TEST_F(ApiTest, MetricsFollowTheState) {
  const auto has = [&](const std::string& line) {
    const std::string text = Do("GET", "/metrics").body;
    return text.find("\n" + line + "\n") != std::string::npos;
  };
  EXPECT_TRUE(has("meridian_requests_total{service=\"web\"} 5"));
  EXPECT_TRUE(has("meridian_build_info{version=\"0.1.0\"} 1"));
  EXPECT_TRUE(has("meridian_generation 12"));
  EXPECT_TRUE(has("meridian_reloads_total{result=\"success\"} 3"));
  EXPECT_TRUE(has("meridian_reloads_total{result=\"failure\"} 1"));
  EXPECT_TRUE(has("meridian_redundancy{service=\"web\"} 1"));
  EXPECT_TRUE(has("meridian_site_up{service=\"web\",site=\"dallas\"} 1"));
  EXPECT_TRUE(has("meridian_drains{intent=\"drain\"} 0"));
  Do("POST", "/v1/drain", R"({"target":"dallas"})");
  EXPECT_TRUE(has("meridian_drains{intent=\"drain\"} 1"));
  EXPECT_TRUE(has("meridian_redundancy{service=\"web\"} 0"));
  EXPECT_TRUE(has("meridian_site_state{service=\"web\",site=\"dallas\",state=\"draining\"} 1"));
  EXPECT_EQ(Field("/v1/sites/atlanta", "/round_trip_us"), "null");
  control.registry().ObserveConnect(control.EndpointAt("10.1.0.11:8080"),
                                    std::chrono::milliseconds(250));
  EXPECT_TRUE(has("meridian_site_round_trip_seconds{site=\"atlanta\",value=\"average\"} 0.25"));
  EXPECT_TRUE(has("meridian_site_round_trip_seconds{site=\"atlanta\",value=\"steering\"} 0.25"));
  EXPECT_EQ(Field("/v1/sites/atlanta", "/round_trip_us"), "250000");
  EXPECT_EQ(Field("/v1/sites/atlanta", "/latency_us"), "250000");
  control.registry().SetProbe(control.EndpointAt("10.1.0.11:8080"), health::Probe::kDown,
                              control.Now());
  const std::string place = R"({service="web",site="atlanta",endpoint="10.1.0.11:8080")";
  EXPECT_TRUE(has("meridian_endpoint_up" + place + "} 0"));
  EXPECT_TRUE(has("meridian_endpoint_state" + place + ",state=\"down\"} 1"));
}

TEST_F(ApiTest, EveryMetricIsDeclaredOnceBeforeItsSamplesAndNoSampleIsTwice) {
  for (const char* accepted : {"", "application/openmetrics-text"}) {
    accept = accepted;
    std::istringstream text(Do("GET", "/metrics").body);
    std::set<std::string> declared, samples;
    for (std::string line; std::getline(text, line);) {
      if (line.starts_with('#')) {
        EXPECT_TRUE(!line.starts_with("# TYPE ") || declared.insert(line).second) << line;
        continue;
      }
      EXPECT_TRUE(line.starts_with("meridian_")) << line;
      EXPECT_TRUE(samples.insert(line.substr(0, line.rfind(' '))).second) << line;
    }
    EXPECT_GT(declared.size(), 15u);
  }
  EXPECT_TRUE(Do("GET", "/metrics").body.ends_with("\n# EOF\n"));
}

TEST(ToJson, DiagnosticsCarryPlaceAndText) {
  config::Diagnostic diagnostic;
  diagnostic.severity = config::Diagnostic::Severity::kWarning;
  diagnostic.file = "a.yaml";
  diagnostic.line = 3;
  diagnostic.column = 7;
  diagnostic.message = "hm";
  EXPECT_EQ(ToJson(std::vector{diagnostic}),
            R"([{"severity":"warning","file":"a.yaml","line":3,"column":7,"message":"hm",)"
            R"("text":"a.yaml:3:7: warning: hm"}])"
            "\n");
}

}  // namespace
}  // namespace meridian::admin
