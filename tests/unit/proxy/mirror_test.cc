// Copies of requests through a whole worker in memory: what the other service gets, and that the
// client feels nothing of it.
#include <gtest/gtest.h>

#include "proxy/mirror.h"
#include "testing/world.h"

namespace meridian::fakes {
namespace {

using std::chrono::seconds;

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

class Mirrors : public testing::Test {
 protected:
  void Start(const std::string& mirror, Server::Script shadow) {
    world_ = std::make_unique<World>(R"(
geo: {default: {latitude: 33, longitude: -84, country: US, continent: NA}}
regions:
  east: {sites: {atlanta: {latitude: 33.7, longitude: -84.4, services: {web: ["10.1.0.1:80"], shadow: ["10.1.0.2:80"]}}}}
services: {web: {}, shadow: {timeouts: {response: 5s}}}
listeners:
  http:
    bind: "10.0.0.1:80"
    routes: [{path: /api, service: web, rewrite: {prefix: /v2}, mirror: {service: shadow)" +
                                     mirror + R"(}}]
admin: {socket: /nonexistent/admin.sock}
)");
    web_ = &world_->Serve("10.1.0.1:80", Answer(std::string(kOk)));
    shadow_ = &world_->Serve("10.1.0.2:80", std::move(shadow));
  }
  double Count(const std::string& result) {
    return MetricMap(
        world_->metrics)["meridian_mirrored_requests_total{service=shadow,result=" + result + "}"];
  }
  static bool IsOk(const std::string& answer) {
    return answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\nok");
  }

  std::unique_ptr<World> world_;
  Server* web_ = nullptr;
  Server* shadow_ = nullptr;
};

TEST_F(Mirrors, GetTheSameRequestAndAnswerNobody) {
  Start("", Answer("HTTP/1.1 500 No\r\nContent-Length: 5\r\nSet-Cookie: a=b\r\n\r\nnever"));
  const std::string answer =
      world_->Ask("POST /api/x HTTP/1.1\r\nHost: a\r\nX-A: b\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_TRUE(IsOk(answer)) << answer;
  EXPECT_EQ(answer.find("Set-Cookie"), std::string::npos);
  for (const Server* server : {web_, shadow_}) {
    EXPECT_NE(server->received().find("POST /v2/x HTTP/1.1\r\n"), std::string::npos);
    EXPECT_NE(server->received().find("\r\nX-A: b\r\n"), std::string::npos);
    EXPECT_TRUE(server->received().ends_with("hello")) << server->received();
  }
  EXPECT_EQ(Count("answered"), 1);
}

TEST_F(Mirrors, AShareIsCopied) {
  Start(", share: 25%", Answer(std::string(kOk)));
  Peer& client = world_->Connect("192.0.2.1", "10.0.0.1:80");
  for (int i = 0; i < 400; ++i)
    EXPECT_TRUE(IsOk(world_->Ask(client, "GET /api HTTP/1.1\r\nHost: a\r\n\r\n")));
  EXPECT_NEAR(Count("answered"), 100, 41);  // 4.7 standard deviations
}

TEST_F(Mirrors, ThatFailsIsCountedAndNotFelt) {
  Start("", [](Peer& peer) { peer.stream->Reset(); });
  EXPECT_TRUE(IsOk(world_->Ask("POST /api HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")));
  EXPECT_EQ(Count("failed"), 1);
}

TEST_F(Mirrors, ThatSaysNothingEndsWithItsOwnTime) {
  Start("", [](Peer&) {});
  Peer& client = world_->Connect("192.0.2.1", "10.0.0.1:80");
  client.stream->Write("POST /api HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  world_->net.RunFor(seconds(1));
  EXPECT_TRUE(IsOk(client.received)) << client.received;
  EXPECT_EQ(Count("failed"), 0);
  world_->net.RunFor(seconds(6));
  EXPECT_EQ(Count("failed"), 1);
}

TEST_F(Mirrors, AreAtMostSoManyInAWorker) {
  Start("", [](Peer&) {});
  constexpr size_t kMore = 10;
  std::vector<Peer*> clients;
  for (size_t i = 0; i < proxy::Mirror::kMost + kMore; ++i)
    clients.push_back(&world_->Connect("192.0.2.1", "10.0.0.1:80"));
  for (Peer* client : clients) client->stream->Write("GET /api HTTP/1.1\r\nHost: a\r\n\r\n");
  world_->net.RunFor(seconds(2));
  for (const Peer* client : clients) EXPECT_TRUE(IsOk(client->received));
  EXPECT_EQ(Count("dropped"), kMore);
}

TEST_F(Mirrors, AClientThatLeavesInItsBodyTakesTheCopyAlong) {
  Start("", [](Peer&) {});
  Peer& client = world_->Connect("192.0.2.1", "10.0.0.1:80");
  client.stream->Write("POST /api HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhe");
  world_->net.RunFor(std::chrono::milliseconds(100));
  client.stream->Reset();
  client.stream.reset();
  world_->net.RunFor(seconds(1));
  EXPECT_EQ(Count("dropped"), 1);
}

TEST_F(Mirrors, MayBeUnderWayWhenTheWorkerEnds) {
  Start("", [](Peer&) {});
  EXPECT_TRUE(IsOk(world_->Ask("GET /api HTTP/1.1\r\nHost: a\r\n\r\n")));
  EXPECT_EQ(Count("answered") + Count("failed") + Count("dropped"), 0);
  world_.reset();
}

}  // namespace
}  // namespace meridian::fakes
