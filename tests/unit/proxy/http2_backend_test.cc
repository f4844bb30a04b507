// Requests to HTTP/2 backends through a whole worker in memory: how they share connections, what
// passes of them, and what becomes of them when a connection ends.
#include <gtest/gtest.h>

#include "testing/http2_client.h"
#include "testing/http2_server.h"

namespace meridian::fakes {
namespace {

using std::chrono::milliseconds;
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
  http:
    bind: "10.0.0.1:80"
    protocol: http
    routes: [{host: "*", path: /, service: web}]
admin: {socket: /nonexistent/admin.sock}
)";

constexpr std::string_view kGet = "GET /x?y HTTP/1.1\r\nHost: a.test\r\nX-A: b\r\n\r\n";
constexpr std::string_view kPost =
    "POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n"
    "5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n";

struct Http2Backend : testing::Test {
  Http2Backend() : world(kConfig), server(world.Serve("10.1.0.1:80", atlanta.script())) {
    atlanta.on_request = [](Http2Server::Request& request) { request.Answer("ok"); };
  }

  Http2Peer& Connect() {
    clients.push_back(std::make_unique<Http2Peer>(world.Connect("192.0.2.1", "10.0.0.1:80")));
    return *clients.back();
  }
  void Settle() { world.net.RunUntilIdle(seconds(5)); }
  void ServeDallas() {
    world.Serve("10.2.0.1:80", dallas.script());
    dallas.on_request = [](Http2Server::Request& request) { request.Answer("from dallas"); };
  }
  size_t connections() const { return server.peers.size(); }
  double Failures(const std::string& reason) {
    return MetricMap(world.metrics)["meridian_failures_total{listener=http,reason=" + reason + "}"];
  }

  World world;
  Http2Server atlanta, dallas;
  Server& server;
  std::vector<std::unique_ptr<Http2Peer>> clients;
};

TEST_F(Http2Backend, GetsTheRequestThatHttp11WouldCarry) {
  const std::string answer = world.Ask(kGet);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 \r\ncontent-length: 2\r\n")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\nok")) << answer;
  const std::string& log = atlanta.last().log;
  EXPECT_TRUE(log.starts_with("GET a.test/x?y x-a=b ")) << log;
  EXPECT_TRUE(log.ends_with(" meridian-site=atlanta meridian-reason=nearest\nend\n")) << log;
  for (const char* field : {" x-forwarded-for=192.0.2.1 ", " x-forwarded-proto=http ",
                            " x-forwarded-host=a.test ", " traceparent=", " x-request-id="})
    EXPECT_NE(log.find(field), std::string::npos) << field << " in " << log;
}

TEST_F(Http2Backend, BodyAndTrailersPassFromHttp11AndBack) {
  atlanta.on_request = [](Http2Server::Request& request) {
    request.Head(200);
    request.Body("ok", true, {{"x-status", "good"}, {"set-cookie", "no"}});
  };
  const std::string answer = world.Ask(kPost);
  EXPECT_TRUE(answer.ends_with("\r\n\r\n2\r\nok\r\n0\r\nx-status: good\r\n\r\n")) << answer;
  EXPECT_TRUE(atlanta.last().log.ends_with("\nhelloend x-sum=1\n")) << atlanta.last().log;
}

TEST_F(Http2Backend, EmptyAnswersEndForAnHttp11Client) {
  Peer& client = world.Connect("192.0.2.1", "10.0.0.1:80");
  const auto ask = [&](std::string_view method, uint16_t status,
                       Http2Server::Request::Fields fields) {
    atlanta.on_request = [&](Http2Server::Request& request) { request.Head(status, fields, true); };
    return world.Ask(client, std::string(method) + " / HTTP/1.1\r\nHost: a\r\n\r\n");
  };
  EXPECT_TRUE(ask("GET", 200, {}).ends_with("Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"));
  EXPECT_TRUE(ask("HEAD", 200, {{"content-length", "7"}}).find("content-length: 7") > 0);
  EXPECT_TRUE(ask("GET", 204, {}).ends_with("nearest\r\n\r\n"));
  EXPECT_TRUE(ask("GET", 304, {}).ends_with("nearest\r\n\r\n"));
  EXPECT_TRUE(ask("GET", 200, {{"content-length", "0"}}).ends_with("nearest\r\n\r\n"));
  EXPECT_FALSE(client.closed());
}

TEST_F(Http2Backend, InterimResponsesPass) {
  atlanta.on_request = [](Http2Server::Request& request) {
    request.Head(103, {{"link", "x"}});
    request.Answer("ok");
  };
  EXPECT_TRUE(world.Ask(kGet).starts_with("HTTP/1.1 103 \r\nlink: x\r\n\r\nHTTP/1.1 200 "));
}

TEST_F(Http2Backend, ABurstSharesOneConnection) {
  atlanta.on_request = nullptr;
  Http2Peer& client = Connect();
  for (int i = 0; i < 100; ++i) client.Get("/" + std::to_string(i));
  Settle();
  ASSERT_EQ(atlanta.requests.size(), 100u);
  EXPECT_EQ(connections(), 1u);
  for (auto request = atlanta.requests.rbegin(); request != atlanta.requests.rend(); ++request)
    request->Answer("ok");
  Settle();
  EXPECT_EQ(world.metrics.active(), 0u);
}

TEST_F(Http2Backend, NoMoreStreamsAreOpenedThanItAdmits) {
  atlanta.on_request = nullptr;
  atlanta.limits.streams = 10;
  Http2Peer& client = Connect();
  client.Get("/");
  Settle();  // its SETTINGS are known
  for (int i = 0; i < 44; ++i) client.Get("/");
  Settle();
  EXPECT_EQ(atlanta.requests.size(), 45u);
  EXPECT_GE(connections(), 5u);
  EXPECT_LE(connections(), 6u);
  for (auto& [peer, link] : atlanta.links) EXPECT_LE(link->connection.streams(), 10u);
}

TEST_F(Http2Backend, AUnaryCallOfGrpcPasses) {
  atlanta.on_request = [](Http2Server::Request& request) {
    request.Head(200, {{"content-type", "application/grpc"}});
    request.Body("\x00\x00\x00\x00\x01y", true, {{"grpc-status", "0"}, {"grpc-message", "fine"}});
  };
  Http2Peer& client = Connect();
  auto& answer = client.Post(
      "/pkg.Service/Method", "x",
      {{"te", "trailers"}, {"content-type", "application/grpc"}, {"grpc-timeout", "1S"}});
  Settle();
  EXPECT_TRUE(answer.log.ends_with("end grpc-status=0 grpc-message=fine\n")) << answer.log;
  EXPECT_NE(atlanta.last().log.find(" te=trailers"), std::string::npos) << atlanta.last().log;
  EXPECT_NE(atlanta.last().log.find(" grpc-timeout=1S"), std::string::npos);
}

TEST_F(Http2Backend, TrailersAloneStayOneHead) {
  atlanta.on_request = [](Http2Server::Request& request) {
    request.Head(200, {{"grpc-status", "12"}}, true);
  };
  Http2Peer& client = Connect();
  auto& answer = client.Post("/a/b", "x", {{"te", "trailers"}});
  Settle();
  EXPECT_EQ(answer.log, "200 grpc-status=12 meridian-site=atlanta meridian-reason=nearest\nend\n");
}

TEST_F(Http2Backend, BothDirectionsStreamAtOnce) {
  atlanta.on_head = [](Http2Server::Request& request) { request.Head(200); };
  atlanta.on_request = [](Http2Server::Request& request) {
    request.Body("", true, {{"grpc-status", "0"}});
  };
  Http2Peer& client = Connect();
  auto& answer = client.Post("/a/b", "one", {{"te", "trailers"}}, false);
  Settle();
  EXPECT_TRUE(answer.log.starts_with("200 ")) << answer.log;
  atlanta.last().Body("first ");
  Settle();
  EXPECT_TRUE(answer.log.ends_with("\nfirst "));
  client.SendBody(answer, " two", false);
  Settle();
  EXPECT_TRUE(atlanta.last().log.ends_with("one two"));
  atlanta.last().Body("second");
  Settle();
  client.SendBody(answer, "", true);
  Settle();
  EXPECT_TRUE(answer.log.ends_with("\nfirst second\nend grpc-status=0\n")) << answer.log;
}

TEST_F(Http2Backend, AClientThatGivesUpResetsTheCall) {
  atlanta.on_request = nullptr;
  Http2Peer& client = Connect();
  auto& answer = client.Get("/");
  auto& other = client.Get("/other");
  Settle();
  client.Reset(answer);
  Settle();
  EXPECT_TRUE(atlanta.requests.front().log.ends_with("closed 8\n"));
  atlanta.last().Answer("ok");
  Settle();
  EXPECT_TRUE(other.log.ends_with("ok\nend\n")) << "the others go on";
  EXPECT_EQ(connections(), 1u);
}

TEST_F(Http2Backend, AnEarlyAnswerEndsTheCall) {
  atlanta.on_head = [](Http2Server::Request& request) { request.Answer("enough"); };
  Http2Peer& client = Connect();
  auto& answer = client.Post("/", "part", {}, false);
  Settle();
  EXPECT_TRUE(answer.log.ends_with("enough\nend\n")) << answer.log;
  EXPECT_TRUE(atlanta.last().closed);
  EXPECT_EQ(world.metrics.active(), 0u);
}

TEST_F(Http2Backend, WhatItRefusesIsSentAgain) {
  int refused = 0;
  atlanta.on_request = [&](Http2Server::Request& request) {
    if (refused++ == 0) return request.Reset(codec::Http2Code::kRefusedStream);
    request.Answer("ok");
  };
  EXPECT_TRUE(world.Ask(kPost).ends_with("ok")) << "also what is not idempotent";
  EXPECT_EQ(atlanta.requests.size(), 2u);
}

TEST_F(Http2Backend, AfterGoAwayRequestsTakeANewConnection) {
  std::vector<Http2Server::Request*> waiting;
  atlanta.on_request = [&](Http2Server::Request& request) { waiting.push_back(&request); };
  Http2Peer& client = Connect();
  auto& before = client.Get("/before");
  Settle();
  atlanta.links.begin()->second->connection.BeginShutdown();
  atlanta.links.begin()->second->Flush();
  Settle();
  auto& after = client.Get("/after");
  Settle();
  EXPECT_EQ(connections(), 2u);
  ASSERT_EQ(waiting.size(), 2u);
  for (auto* request : waiting) request->Answer("ok");
  Settle();
  EXPECT_TRUE(before.log.ends_with("ok\nend\n"));
  EXPECT_TRUE(after.log.ends_with("ok\nend\n"));
  EXPECT_TRUE(server.peers[0]->closed());
}

TEST_F(Http2Backend, AConnectionThatBreaksMovesWhatMayMove) {
  ServeDallas();
  atlanta.on_request = nullptr;
  atlanta.on_head = [](Http2Server::Request& request) { request.Head(200); };
  Http2Peer& client = Connect();
  auto& get = client.Get("/");
  auto& begun = client.Post("/", "x", {}, false);
  Settle();
  server.peers[0]->stream->Reset();
  Settle();
  EXPECT_TRUE(get.log.ends_with("from dallas\nend\n")) << get.log;
  EXPECT_TRUE(begun.log.ends_with("closed 2\n")) << begun.log;
  EXPECT_EQ(Failures("backend-reset"), 1);
}

TEST_F(Http2Backend, WhenItCannotBeReachedAllWhoWaitGoElsewhere) {
  ServeDallas();
  world.net.Refuse(At("10.1.0.1:80"));
  Http2Peer& client = Connect();
  std::vector<Http2Peer::Answer*> answers;
  for (int i = 0; i < 20; ++i) answers.push_back(&client.Get("/"));
  Settle();
  for (auto* answer : answers)
    EXPECT_TRUE(answer->log.ends_with("from dallas\nend\n")) << answer->log;
  EXPECT_EQ(dallas.links.size(), 1u);
}

TEST_F(Http2Backend, WhoWaitsTakesOverWhenTheFirstLeaves) {
  world.net.BlackHole(At("10.1.0.1:80"));
  Http2Peer& first = Connect();
  Http2Peer& second = Connect();
  first.Get("/");
  auto& answer = second.Get("/");
  world.net.RunFor(milliseconds(20));
  world.net.Heal(At("10.1.0.1:80"));
  first.peer().stream->Reset();
  world.net.RunFor(seconds(2));
  EXPECT_TRUE(answer.log.ends_with("ok\nend\n")) << answer.log;
}

TEST_F(Http2Backend, ASlowReaderHoldsABoundedBuffer) {
  constexpr size_t kBody = 32 * 1024 * 1024;
  atlanta.on_request = [](Http2Server::Request& request) { request.Head(200); };
  Http2Peer& client = Connect();
  client.consumes = false;
  auto& answer = client.Get("/");
  Settle();
  const std::string chunk(64 * 1024, 'x');
  size_t sent = 0, most = 0;
  Http2Server::Request& request = atlanta.last();
  for (size_t steps = 0; answer.body_bytes < kBody && steps < 100'000; ++steps) {
    if (sent < kBody && request.pending_bytes() == 0 &&
        request.link->peer.stream->pending_bytes() == 0) {
      sent += chunk.size();
      request.Body(chunk, sent == kBody);
    }
    world.net.RunFor(milliseconds(1));
    most = std::max(most, sent - answer.body_bytes);
    if (steps % 4 == 0) client.Consume(answer);
  }
  EXPECT_EQ(answer.body_bytes, kBody);
  EXPECT_LE(most, 1024u * 1024);
}

TEST_F(Http2Backend, ASlowBackendHoldsABoundedBuffer) {
  atlanta.consumes = false;
  atlanta.on_request = nullptr;
  Http2Peer& client = Connect();
  auto& answer = client.Post("/", std::string(4 * 1024 * 1024, 'x'), {});
  auto& other = client.Get("/other");
  world.net.RunFor(seconds(2));
  EXPECT_GE(client.pending_bytes(answer), 3u * 1024 * 1024) << "more than that has left the client";
  ASSERT_EQ(atlanta.requests.size(), 2u);
  atlanta.last().Answer("ok");
  Settle();
  EXPECT_TRUE(other.log.ends_with("ok\nend\n")) << "one that is stuck does not stop the others";
  atlanta.consumes = true;
  Http2Server::Request& request = atlanta.requests.front();
  for (int i = 0; i < 10'000 && !request.ended; ++i) {
    request.link->connection.Consumed(request);
    request.link->Flush();
    world.net.RunFor(milliseconds(1));
  }
  EXPECT_EQ(request.body_bytes, 4u * 1024 * 1024);
}

TEST_F(Http2Backend, NoAnswerInTimeIsTriedElsewhereOnANewConnection) {
  ServeDallas();
  atlanta.on_request = nullptr;
  world.Load(std::string(kConfig).replace(kConfig.find("response: 10s"), 13, "response: 1s"));
  Http2Peer& client = Connect();
  auto& answer = client.Get("/");
  world.net.RunFor(seconds(3));
  EXPECT_TRUE(answer.log.ends_with("from dallas\nend\n")) << answer.log;
  EXPECT_TRUE(atlanta.last().log.ends_with("closed 8\n")) << atlanta.last().log;
}

TEST_F(Http2Backend, AnIdleConnectionIsClosedWithGoodbye) {
  world.Ask(kGet);
  EXPECT_FALSE(server.peers[0]->closed());
  world.net.RunFor(seconds(25));
  EXPECT_TRUE(server.peers[0]->closed());
}

}  // namespace
}  // namespace meridian::fakes
