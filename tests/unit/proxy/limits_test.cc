// What a client may do, through a whole worker in memory: each limit refuses with its own status,
// reason and metric, and leaves everyone else alone.
#include <gtest/gtest.h>

#include "testing/world.h"

namespace meridian::fakes {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

class Limits : public testing::Test {
 protected:
  static std::string Config(const std::string& limits) {
    return R"(
geo: {default: {latitude: 33, longitude: -84, country: US, continent: NA}}
regions:
  east: {sites: {atlanta: {latitude: 33.7, longitude: -84.4, services: {web: ["10.1.0.1:80"]}}}}
services: {web: {}}
listeners:
  http: {bind: "10.0.0.1:80", service: web, trusted_proxies: [198.51.100.0/24], limits: {)" +
           limits + R"(}}
  tcp: {bind: "10.0.0.1:90", protocol: tcp, service: web, limits: {connections_per_client: 2}}
admin: {socket: /nonexistent/admin.sock}
)";
  }
  void Start(const std::string& limits, bool answers = true) {
    world_ = std::make_unique<World>(Config(limits));
    world_->Serve(
        "10.1.0.1:80", answers ? Answer(std::string(kOk)) : [](Peer&) {});
  }
  std::string Get(std::string_view from, const std::string& fields = "") {
    return world_->Ask(world_->Connect(from, "10.0.0.1:80"),
                       "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n");
  }
  static bool IsOk(const std::string& answer) { return answer.starts_with("HTTP/1.1 200 "); }
  double Failures(const std::string& reason, const std::string& listener = "http") {
    return MetricMap(world_->metrics)["meridian_failures_total{listener=" + listener +
                                      ",reason=" + reason + "}"];
  }

  std::unique_ptr<World> world_;
};

TEST_F(Limits, ARateIsOfOneClientAndSaysWhenToComeBack) {
  Start("rate: 1, rate_burst: 2");
  EXPECT_TRUE(IsOk(Get("192.0.2.1")));
  Peer& client = world_->Connect("192.0.2.1", "10.0.0.1:80");
  EXPECT_TRUE(IsOk(world_->Ask(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")));
  const std::string refused = world_->Ask(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 429 Too Many Requests\r\n")) << refused;
  EXPECT_NE(refused.find("\r\nMeridian-Reason: rate-limited\r\n"), std::string::npos) << refused;
  EXPECT_NE(refused.find("\r\nRetry-After: 1\r\n"), std::string::npos);
  EXPECT_EQ(Failures("rate-limited"), 1);
  EXPECT_TRUE(IsOk(Get("192.0.2.2")));
  EXPECT_FALSE(client.closed());
  world_->net.RunFor(milliseconds(1100));
  EXPECT_TRUE(IsOk(world_->Ask(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")));
}

TEST_F(Limits, ARateByHeaderTellsClientsApartByIt) {
  Start("rate: 1, rate_by: 'header:X-Key'");
  EXPECT_TRUE(IsOk(Get("192.0.2.1", "X-Key: ann\r\n")));
  EXPECT_FALSE(IsOk(Get("192.0.2.2", "x-key: ann\r\n")));
  EXPECT_TRUE(IsOk(Get("192.0.2.1", "X-Key: bob\r\n")));
  EXPECT_TRUE(IsOk(Get("192.0.2.1")));  // by its address
  EXPECT_FALSE(IsOk(Get("192.0.2.1")));
}

TEST_F(Limits, ATrustedProxysClientsHaveRatesOfTheirOwn) {
  Start("rate: 1");
  EXPECT_TRUE(IsOk(Get("198.51.100.1", "X-Forwarded-For: 203.0.113.1\r\n")));
  EXPECT_TRUE(IsOk(Get("198.51.100.1", "X-Forwarded-For: 203.0.113.2\r\n")));
  EXPECT_FALSE(IsOk(Get("198.51.100.1", "X-Forwarded-For: 203.0.113.2\r\n")));
}

TEST_F(Limits, ARateOutlivesAReload) {
  Start("rate: 1");
  EXPECT_TRUE(IsOk(Get("192.0.2.1")));
  world_->Load(Config("rate: 1, headers: 50"));
  EXPECT_FALSE(IsOk(Get("192.0.2.1")));
}

TEST_F(Limits, ConnectionsOfOneClientAreCounted) {
  Start("connections_per_client: 2");
  const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  Peer& first = world_->Connect("192.0.2.1", "10.0.0.1:80");
  Peer& second = world_->Connect("192.0.2.1", "10.0.0.1:80");
  EXPECT_TRUE(IsOk(world_->Ask(first, get)));
  EXPECT_TRUE(IsOk(world_->Ask(second, get)));
  Peer& third = world_->Connect("192.0.2.1", "10.0.0.1:80");
  world_->net.RunFor(milliseconds(100));
  const std::string refused = third.received;  // told before it asks
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 429 ")) << refused;
  EXPECT_NE(refused.find("\r\nMeridian-Reason: too-many-connections\r\n"), std::string::npos);
  EXPECT_NE(refused.find("\r\nConnection: close\r\n"), std::string::npos);
  EXPECT_EQ(Failures("too-many-connections"), 1);
  EXPECT_TRUE(IsOk(Get("192.0.2.2")));
  first.stream->Reset();
  first.stream.reset();
  world_->net.RunFor(seconds(2));
  EXPECT_TRUE(IsOk(Get("192.0.2.1")));
}

TEST_F(Limits, AProxysConnectionsAreNotItsClients) {
  Start("connections_per_client: 1");
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(IsOk(Get("198.51.100.1")));
  EXPECT_EQ(Failures("too-many-connections"), 0);
}

TEST_F(Limits, OverTcpOneConnectionTooManyIsReset) {
  Start("rate: 1");
  Peer& first = world_->Connect("192.0.2.1", "10.0.0.1:90");
  Peer& second = world_->Connect("192.0.2.1", "10.0.0.1:90");
  Peer& third = world_->Connect("192.0.2.1", "10.0.0.1:90");
  world_->net.RunFor(seconds(1));
  EXPECT_FALSE(first.closed());
  EXPECT_FALSE(second.closed());
  EXPECT_TRUE(third.closed());
  EXPECT_EQ(Failures("too-many-connections", "tcp"), 1);
}

TEST_F(Limits, ConnectionsOfAllClientsTogetherAreBounded) {
  Start("connections: 2");
  const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  Peer& first = world_->Connect("192.0.2.1", "10.0.0.1:80");
  Peer& second = world_->Connect("198.51.100.1", "10.0.0.1:80");  // a trusted proxy's count, too
  EXPECT_TRUE(IsOk(world_->Ask(first, get)));
  EXPECT_TRUE(IsOk(world_->Ask(second, get)));
  Peer& third = world_->Connect("192.0.2.3", "10.0.0.1:80");
  world_->net.RunFor(milliseconds(100));
  ASSERT_TRUE(third.failed.has_value());
  EXPECT_EQ(third.failed->code, ErrorCode::kReset);
  EXPECT_EQ(Failures("listener-full"), 1);
  Peer& elsewhere = world_->Connect("192.0.2.3", "10.0.0.1:90");
  world_->net.RunFor(milliseconds(100));
  EXPECT_FALSE(elsewhere.closed()) << "it is another listener's bound";
  first.stream->Reset();
  world_->net.RunFor(milliseconds(100));
  EXPECT_TRUE(IsOk(Get("192.0.2.3")));
  EXPECT_TRUE(IsOk(world_->Ask(second, get))) << "who is in stays in";
}

TEST_F(Limits, ABoundThatAReloadSetsCountsWhatIsOpenAlready) {
  Start("connections: unlimited");
  Peer& first = world_->Connect("192.0.2.1", "10.0.0.1:80");
  world_->Connect("192.0.2.1", "10.0.0.1:80");
  world_->net.RunFor(milliseconds(100));
  world_->Load(Config("connections: 1"));
  EXPECT_FALSE(first.closed()) << "nobody is thrown out";
  EXPECT_EQ(Get("192.0.2.2"), "");
  EXPECT_EQ(Failures("listener-full"), 1);
  world_->Load(Config("connections: 3"));
  EXPECT_TRUE(IsOk(Get("192.0.2.2")));
}

TEST_F(Limits, AConnectionEndsWithItsLastRequest) {
  Start("requests_per_connection: 2");
  Peer& client = world_->Connect("192.0.2.1", "10.0.0.1:80");
  const std::string first = world_->Ask(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(first.find("Connection: close"), std::string::npos);
  const std::string second = world_->Ask(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(IsOk(second));
  EXPECT_NE(second.find("\r\nConnection: close\r\n"), std::string::npos);
  EXPECT_TRUE(client.closed());
}

TEST_F(Limits, ABodyHasItsTime) {
  Start("body_timeout: 4s", false);
  Peer& client = world_->Connect("192.0.2.1", "10.0.0.1:80");
  client.stream->Write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n");
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(client.received.find("408"), std::string::npos) << i;
    client.stream->Write("x");
    world_->net.RunFor(seconds(1));
  }
  EXPECT_EQ(Failures("body-timeout"), 1);
  EXPECT_TRUE(client.closed());
}

TEST_F(Limits, ABodyMustKeepItsRate) {
  Start("min_rate: 10B", false);
  Peer& slow = world_->Connect("192.0.2.1", "10.0.0.1:80");
  Peer& good = world_->Connect("192.0.2.2", "10.0.0.1:80");
  for (Peer* peer : {&slow, &good})
    peer->stream->Write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
  for (int i = 0; i < 11 && !slow.closed(); ++i) {
    slow.stream->Write("123456789");
    good.stream->Write("12345678901");
    world_->net.RunFor(seconds(1));
  }
  EXPECT_EQ(Failures("body-too-slow"), 1);
  EXPECT_TRUE(slow.closed());
  EXPECT_FALSE(good.closed());
}

TEST_F(Limits, TooManyFieldsHaveAReasonOfTheirOwn) {
  Start("headers: 2");
  const std::string refused = Get("192.0.2.1", "A: b\r\nC: d\r\n");
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 431 ")) << refused;
  EXPECT_NE(refused.find("\r\nMeridian-Reason: too-many-headers\r\n"), std::string::npos);
  EXPECT_EQ(Failures("too-many-headers"), 1);
  EXPECT_EQ(Failures("header-too-large"), 0);
}

}  // namespace
}  // namespace meridian::fakes
