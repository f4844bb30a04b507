// Disaster recovery through the API: what a service tells, orders, what they would cost, metrics.
#include <gtest/gtest.h>
#include <meridian/admin/client.h>
#include <testing/memory_storage.h>

#include "admin/api.h"
#include "admin/recovery_request.h"
#include "fake_control.h"

namespace meridian::admin {
namespace {

using Order = RecoveryCommand::Order;

struct RecoveryApiTest : public ::testing::Test {
  RecoveryApiTest() {
    failover::Policy policy;
    policy.primary = "atlanta";
    policy.standby = {"dallas"};
    control.controller =
        std::move(*failover::Controller::Open("web", policy, storage, control.clock));
    See("atlanta", failover::Role::kPrimary, {});
    See("dallas", failover::Role::kStandby, std::chrono::seconds(41));
  }
  void See(const std::string& site, failover::Role role, std::optional<Duration> lag) {
    failover::ReplicationStatus status;
    status.at = control.clock.Now();
    status.role = role;
    status.lag = lag;
    failover::Observation seen;
    seen.verdict = failover::Verdict::kUp;
    seen.replication = status;
    EXPECT_TRUE(control.controller->Observe(site, seen).has_value());
  }
  Response Do(const std::string& method, const std::string& target, const std::string& body = {}) {
    Request request;
    request.method = method;
    request.body = body;
    EXPECT_TRUE(ParseTarget(target, request));
    Response answer;
    api.Handle(request, [&](Response response) { answer = std::move(response); });
    return answer;
  }
  std::string Field(const std::string& target, const std::string& pointer) {
    return FieldOf(Do("GET", target).body, pointer).value_or("(absent)");
  }

  fakes::MemoryStorage storage;
  FakeControl control;
  Api api{control, [](MetricSink&) {}};
};

TEST_F(RecoveryApiTest, AServiceTellsItsStateSitesAndWhatComesNext) {
  const std::string path = "/v1/services/web";
  EXPECT_EQ(Field(path, "/active"), "atlanta");
  EXPECT_EQ(Field(path, "/epoch"), "1");
  EXPECT_EQ(Field(path, "/state_text"), "normal, epoch 1, redundancy 0");
  EXPECT_EQ(Field(path, "/recovery/state"), "normal");
  EXPECT_EQ(Field(path, "/recovery/traffic"), "route");
  EXPECT_EQ(Field(path, "/recovery/sites/1/replication/lag_seconds"), "41.0");
  EXPECT_EQ(Field(path, "/recovery/gates/0/open"), "false");
  EXPECT_EQ(Field(path, "/recovery/gates/0/obstacles/0"), "lag");
  EXPECT_NE(Field(path, "/next").find("nothing takes over"), std::string::npos);
}

TEST_F(RecoveryApiTest, OrdersReachTheControllerWithTheirWords) {
  EXPECT_EQ(
      Do("POST", "/v1/services/web/failover", R"({"to": "dallas", "force": true, "author": "ops"})")
          .status,
      200);
  Do("POST", "/v1/services/web/failback");
  Do("POST", "/v1/services/web/acknowledge");
  Do("POST", "/v1/services/web/release");
  Do("POST", "/v1/services/web/automation");
  Do("DELETE", "/v1/automation");
  ASSERT_EQ(control.commands.size(), 6u);
  const auto& [service, command] = control.commands[0];
  EXPECT_EQ(service, "web");
  EXPECT_EQ(command.order, Order::kFailover);
  EXPECT_EQ(command.to, "dallas");
  EXPECT_TRUE(command.force);
  EXPECT_EQ(command.author, "ops");
  EXPECT_EQ(control.commands[1].second.order, Order::kFailback);
  EXPECT_EQ(control.commands[1].second.author, "api");
  EXPECT_EQ(control.commands[2].second.order, Order::kAcknowledge);
  EXPECT_EQ(control.commands[3].second.order, Order::kRelease);
  EXPECT_EQ(control.commands[4].second.order, Order::kAutomationOn);
  EXPECT_EQ(control.commands[5].second.order, Order::kAutomationOff);
  EXPECT_EQ(control.commands[5].first, "");
}

TEST_F(RecoveryApiTest, ARefusalTellsItsReason) {
  for (const auto& [code, status] :
       {std::pair(ErrorCode::kConflict, 409), {ErrorCode::kNotFound, 404}, {ErrorCode::kIo, 500}}) {
    control.refusal = Error{.code = code, .context = "because"};
    const Response refused = Do("POST", "/v1/services/web/failback");
    EXPECT_EQ(refused.status, status);
    EXPECT_EQ(RenderError(refused.body), "because");
  }
}

TEST_F(RecoveryApiTest, AnUnknownServiceOrBodyIsRefused) {
  EXPECT_EQ(Do("POST", "/v1/services/wbe/failover").status, 404);
  EXPECT_EQ(Do("POST", "/v1/services/web/failover", "{\"to\": 7}").status, 400);
  EXPECT_EQ(Do("POST", "/v1/services/web/failover", "{\"site\": \"dallas\"}").status, 400);
  EXPECT_EQ(Do("POST", "/v1/services/web/failover", "[]").status, 400);
  EXPECT_EQ(Do("POST", "/v1/services/web/failover", "{").status, 400);
  EXPECT_TRUE(control.commands.empty());
}

TEST_F(RecoveryApiTest, TheCostOfAFailoverIsToldBefore) {
  const Response cost = Do("GET", "/v1/services/web/failover?to=dallas");
  EXPECT_EQ(cost.status, 200);
  EXPECT_EQ(FieldOf(cost.body, "/needs_force"), "true");
  EXPECT_EQ(FieldOf(cost.body, "/lag_at_risk_seconds"), "41.0");
  EXPECT_EQ(Do("GET", "/v1/services/web/failover?to=oslo").status, 404);
  EXPECT_EQ(FieldOf(Do("GET", "/v1/services/web/failover").body, "/needs_force"), "true");
  See("dallas", failover::Role::kStandby, std::chrono::seconds(1));
  EXPECT_EQ(Field("/v1/services/web/failover", "/to"), "dallas");
}

TEST_F(RecoveryApiTest, MetricsFollowTheController) {
  const std::string text = Do("GET", "/metrics").body;
  for (const char* const line :
       {"meridian_failover_active{service=\"web\",site=\"atlanta\"} 1\n",
        "meridian_failover_active{service=\"web\",site=\"dallas\"} 0\n",
        "meridian_failover_epoch{service=\"web\"} 1\n",
        "meridian_failover_state{service=\"web\",state=\"normal\"} 1\n",
        "meridian_failover_state{service=\"web\",state=\"blocked\"} 0\n",
        "meridian_failover_automation{service=\"web\"} 1\n",
        "meridian_failover_redundancy{service=\"web\"} 0\n",
        "meridian_replication_lag_seconds{service=\"web\",site=\"dallas\"} "
        "41\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line;
  }
}

}  // namespace
}  // namespace meridian::admin
