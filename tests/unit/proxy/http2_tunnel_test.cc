// WebSockets to HTTP/2 backends (RFC 8441) through a whole worker in memory, for clients of either
// version: how they are opened, what passes, how they end, and what if the server takes none.
#include <gtest/gtest.h>

#include "testing/http2_client.h"
#include "testing/http2_server.h"

namespace meridian::fakes {
namespace {

using std::chrono::seconds;

constexpr std::string_view kConfig = R"(
process: {state_directory: /nonexistent}
geo: {default: {latitude: 33, longitude: -84, country: US, continent: NA}}
regions:
  east: {sites: {atlanta: {latitude: 33.7, longitude: -84.4, services: {web: ["10.1.0.1:80"]}}}}
  west: {sites: {dallas: {latitude: 32.8, longitude: -96.8, services: {web: ["10.2.0.1:80"]}}}}
services:
  web:
    backend: {protocol: http2}
    timeouts: {connect: 2s, race_after: 1s, response: 10s, idle: 20s}
listeners:
  http: {bind: "10.0.0.1:80", protocol: http, service: web}
admin: {socket: /nonexistent/admin.sock}
)";

// The key and what answers it are RFC 6455's own (section 1.3).
constexpr std::string_view kOpening =
    "GET /chat HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
constexpr std::string_view kOpened =
    "HTTP/1.1 101 Switching Protocols\r\nsec-websocket-protocol: chat\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
    "Connection: upgrade\r\nUpgrade: websocket\r\n\r\n";
// SETTINGS without a word: no extended CONNECT.
constexpr std::string_view kEmptySettings{"\0\0\0\4\0\0\0\0\0", 9};

struct Http2Tunnel : testing::Test {
  Http2Tunnel() : world(kConfig), server(world.Serve("10.1.0.1:80", atlanta.script())) {
    atlanta.on_head = [](Http2Server::Request& request) {
      request.Head(200, {{"sec-websocket-protocol", "chat"}, {"sec-websocket-accept", "no"}});
    };
  }

  void Settle() { world.net.RunFor(seconds(1)); }
  Peer& Open(std::string_view opening = kOpening) {
    Peer& client = world.Connect("192.0.2.1", "10.0.0.1:80");
    client.stream->Write(opening);
    Settle();
    return client;
  }
  static Http2Peer::Answer& Open(Http2Peer& client) {
    return client.Raw({{":method", "CONNECT"},
                       {":protocol", "websocket"},
                       {":scheme", "http"},
                       {":authority", "a.test"},
                       {":path", "/chat"}},
                      false);
  }
  double Failures(const std::string& reason) {
    return MetricMap(world.metrics)["meridian_failures_total{listener=http,reason=" + reason + "}"];
  }

  World world;
  Http2Server atlanta, dallas;
  Server& server;
};

TEST_F(Http2Tunnel, AnHttp11ClientsUpgradeIsAnExtendedConnect) {
  Peer& client = Open();
  EXPECT_EQ(client.received, kOpened);
  const std::string& log = atlanta.last().log;  // told as what it would be over HTTP/1.1
  EXPECT_TRUE(log.starts_with("GET a.test/chat sec-websocket-version=13 ")) << log;
  EXPECT_EQ(log.find("dGhlIHNhbXBsZSBub25jZQ=="), std::string::npos) << log;
  client.received.clear();
  client.stream->Write("hello");
  atlanta.last().Body("there");
  Settle();
  EXPECT_EQ(client.received, "there");
  EXPECT_TRUE(atlanta.last().log.ends_with("\nhello")) << atlanta.last().log;
}

TEST_F(Http2Tunnel, WhatTheClientSaidTooEarlyWaits) {
  Open(std::string(kOpening) + "early");
  EXPECT_TRUE(atlanta.last().log.ends_with("\nearly")) << atlanta.last().log;
}

TEST_F(Http2Tunnel, TheServerEndsFirst) {
  Peer& client = Open();
  atlanta.last().Body("bye", true);
  Settle();
  EXPECT_TRUE(client.received.ends_with("\r\n\r\nbye"));
  EXPECT_TRUE(client.ended);
  client.stream->Write("and you");
  client.stream->FinishWriting();
  Settle();
  EXPECT_TRUE(atlanta.last().log.ends_with("\nand youend\n")) << atlanta.last().log;
  EXPECT_EQ(world.metrics.active(), 0u);
  EXPECT_FALSE(server.peers[0]->closed());
}

TEST_F(Http2Tunnel, TheClientEndsFirst) {
  Peer& client = Open();
  client.stream->Write("bye");
  client.stream->FinishWriting();
  Settle();
  EXPECT_TRUE(atlanta.last().log.ends_with("\nbyeend\n")) << atlanta.last().log;
  EXPECT_FALSE(client.ended);
  atlanta.last().Body("and you", true);
  Settle();
  EXPECT_TRUE(client.received.ends_with("and you"));
  EXPECT_TRUE(client.ended);
  EXPECT_EQ(world.metrics.active(), 0u);
}

TEST_F(Http2Tunnel, OneThatIsOverAtOnce) {
  atlanta.on_head = [](Http2Server::Request& request) { request.Head(200, {}, true); };
  Peer& client = Open();
  EXPECT_TRUE(client.received.starts_with("HTTP/1.1 101 ")) << client.received;
  EXPECT_TRUE(client.ended);
}

TEST_F(Http2Tunnel, AResetEndsTheClient) {
  Peer& client = Open();
  atlanta.last().Reset(codec::Http2Code::kInternalError);
  Settle();
  EXPECT_TRUE(client.closed());
  EXPECT_EQ(Failures("backend-reset"), 1);
  EXPECT_EQ(world.metrics.active(), 0u);
}

TEST_F(Http2Tunnel, AClientThatVanishesResetsTheStreamAlone) {
  Peer& client = Open();
  client.stream->Reset();
  Settle();
  EXPECT_TRUE(atlanta.last().log.ends_with("closed 8\n")) << atlanta.last().log;
  EXPECT_FALSE(server.peers[0]->closed());
}

TEST_F(Http2Tunnel, ARefusalIsTheClientsAnswer) {
  atlanta.on_head = [](Http2Server::Request& request) {
    request.Head(403, {{"content-length", "2"}});
    request.Body("no", true);
  };
  const std::string answer = Open().received;
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 403 ")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\nno")) << answer;
}

TEST_F(Http2Tunnel, TunnelsAndRequestsShareAConnection) {
  Http2Peer client(world.Connect("192.0.2.1", "10.0.0.1:80"));
  auto& first = Open(client);
  Settle();
  auto& second = Open(client);
  atlanta.on_request = [](Http2Server::Request& request) { request.Answer("ok"); };
  Settle();
  auto& request = client.Get("/x");
  Settle();
  EXPECT_EQ(first.log, "200 sec-websocket-protocol=chat\n");
  EXPECT_EQ(second.log, first.log);
  EXPECT_TRUE(request.log.ends_with("\nok\nend\n")) << request.log;
  EXPECT_EQ(server.peers.size(), 1u);
  atlanta.on_request = nullptr;
  client.SendBody(first, "x", true);
  Settle();
  EXPECT_TRUE(atlanta.requests.front().log.ends_with("\nxend\n")) << atlanta.requests.front().log;
  atlanta.requests.front().Body("y", true);
  Settle();
  EXPECT_EQ(first.log, "200 sec-websocket-protocol=chat\ny\nend\n");
  EXPECT_FALSE(second.ended);
}

TEST_F(Http2Tunnel, WhatTheServerDoesNotReadHoldsTheClientBack) {
  atlanta.consumes = false;
  Peer& client = Open();
  const std::string megabyte(1 << 20, 'x');
  for (int i = 0; i < 8; ++i) client.stream->Write(megabyte);
  Settle();
  EXPECT_GT(client.stream->pending_bytes(), 6u << 20);
  EXPECT_LE(atlanta.last().body_bytes, 1u << 20);
}

TEST_F(Http2Tunnel, WhatTheClientDoesNotReadHoldsTheServerBack) {
  Peer& client = Open();
  client.stream->StopReading();
  atlanta.last().Body(std::string(8 << 20, 'x'));
  Settle();
  EXPECT_GT(atlanta.last().pending_bytes(), 6u << 20);
  client.stream->StartReading();
  Settle();
  EXPECT_EQ(client.received.size(), kOpened.size() + (8 << 20));
}

TEST_F(Http2Tunnel, AServerThatTakesNoneIsNotAsked) {
  server.peers.clear();
  world.Serve("10.2.0.1:80", [](Peer& peer) {
    if (!peer.received.empty()) peer.stream->Write(kEmptySettings);
    peer.received.clear();
  });
  server.Close();
  const std::string answer = Open().received;
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 501 ")) << answer;
  EXPECT_NE(answer.find("Meridian-Reason: unsupported"), std::string::npos) << answer;
}

TEST_F(Http2Tunnel, AnotherProtocolIsRefused) {
  const std::string answer =
      Open("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: irc\r\n\r\n").received;
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 501 ")) << answer;
}

// What a server takes is not known before its SETTINGS; one that never sends them is as good as
// dead.
TEST_F(Http2Tunnel, SettingsThatDoNotComeAreRaced) {
  server.Close();
  Server& silent = world.Serve("10.1.0.2:80", [](Peer&) {});
  world.Load(std::string(kConfig).replace(kConfig.find("10.1.0.1"), 8, "10.1.0.2"));
  dallas.on_head = atlanta.on_head;
  world.Serve("10.2.0.1:80", dallas.script());
  Peer& client = world.Connect("192.0.2.1", "10.0.0.1:80");
  client.stream->Write(kOpening);
  world.net.RunFor(seconds(2));
  EXPECT_EQ(client.received, kOpened);
  EXPECT_EQ(silent.peers.size(), 1u);
}

}  // namespace
}  // namespace meridian::fakes
