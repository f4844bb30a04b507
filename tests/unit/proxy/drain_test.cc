// HTTP clients of a site that is drained: a connection that was there before is told to close with
// an answer from that site, once; its session stays where it is.
#include <gtest/gtest.h>

#include "testing/http2_client.h"
#include "testing/world.h"

namespace meridian::fakes {
namespace {

using std::chrono::seconds;

constexpr std::string_view kConfig = R"(
geo: {default: {latitude: 33, longitude: -84, country: US, continent: NA}}
regions:
  east: {sites: {atlanta: {latitude: 33.7, longitude: -84.4, services: {web: ["10.1.0.1:80"]}}}}
  south: {sites: {dallas: {latitude: 32.8, longitude: -96.8, services: {web: ["10.2.0.1:80"]}}}}
services: {web: {session: {by: cookie}}}
listeners: {http: {bind: "10.0.0.1:80", service: web}}
)";

class Drain : public testing::Test {
 protected:
  Drain() : world(kConfig) {
    for (const char* at : {"10.1.0.1:80", "10.2.0.1:80"})
      world.Serve(at, Answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  }
  void Intend(health::Intent intent) {
    health::IntentRecord record;
    record.intent = intent;
    world.registry.SetIntent("atlanta", record, world.loop.Now());
  }
  // The session that the first request began.
  std::string Get(Peer& client) {
    const std::string answer =
        world.Ask(client, "GET / HTTP/1.1\r\nHost: a\r\n" +
                              (cookie.empty() ? "" : "Cookie: " + cookie + "\r\n") + "\r\n");
    Keep(answer, "\r\nSet-Cookie: ");
    return answer;
  }
  void Keep(const std::string& answer, std::string_view name) {
    const size_t at = answer.find(name);
    if (at == std::string::npos) return;
    cookie = answer.substr(at + name.size(), answer.find(';', at) - at - name.size());
  }
  Peer& Connect() { return world.Connect("192.0.2.1", "10.0.0.1:80"); }
  static bool Closes(const std::string& answer) {
    return answer.find("\r\nConnection: close\r\n") != std::string::npos;
  }

  World world;
  std::string cookie;
};

TEST_F(Drain, AConnectionFromBeforeClosesWithItsNextAnswerFromThere) {
  Peer& client = Connect();
  const std::string first = Get(client);
  ASSERT_NE(first.find("Meridian-Site: atlanta"), std::string::npos) << first;
  EXPECT_FALSE(Closes(first));
  world.net.RunFor(seconds(1));
  Intend(health::Intent::kDrain);
  const std::string second = Get(client);
  EXPECT_TRUE(second.starts_with("HTTP/1.1 200 OK\r\n")) << second;
  EXPECT_TRUE(Closes(second)) << second;
  EXPECT_TRUE(client.closed());
}

TEST_F(Drain, AConnectionFromAfterwardsStays) {
  Get(Connect());
  Intend(health::Intent::kDrain);
  world.net.RunFor(seconds(1));
  Peer& client = Connect();
  for (int i = 0; i < 3; ++i) {
    const std::string answer = Get(client);
    EXPECT_NE(answer.find("Meridian-Site: atlanta"), std::string::npos) << answer;
    EXPECT_FALSE(Closes(answer));
  }
  EXPECT_FALSE(client.closed());
}

TEST_F(Drain, SoDoesOneWhoseAnswersComeFromElsewhere) {
  Peer& client = Connect();
  world.net.RunFor(seconds(1));
  Intend(health::Intent::kDrain);
  const std::string answer = world.Ask(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_NE(answer.find("Meridian-Site: dallas"), std::string::npos) << answer;
  EXPECT_FALSE(Closes(answer));
}

TEST_F(Drain, OverHttp2ItIsGoawayAndWhatIsUnderWayIsServed) {
  Http2Peer client(Connect());
  auto& first = client.Get("/");
  world.net.RunFor(seconds(1));
  EXPECT_TRUE(first.ended);
  Keep(first.log, " set-cookie=");
  Intend(health::Intent::kDrain);
  auto& second = client.Get("/", {{"cookie", cookie}});
  auto& third = client.Get("/", {{"cookie", cookie}});
  world.net.RunFor(seconds(1));
  EXPECT_TRUE(second.log.starts_with("200 ")) << second.log;
  EXPECT_TRUE(third.log.starts_with("200 ")) << third.log;
  EXPECT_TRUE(client.refuses_more());
  Http2Peer next(Connect());
  for (int i = 0; i < 3; ++i) {
    auto& answer = next.Get("/", {{"cookie", cookie}});
    world.net.RunFor(seconds(1));
    EXPECT_NE(answer.log.find("meridian-site=atlanta"), std::string::npos) << answer.log;
  }
  EXPECT_FALSE(next.refuses_more());
}

}  // namespace
}  // namespace meridian::fakes
