// The PROXY header that a tcp session's backend gets: one for each connect, before anything else.
#include <gtest/gtest.h>
#include <meridian/codec/proxy_header.h>

#include "testing/world.h"

namespace meridian::fakes {
namespace {

constexpr std::string_view kConfig = R"(
geo: {default: {latitude: 33, longitude: -84, country: US, continent: NA}}
regions:
  east: {sites: {atlanta: {latitude: 33.7, longitude: -84.4, services: {v1: ["10.1.0.1:1"], v2: ["10.1.0.1:2"]}}}}
  south: {sites: {dallas: {latitude: 32.8, longitude: -96.8, services: {v1: ["10.2.0.1:1"], v2: ["10.2.0.1:2"]}}}}
services:
  v1: {health_check: port, backend: {proxy_protocol: v1}}
  v2: {health_check: port, backend: {proxy_protocol: v2}}
health_checks: {port: {type: none}}
listeners:
  one: {bind: "10.0.0.1:1", protocol: tcp, service: v1}
  two: {bind: "10.0.0.1:2", protocol: tcp, service: v2}
  behind:
    bind: "10.0.0.1:3"
    protocol: tcp
    service: v1
    proxy_protocol: require
    trusted_proxies: [192.0.2.0/24]
admin: {socket: /nonexistent/admin.sock}
)";

struct TcpAnnounce : testing::Test {
  TcpAnnounce() : world(kConfig) {
    for (const char* at : {"10.1.0.1:1", "10.1.0.1:2", "10.2.0.1:1", "10.2.0.1:2"})
      servers[at] = &world.Serve(at, [](Peer& peer) {
        if (peer.received.ends_with("hello")) peer.stream->Write("ok");
      });
  }
  std::string ReceivedBy(const std::string& server) { return servers[server]->peers[0]->received; }

  World world;
  std::map<std::string, Server*> servers;
};

TEST_F(TcpAnnounce, Version1NamesTheClientBeforeItsBytes) {
  Peer& client = world.Connect("192.0.2.1", "10.0.0.1:1");
  const std::string port = std::to_string(client.stream->local().port());
  EXPECT_EQ(world.Ask(client, "hello"), "ok");
  EXPECT_EQ(ReceivedBy("10.1.0.1:1"), "PROXY TCP4 192.0.2.1 10.0.0.1 " + port + " 1\r\nhello");
}

TEST_F(TcpAnnounce, Version2NamesTheSiteAndTheConnection) {
  EXPECT_EQ(world.Ask(world.Connect("192.0.2.1", "10.0.0.1:2"), "hello"), "ok");
  const std::string received = ReceivedBy("10.1.0.1:2");
  const auto header = codec::ParseProxyHeader(received);
  ASSERT_TRUE(header.has_value()) << header.error().context;
  EXPECT_EQ(header->source.ip().ToString(), "192.0.2.1");
  EXPECT_EQ(header->destination.ToString(), "10.0.0.1:2");
  EXPECT_EQ(header->tlvs.size(), 3 + 32 + 3 + std::string_view("atlanta").size() + 7u);
  EXPECT_NE(header->tlvs.find("atlanta"), std::string_view::npos);
  EXPECT_EQ(received.substr(header->consumed), "hello");
}

TEST_F(TcpAnnounce, TheNextCandidateIsToldToo) {
  servers["10.1.0.1:1"]->Close();
  EXPECT_EQ(world.Ask(world.Connect("192.0.2.1", "10.0.0.1:1"), "hello"), "ok");
  EXPECT_TRUE(ReceivedBy("10.2.0.1:1").starts_with("PROXY TCP4 192.0.2.1 10.0.0.1 "));
}

TEST_F(TcpAnnounce, WhatTheProxyBeforeUsSaidIsPassedOn) {
  Peer& client = world.Connect("192.0.2.1", "10.0.0.1:3");
  EXPECT_EQ(world.Ask(client, "PROXY TCP4 203.0.113.5 198.51.100.7 999 443\r\nhello"), "ok");
  EXPECT_EQ(ReceivedBy("10.1.0.1:1"), "PROXY TCP4 203.0.113.5 198.51.100.7 999 443\r\nhello");
}

}  // namespace
}  // namespace meridian::fakes
