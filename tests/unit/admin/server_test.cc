// The admin server as a peer sees it: HTTP, bounds and rights, over the in-memory net.
#include <meridian/admin/server.h>

#include <gtest/gtest.h>

#include "fake_control.h"
#include "http_client.h"

namespace meridian::admin {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct ServerTest : public ::testing::Test {
  ServerTest() {
    server = std::make_unique<Server>(loop, control);
    EXPECT_TRUE(server->Listen({.address = socket, .token = {}, .trusted = true}));
    EXPECT_TRUE(server->Listen({.address = tcp, .token = "s3cret", .trusted = false}));
  }
  HttpClient Connect() { return HttpClient(net, loop, socket); }

  const net::Address socket = *net::Address::Parse("10.9.0.1:1");
  const net::Address tcp = *net::Address::Parse("10.9.0.1:9900");
  fakes::MemoryNet net;
  fakes::MemoryLoop& loop = net.AddLoop(net::IpAddress::V4(0x0a090001));
  FakeControl control;
  std::unique_ptr<Server> server;
};

TEST_F(ServerTest, ConnectionServesRequestAfterRequest) {
  HttpClient client = Connect();
  for (int i = 0; i < 5; ++i) {
    const std::string answer = client.Get("/healthz");
    EXPECT_EQ(StatusOf(answer), 200);
    EXPECT_EQ(BodyOf(answer), "ok\n");
  }
  EXPECT_FALSE(client.ended);
}

TEST_F(ServerTest, PipelinedRequestsAreAnsweredInOrder) {
  HttpClient client = Connect();
  client.Send(
      "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /none HTTP/1.1\r\nHost: a\r\n\r\n"
      "GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n");
  const size_t first = client.received.find("200 OK"), second = client.received.find("404"),
               third = client.received.find("serving");
  EXPECT_LT(first, second);
  EXPECT_LT(second, third);
  EXPECT_NE(third, std::string::npos);
}

TEST_F(ServerTest, RequestIsTheSameHoweverItsBytesAreSplit) {
  const std::string request =
      "POST /v1/drain HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      "b\r\n{\"target\":\"\r\n8\r\ndallas\"}\r\n0\r\n\r\n";
  for (size_t split = 1; split < request.size(); ++split) {
    HttpClient client = Connect();
    client.Send(request.substr(0, split));
    client.Send(request.substr(split));
    ASSERT_EQ(StatusOf(client.received), 200) << split << client.received;
  }
}

TEST_F(ServerTest, HeadGetsNoBody) {
  HttpClient client = Connect();
  EXPECT_EQ(StatusOf(client.Do("HEAD", "/v1/status")), 200);
  EXPECT_EQ(BodyOf(client.received), "");
  EXPECT_EQ(StatusOf(client.Get("/healthz")), 200);
}

TEST_F(ServerTest, ConnectionCloseIsHonoured) {
  HttpClient client = Connect();
  const std::string answer = client.Get("/healthz", "Connection: close\r\n");
  EXPECT_NE(answer.find("Connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(client.ended);
}

TEST_F(ServerTest, WhatIsNotStrictHttpIsRefusedAndClosed) {
  for (const char* request :
       {"GET /healthz HTTP/1.1\nHost: a\n\n", "nonsense\r\n\r\n",
        "POST /v1/stop HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: "
        "chunked\r\n\r\n0\r\n\r\n",
        "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n"}) {
    HttpClient client = Connect();
    client.Send(request);
    EXPECT_EQ(StatusOf(client.received), 400) << request;
    EXPECT_TRUE(client.ended) << request;
  }
  EXPECT_TRUE(control.stops.empty());
}

TEST_F(ServerTest, HeadAndBodyAreBounded) {
  HttpClient head = Connect();
  head.Send("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(20'000, 'x'));
  EXPECT_EQ(StatusOf(head.received), 431);
  HttpClient body = Connect();
  body.Send("POST /v1/drain HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n");
  EXPECT_EQ(StatusOf(body.received), 413);
  HttpClient chunked = Connect();
  chunked.Send("POST /v1/drain HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 60; ++i) chunked.Send("400\r\n" + std::string(1024, ' ') + "\r\n");
  EXPECT_EQ(StatusOf(chunked.received), 413);
}

TEST_F(ServerTest, SlowRequestIsTimedOutAndIdleConnectionClosed) {
  HttpClient slow = Connect();
  HttpClient idle = Connect();
  slow.Send("GET /healthz HT");
  for (int i = 0; i < 9; ++i) {
    slow.Send("");
    net.RunFor(seconds(1));
  }
  EXPECT_EQ(slow.received, "");
  net.RunFor(seconds(2));
  EXPECT_EQ(StatusOf(slow.received), 408);
  EXPECT_FALSE(idle.ended);
  net.RunFor(seconds(70));
  EXPECT_TRUE(idle.ended);
}

TEST_F(ServerTest, ConnectionsPastTheBoundWaitTheirTurn) {
  std::vector<std::unique_ptr<HttpClient>> clients;
  for (int i = 0; i < 300; ++i) clients.push_back(std::make_unique<HttpClient>(net, loop, tcp));
  clients[299]->Send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(clients[299]->received, "");
  HttpClient other = Connect();  // the other listener is not concerned
  EXPECT_EQ(StatusOf(other.Get("/healthz")), 200);
  for (int i = 0; i < 100; ++i) clients[static_cast<size_t>(i)].reset();
  net.RunFor(milliseconds(50));
  EXPECT_EQ(StatusOf(clients[299]->received), 200);
}

TEST_F(ServerTest, EventsFollowAsTheyHappen) {
  control.Happen("before");
  const std::string known = std::to_string(control.events().last());
  HttpClient now = Connect(), again = Connect();
  now.Send("GET /v1/events HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_NE(now.received.find("Content-Type: text/event-stream\r\n"), std::string::npos);
  EXPECT_TRUE(now.received.ends_with("\r\n\r\n")) << now.received;
  control.Happen("missed");
  again.Send("GET /v1/events HTTP/1.1\r\nHost: a\r\nLast-Event-ID: " + known + "\r\n\r\n");
  control.Happen("last");
  net.RunFor(milliseconds(10));
  for (const HttpClient* client : {&now, &again}) {
    EXPECT_EQ(client->received.find("before"), std::string::npos);
    const size_t missed = client->received.find("\"text\":\"missed\"}\n\nid: ");
    EXPECT_NE(missed, std::string::npos) << client->received;
    EXPECT_TRUE(client->received.ends_with("\"text\":\"last\"}\n\n")) << client->received;
  }
  net.RunFor(seconds(20));
  EXPECT_TRUE(now.received.ends_with("\n\n:\n\n")) << now.received;
  EXPECT_FALSE(now.ended);
}

TEST_F(ServerTest, WhoHasMissedTooMuchIsTold) {
  for (int i = 0; i < 1100; ++i) control.Happen("x");
  HttpClient client = Connect();
  client.Send("GET /v1/events?since=1 HTTP/1.1\r\nHost: a\r\n\r\n");
  net.RunFor(milliseconds(10));
  EXPECT_NE(client.received.find("\r\n\r\nevent: gap\ndata: {\"after\":1,"), std::string::npos);
}

TEST_F(ServerTest, WhoLeavesEventsUnreadIsLetGo) {
  HttpClient client = Connect();
  client.Send("GET /v1/events HTTP/1.1\r\nHost: a\r\n\r\n");
  client.Pause();
  const std::string text(10'000, 'x');
  for (int i = 0; i < 1000; ++i) control.Happen(text);
  client.Resume();
  net.RunFor(seconds(1));
  EXPECT_TRUE(client.broken);
  EXPECT_EQ(StatusOf(Connect().Get("/healthz")), 200);
}

TEST_F(ServerTest, ReloadIsAnsweredWhenItIsDone) {
  HttpClient client = Connect();
  EXPECT_EQ(client.Do("POST", "/v1/reload?force=true"), "");
  ASSERT_TRUE(control.reloading);
  EXPECT_TRUE(control.forced);
  HttpClient other = Connect();
  EXPECT_EQ(StatusOf(other.Get("/healthz")), 200);
  control.reloading({.accepted = true, .generation = 13, .diagnostics = {}, .errors = {}});
  net.RunFor(milliseconds(10));
  EXPECT_EQ(StatusOf(client.received), 200);
  EXPECT_EQ(BodyOf(client.received),
            "{\"accepted\":true,\"generation\":13,\"diagnostics\":[],\"errors\":[]}\n");
}

TEST_F(ServerTest, RefusedReloadIsAConflictWithItsDiagnostics) {
  HttpClient client = Connect();
  client.Do("POST", "/v1/reload");
  config::Diagnostic diagnostic;
  diagnostic.file = "a.yaml";
  diagnostic.line = 3;
  diagnostic.column = 1;
  diagnostic.message = "no";
  control.reloading(
      {.accepted = false, .generation = 12, .diagnostics = {diagnostic}, .errors = {}});
  net.RunFor(milliseconds(10));
  EXPECT_EQ(StatusOf(client.received), 409);
  EXPECT_NE(client.received.find("\"line\":3"), std::string::npos);
  EXPECT_NE(client.received.find("\"code\":\"reload-refused\""), std::string::npos);
}

TEST_F(ServerTest, AnswerForAClientOrServerThatIsGoneIsDropped) {
  HttpClient client = Connect();
  client.Do("POST", "/v1/reload");
  client.Close();
  net.RunFor(milliseconds(50));
  const auto first = control.reloading;
  HttpClient second = Connect();
  second.Do("POST", "/v1/reload");
  first({});
  server.reset();
  control.reloading({});
  net.RunFor(milliseconds(50));
  EXPECT_EQ(second.received, "");
}

TEST_F(ServerTest, StopIsAnsweredBeforeItIsDone) {
  HttpClient client = Connect();
  EXPECT_EQ(StatusOf(client.Do("POST", "/v1/stop?now=true")), 202);
  EXPECT_EQ(control.stops, std::vector<bool>{true});
}

TEST_F(ServerTest, ChangesOverTcpNeedTheToken) {
  HttpClient client(net, loop, tcp);
  EXPECT_EQ(StatusOf(client.Get("/v1/status")), 200);
  const std::string refused = client.Do("POST", "/v1/stop");
  EXPECT_EQ(StatusOf(refused), 401);
  EXPECT_NE(refused.find("WWW-Authenticate: Bearer\r\n"), std::string::npos);
  EXPECT_EQ(StatusOf(client.Do("POST", "/v1/stop", "Authorization: Bearer wrong\r\n")), 401);
  EXPECT_TRUE(control.stops.empty());
  EXPECT_EQ(StatusOf(client.Do("POST", "/v1/stop",
                               "Authorization: Bearer s3cret\r\nOrigin: http://a\r\n")),
            403);
  EXPECT_TRUE(control.stops.empty());
  EXPECT_EQ(StatusOf(client.Do("POST", "/v1/stop", "Authorization: Bearer s3cret\r\n")), 202);
  EXPECT_EQ(control.stops.size(), 1u);
}

TEST_F(ServerTest, CountsWhatItAnswers) {
  HttpClient client = Connect();
  client.Get("/healthz");
  client.Get("/none");
  const std::string metrics = client.Get("/metrics");
  EXPECT_NE(metrics.find("\nmeridian_admin_requests_total{code=\"2xx\"} 1\n"), std::string::npos);
  EXPECT_NE(metrics.find("\nmeridian_admin_requests_total{code=\"4xx\"} 1\n"), std::string::npos);
  EXPECT_NE(metrics.find("\nmeridian_admin_connections 1\n"), std::string::npos);
}

}  // namespace
}  // namespace meridian::admin
