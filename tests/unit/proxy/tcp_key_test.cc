// TCP connections whose first bytes hold the session's key: read, decided by, and passed on whole.
#include <gtest/gtest.h>

#include <set>

#include "testing/world.h"

namespace meridian::fakes {
namespace {

std::string Config(const std::string& by) {
  return R"(
geo: {default: {latitude: 33, longitude: -84, country: US, continent: NA}}
regions:
  east: {sites: {atlanta: {latitude: 33.7, longitude: -84.4, services: {sip: ["10.1.0.1:5060", "10.1.0.2:5060", "10.1.0.3:5060"]}}}}
services: {sip: {session: {by: ")" +
         by + R"("}}}
listeners:
  sip: {bind: "10.0.0.1:5060", protocol: tcp, service: sip, limits: {header_timeout: 5s}}
admin: {socket: /nonexistent/admin.sock}
)";
}

struct TcpKeys : testing::Test {
  void Start(const std::string& by) {
    world = std::make_unique<World>(Config(by));
    for (int i = 1; i <= 3; ++i) {
      const std::string at = "10.1.0." + std::to_string(i) + ":5060";
      world->Serve(at, [](Peer& peer) { peer.stream->Write("."); });
    }
  }
  // The server that got exactly `bytes` since the last call, by number; 0: none.
  size_t ServerOf(const std::string& bytes) {
    for (size_t i = 0; i < world->servers.size(); ++i) {
      auto& peers = world->servers[i]->peers;
      if (peers.empty()) continue;
      const std::string got = std::exchange(peers.back()->received, {});
      if (got == bytes) return i + 1;
      EXPECT_TRUE(got.empty()) << got;
    }
    return 0;
  }
  std::unique_ptr<World> world;
};

std::string Invite(const std::string& call) {
  return "INVITE sip:b SIP/2.0\r\nVia: SIP/2.0/TCP a\r\nCall-ID: " + call + "\r\nTo: b\r\n\r\n";
}

TEST_F(TcpKeys, ACallsConnectionsGoToOneServerHoweverItsBytesCome) {
  Start("sip-call-id");
  std::set<size_t> all;
  for (int call = 0; call < 12; ++call) {
    const std::string bytes = Invite(std::to_string(call) + "@a");
    std::set<size_t> servers;
    for (const size_t cut : {bytes.size(), size_t{1}, size_t{30}, bytes.find("@a") + 2}) {
      Peer& client = world->Connect("192.0.2." + std::to_string(cut % 200 + 1), "10.0.0.1:5060");
      client.stream->Write(bytes.substr(0, cut));
      world->net.RunUntilIdle(std::chrono::seconds(1));
      client.stream->Write(bytes.substr(cut));
      world->net.RunUntilIdle(std::chrono::seconds(1));
      EXPECT_EQ(client.received.substr(0, 1), ".");
      servers.insert(ServerOf(bytes));
      client.stream->FinishWriting();
      world->net.RunUntilIdle(std::chrono::seconds(1));
    }
    EXPECT_EQ(servers.size(), 1u) << call;
    EXPECT_FALSE(servers.contains(0));
    all.insert(servers.begin(), servers.end());
  }
  EXPECT_GT(all.size(), 1u);
}

TEST_F(TcpKeys, WhatHasNoCallIdGoesOnWithoutOne) {
  Start("sip-call-id");
  Peer& client = world->Connect("192.0.2.1", "10.0.0.1:5060");
  const std::string bytes = "not SIP at all\r\n";
  EXPECT_EQ(world->Ask(client, bytes), ".");
  EXPECT_NE(ServerOf(bytes), 0u);
}

TEST_F(TcpKeys, WhoSaysTooLittleIsCutOff) {
  Start("sip-call-id");
  Peer& client = world->Connect("192.0.2.1", "10.0.0.1:5060");
  client.stream->Write("INVITE sip:b SIP/2.0\r\n");
  world->net.RunFor(std::chrono::seconds(4));
  EXPECT_FALSE(client.closed());
  world->net.RunFor(std::chrono::seconds(2));
  EXPECT_TRUE(client.closed());
  EXPECT_EQ(
      MetricMap(world->metrics)["meridian_failures_total{listener=sip,reason=header-timeout}"], 1);
  EXPECT_EQ(world->workers[0]->clients(), 0u);
}

TEST_F(TcpKeys, MayBeARangeOfBytes) {
  Start("bytes:2-3");
  std::set<size_t> all;
  for (int key = 10; key < 40; ++key) {
    std::set<size_t> servers;
    for (const char* around : {"ab", "cd"}) {
      const std::string bytes = around + std::to_string(key) + around;
      world->Ask(world->Connect("192.0.2.1", "10.0.0.1:5060"), bytes);
      servers.insert(ServerOf(bytes));
    }
    EXPECT_EQ(servers.size(), 1u) << key;
    all.insert(servers.begin(), servers.end());
  }
  EXPECT_EQ(all, (std::set<size_t>{1, 2, 3}));
}

}  // namespace
}  // namespace meridian::fakes
