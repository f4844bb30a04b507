// Disaster recovery as clients and backends see it: the epoch, held and refused sessions, and what
// becomes of those at a site that is no longer active.
#include <gtest/gtest.h>
#include <testing/world.h>

namespace meridian::proxy {
namespace {

using health::Admission;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view kYaml = R"(
regions:
  south:
    sites:
      atlanta: {latitude: 33, longitude: -84, services: {db: ["10.1.0.1:80"], web: ["10.1.0.1:80"]}}
      dallas: {latitude: 32, longitude: -96, services: {db: ["10.2.0.1:80"]}}
services:
  db:
    mode: disaster-recovery
    primary: atlanta
    standby: dallas
    reads: nearest
    failover: {automatic: false}
  web: {}
listeners:
  http: {bind: "10.0.0.1:80", routes: [{path: /web, service: web}, {service: db}]}
  tcp: {bind: "10.0.0.1:5432", protocol: tcp, service: db}
)";

constexpr std::string_view kPost =
    "POST /x HTTP/1.1\r\nHost: a\r\nMeridian-Epoch: 99\r\nContent-Length: 2\r\n\r\nhi";
// What `Answer` leaves of the epoch, which ends the head, once it has counted the request.
std::string EpochAtEnd(int epoch) {
  return "\r\nMeridian-Epoch: " + std::to_string(epoch) + "|";
}

constexpr std::string_view kGet = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";

std::string Ok(std::string_view body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

class ProxyRecoveryTest : public testing::Test {
 protected:
  ProxyRecoveryTest()
      : world_(kYaml),
        atlanta_(world_.Serve("10.1.0.1:80", fakes::Answer(Ok("atlanta")))),
        dallas_(world_.Serve("10.2.0.1:80", fakes::Answer(Ok("dallas")))) {}

  void Direct(Admission admission, const std::string& site, uint64_t epoch, Duration hold = {}) {
    world_.registry.Service("db").Publish({admission, world_.registry.Site(site).ordinal, epoch},
                                          "a test", world_.net.Now() + hold);
    for (auto& worker : world_.workers) worker->HealthChanged();
  }
  // Sends, and lets what can happen at once happen.
  fakes::Peer& Send(std::string_view bytes, std::string_view to = "10.0.0.1:80") {
    fakes::Peer& peer = world_.Connect("192.0.2.1", to);
    peer.stream->Write(bytes);
    world_.net.RunFor(milliseconds(20));
    return peer;
  }
  double Failures(const std::string& listener, const std::string& reason) {
    return fakes::MetricMap(
        world_.metrics)["meridian_failures_total{listener=" + listener + ",reason=" + reason + "}"];
  }

  fakes::World world_;
  fakes::Server& atlanta_;
  fakes::Server& dallas_;
};

TEST_F(ProxyRecoveryTest, TheEpochGoesWithEachRequestAndAClientsOwnIsStripped) {
  Direct(Admission::kRoute, "dallas", 7);
  EXPECT_NE(world_.Ask(kPost).find("dallas"), std::string::npos);
  EXPECT_NE(dallas_.received().find(EpochAtEnd(7)), std::string::npos);
  EXPECT_EQ(dallas_.received().find("99"), std::string::npos);
  world_.Ask("GET /web HTTP/1.1\r\nHost: a\r\nMeridian-Epoch: 99\r\n\r\n");
  EXPECT_EQ(atlanta_.received().find("Meridian-Epoch"), std::string::npos);
}

TEST_F(ProxyRecoveryTest, UnsureOfTheActiveSiteARequestIsRefusedWithItsReason) {
  for (const bool published : {false, true}) {
    if (published) Direct(Admission::kRefuse, "atlanta", 1);
    const std::string answer = world_.Ask(kPost);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
    EXPECT_NE(answer.find("Meridian-Reason: no-active-site\r\n"), std::string::npos);
    EXPECT_NE(answer.find("Retry-After: 1\r\n"), std::string::npos);
  }
  EXPECT_EQ(Failures("http", "no-active-site"), 2);
  EXPECT_TRUE(Send("hello", "10.0.0.1:5432").closed());
  EXPECT_EQ(Failures("tcp", "no-active-site"), 1);
}

TEST_F(ProxyRecoveryTest, ReadsGoWhereTheyAreTaken) {
  Direct(Admission::kRoute, "atlanta", 1);
  const health::SiteOrdinal reader = world_.registry.Site("dallas").ordinal;
  world_.registry.Service("db").PublishReaders({&reader, 1});
  std::string seen;
  for (int i = 0; i < 20; ++i) {
    seen += world_.Ask("GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_NE(world_.Ask(kPost).find("\r\n\r\natlanta"), std::string::npos);
  }
  Direct(Admission::kHold, "atlanta", 1, seconds(5));
  EXPECT_NE(world_.Ask(kGet).find("\r\n\r\ndallas"), std::string::npos);
}

TEST_F(ProxyRecoveryTest, AHeldRequestGoesOnUnderTheNewEpoch) {
  Direct(Admission::kHold, "atlanta", 1, seconds(5));
  fakes::Peer& one = Send(kPost);
  fakes::Peer& two = Send(kGet);
  world_.net.RunFor(seconds(2));
  EXPECT_EQ(one.received + two.received, "");
  Direct(Admission::kRoute, "dallas", 2);
  world_.net.RunFor(milliseconds(20));
  EXPECT_NE(one.received.find("\r\n\r\ndallas"), std::string::npos) << one.received;
  EXPECT_NE(two.received.find("\r\n\r\ndallas"), std::string::npos) << two.received;
  EXPECT_NE(dallas_.received().find(EpochAtEnd(2)), std::string::npos);
  EXPECT_TRUE(atlanta_.peers.empty());
}

TEST_F(ProxyRecoveryTest, AHoldThatDoesNotEndIsAnsweredWithItsReason) {
  Direct(Admission::kHold, "atlanta", 1, seconds(5));
  fakes::Peer& peer = Send(kPost);
  fakes::Peer& tcp = Send("hello", "10.0.0.1:5432");
  world_.net.RunFor(seconds(5));
  EXPECT_EQ(peer.received, "");
  EXPECT_FALSE(tcp.closed());
  world_.net.RunFor(seconds(1));
  EXPECT_TRUE(peer.received.starts_with("HTTP/1.1 503 ")) << peer.received;
  EXPECT_NE(peer.received.find("Meridian-Reason: switching\r\n"), std::string::npos);
  EXPECT_TRUE(tcp.closed());
  EXPECT_EQ(Failures("http", "switching"), 1);
}

TEST_F(ProxyRecoveryTest, AHeldTcpSessionConnectsToTheSiteThatBecomesActive) {
  Direct(Admission::kHold, "atlanta", 1, seconds(5));
  fakes::Peer& peer = Send("GET / HTTP/1.1\r\n\r\n", "10.0.0.1:5432");
  EXPECT_TRUE(atlanta_.peers.empty());
  Direct(Admission::kRoute, "dallas", 2);
  world_.net.RunFor(milliseconds(50));
  EXPECT_NE(peer.received.find("dallas"), std::string::npos);
  EXPECT_TRUE(atlanta_.peers.empty());
}

TEST_F(ProxyRecoveryTest, AHeldClientThatLeavesIsForgotten) {
  Direct(Admission::kHold, "atlanta", 1, seconds(5));
  fakes::Peer& peer = Send(kPost);
  peer.stream->Reset();
  world_.net.RunFor(milliseconds(20));
  EXPECT_EQ(world_.workers[0]->clients(), 0u);
  Direct(Admission::kRoute, "atlanta", 1);
  world_.net.RunFor(milliseconds(20));
  EXPECT_TRUE(atlanta_.peers.empty());
}

TEST_F(ProxyRecoveryTest, WhatIsUnderWayAtASiteThatIsNoLongerActiveMovesOrFails) {
  Direct(Admission::kRoute, "atlanta", 1);
  atlanta_.Close();
  fakes::Server& mute = world_.Serve("10.1.0.1:80", [](fakes::Peer&) {});
  fakes::Peer& get = Send(kGet);
  fakes::Peer& post = Send(kPost);
  fakes::Peer& tcp = Send("hello", "10.0.0.1:5432");
  ASSERT_EQ(mute.peers.size(), 3u);
  Direct(Admission::kHold, "atlanta", 1, seconds(5));
  world_.net.RunFor(milliseconds(20));
  EXPECT_EQ(get.received + post.received, "") << "a hold touches nothing that is established";
  EXPECT_FALSE(tcp.closed());
  Direct(Admission::kRoute, "dallas", 2);
  world_.net.RunFor(milliseconds(50));
  EXPECT_NE(get.received.find("\r\n\r\ndallas"), std::string::npos) << get.received;
  EXPECT_NE(post.received.find("Meridian-Reason: site-changed\r\n"), std::string::npos);
  EXPECT_TRUE(tcp.closed());
}

TEST_F(ProxyRecoveryTest, OnDownKeepLeavesThemWhereTheyAre) {
  std::string yaml(kYaml);
  yaml.replace(yaml.find("    reads: nearest"), 18, "    on_down: keep ");
  world_.Load(yaml);
  Direct(Admission::kRoute, "atlanta", 1);
  fakes::Peer& tcp = Send("hello", "10.0.0.1:5432");
  Direct(Admission::kRoute, "dallas", 2);
  world_.net.RunFor(milliseconds(50));
  EXPECT_FALSE(tcp.closed());
  for (auto& worker : world_.workers) worker->LeaveSite("web", "atlanta");
  world_.net.RunFor(milliseconds(50));
  EXPECT_FALSE(tcp.closed());
  for (auto& worker : world_.workers) worker->LeaveSite("db", "atlanta");
  world_.net.RunFor(milliseconds(50));
  EXPECT_TRUE(tcp.closed());
}

TEST_F(ProxyRecoveryTest, TrafficIsCountedForTheController) {
  Direct(Admission::kRoute, "dallas", 7);
  world_.Ask(kPost);
  fakes::Peer& tcp = Send("hello", "10.0.0.1:5432");
  EXPECT_FALSE(tcp.closed());
  Metrics::Traffic traffic = world_.metrics.traffic("db", "dallas");
  EXPECT_EQ(traffic.answers, 2u);
  EXPECT_EQ(traffic.active, 1u);
  Direct(Admission::kRefuse, "dallas", 7);
  world_.Ask(kPost);
  traffic = world_.metrics.traffic("db", "dallas");
  EXPECT_EQ(traffic.lost, 1u);
  EXPECT_EQ(world_.metrics.traffic("db", "nowhere").answers, 0u);
}

}  // namespace
}  // namespace meridian::proxy
