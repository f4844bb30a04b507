// TCP through a whole worker in memory: bytes, half-closes, resets, PROXY headers, failing
// backends.
#include <gtest/gtest.h>

#include <set>

#include "testing/world.h"

namespace meridian::fakes {
namespace {

constexpr std::string_view kConfig = R"(
geo:
  networks:
    203.0.113.0/24: {latitude: 32.8, longitude: -96.8, country: US, continent: NA}
  default: {latitude: 33, longitude: -84, country: US, continent: NA}
regions:
  east: {sites: {atlanta: {latitude: 33.7, longitude: -84.4, services: {db: ["10.1.0.1:5432"]}}}}
  south: {sites: {dallas: {latitude: 32.8, longitude: -96.8, services: {db: ["10.2.0.1:5432"]}}}}
services:
  db: {timeouts: {idle: 30s, session: 1h}, health_check: port}
health_checks: {port: {type: none}}
listeners:
  plain: {bind: "10.0.0.1:5432", protocol: tcp, service: db}
  proxied:
    bind: "10.0.0.1:5433"
    protocol: tcp
    service: db
    proxy_protocol: require
    trusted_proxies: [192.0.2.0/24]
admin: {socket: /nonexistent/admin.sock}
)";

// Says its name once, then echoes: however the bytes are cut, the client gets the same.
Server::Script Echo(std::string name) {
  return [name = std::move(name), greeted = std::set<Peer*>()](Peer& peer) mutable {
    const std::string bytes = std::exchange(peer.received, {});
    peer.stream->Write(greeted.insert(&peer).second ? name + ":" + bytes : bytes);
  };
}

struct TcpSession : testing::Test {
  TcpSession() : world(kConfig) {
    atlanta = &world.Serve("10.1.0.1:5432", Echo("atlanta"));
    dallas = &world.Serve("10.2.0.1:5432", Echo("dallas"));
  }
  World world;
  Server* atlanta;
  Server* dallas;
};

TEST_F(TcpSession, RelaysBothWaysToTheNearestSite) {
  Peer& client = world.Connect("192.0.2.1", "10.0.0.1:5432");
  EXPECT_EQ(world.Ask(client, "hello"), "atlanta:hello");
  EXPECT_EQ(world.Ask(client, "again"), "again");
  EXPECT_EQ(world.Ask(world.Connect("203.0.113.5", "10.0.0.1:5432"), "x"), "dallas:x");
}

TEST_F(TcpSession, HalfCloseIsPassedOnAndTheOtherDirectionLives) {
  Peer& client = world.Connect("192.0.2.1", "10.0.0.1:5432");
  world.Ask(client, "a");
  client.stream->FinishWriting();
  world.net.RunFor(std::chrono::seconds(1));
  ASSERT_TRUE(atlanta->peers[0]->ended);
  EXPECT_FALSE(client.closed());
  atlanta->peers[0]->stream->Write("late");
  world.net.RunFor(std::chrono::seconds(1));
  EXPECT_TRUE(client.received.ends_with("late"));
  atlanta->peers[0]->stream->FinishWriting();
  world.net.RunFor(std::chrono::seconds(1));
  EXPECT_TRUE(client.ended);
  EXPECT_EQ(world.workers[0]->clients(), 0u);
}

TEST_F(TcpSession, AResetIsPassedOnAsAReset) {
  Peer& client = world.Connect("192.0.2.1", "10.0.0.1:5432");
  world.Ask(client, "a");
  atlanta->peers[0]->stream->Reset();
  world.net.RunFor(std::chrono::seconds(1));
  ASSERT_TRUE(client.failed.has_value());
  EXPECT_EQ(client.failed->code, ErrorCode::kReset);
}

TEST_F(TcpSession, ARefusedSiteIsFollowedByTheNext) {
  world.net.Kill(At("10.1.0.1:5432"));
  EXPECT_EQ(world.Ask(world.Connect("192.0.2.1", "10.0.0.1:5432"), "x"), "dallas:x");
}

TEST_F(TcpSession, WithNoSiteLeftTheClientIsReset) {
  world.net.Kill(At("10.1.0.1:5432"));
  world.net.Kill(At("10.2.0.1:5432"));
  Peer& client = world.Connect("192.0.2.1", "10.0.0.1:5432");
  world.net.RunFor(std::chrono::seconds(1));
  EXPECT_TRUE(client.failed.has_value());
  EXPECT_EQ(
      MetricMap(world.metrics)["meridian_failures_total{listener=plain,reason=connect-failed}"], 1);
}

TEST_F(TcpSession, AnIdleSessionEndsAfterItsTime) {
  Peer& client = world.Connect("192.0.2.1", "10.0.0.1:5432");
  world.Ask(client, "a");
  world.net.RunFor(std::chrono::seconds(20));
  world.Ask(client, "b");
  world.net.RunFor(std::chrono::seconds(20));
  EXPECT_FALSE(client.closed());
  world.net.RunFor(std::chrono::seconds(15));
  EXPECT_TRUE(client.closed());
}

TEST_F(TcpSession, TheProxyHeaderNamesTheClientAndIsNotForwarded) {
  Peer& client = world.Connect("192.0.2.1", "10.0.0.1:5433");
  EXPECT_EQ(world.Ask(client, "PROXY TCP4 203.0.113.5 10.0.0.1 999 5433\r\nhello"), "dallas:hello");
}

TEST_F(TcpSession, AMissingOrUntrustedProxyHeaderIsRefused) {
  Peer& missing = world.Connect("192.0.2.1", "10.0.0.1:5433");
  world.Ask(missing, "hello there, no header");
  EXPECT_TRUE(missing.closed());
  Peer& untrusted = world.Connect("198.51.100.1", "10.0.0.1:5433");
  world.Ask(untrusted, "PROXY TCP4 203.0.113.5 10.0.0.1 999 5433\r\nhello");
  EXPECT_TRUE(untrusted.closed());
  EXPECT_EQ(
      MetricMap(world.metrics)["meridian_failures_total{listener=proxied,reason=proxy-header}"], 2);
  EXPECT_TRUE(dallas->peers.empty() && atlanta->peers.empty());
}

TEST_F(TcpSession, ASiteDeclaredOutLosesItsSessionsAtOnce) {
  Peer& client = world.Connect("192.0.2.1", "10.0.0.1:5432");
  world.Ask(client, "a");
  health::IntentRecord out;
  out.intent = health::Intent::kOut;
  world.registry.SetIntent("atlanta", out);
  world.workers[0]->HealthChanged();
  world.net.RunFor(std::chrono::seconds(1));
  EXPECT_TRUE(client.failed.has_value());
  EXPECT_EQ(world.Ask(world.Connect("192.0.2.1", "10.0.0.1:5432"), "x"), "dallas:x");
}

TEST_F(TcpSession, NothingIsLostThroughSmallWindowsOnAnySeed) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    MemoryNetOptions options;
    options.seed = seed;
    options.capacity = 1000 + 500 * (seed % 7);
    options.segment = 1 + 97 * (seed % 5);
    World small(kConfig, options);
    std::string got;
    small.Serve("10.1.0.1:5432", [&](Peer& peer) {
      got += peer.received;
      peer.stream->Write(std::exchange(peer.received, {}));
    });
    std::string sent;
    while (sent.size() < 50'000) sent += std::to_string(small.random.Next());
    Peer& client = small.Connect("192.0.2.1", "10.0.0.1:5432");
    client.stream->Write(sent);
    ASSERT_TRUE(small.net.RunUntil([&] { return client.received.size() >= sent.size(); },
                                   std::chrono::minutes(2)))
        << "seed " << seed;
    EXPECT_EQ(got, sent) << "seed " << seed;
    EXPECT_EQ(client.received, sent) << "seed " << seed;
  }
}

}  // namespace
}  // namespace meridian::fakes
