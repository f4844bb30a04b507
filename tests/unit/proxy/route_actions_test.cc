// What routes do, through a whole worker in memory: the backend's bytes after rewrites and header
// changes, the client's after redirects and fixed responses, bounds of a route's own.
#include <gtest/gtest.h>

#include "testing/world.h"

namespace meridian::fakes {
namespace {

std::string Config(const std::string& routes) {
  return R"(
process: {state_directory: /nonexistent}
geo: {default: {latitude: 33, longitude: -84, country: US, continent: NA}}
regions:
  east: {sites: {atlanta: {latitude: 33.7, longitude: -84.4, services: {web: ["10.1.0.1:80", "10.1.0.2:80"]}}}}
services:
  web: {balance: round-robin, session: {by: cookie}, timeouts: {response: 10s}}
listeners:
  http:
    bind: "10.0.0.1:80"
    routes:
)" + routes +
         R"(
admin: {socket: /nonexistent/admin.sock}
)";
}

constexpr std::string_view kOk =
    "HTTP/1.1 200 OK\r\nServer: secret\r\nX-Old: 1\r\nx-old: 2\r\nContent-Length: 2\r\n\r\nok";

class RouteActions : public testing::Test {
 protected:
  void Start(const std::string& routes, std::string_view answer = kOk) {
    world_ = std::make_unique<World>(Config(routes));
    for (const char* at : {"10.1.0.1:80", "10.1.0.2:80"}) {
      servers_.push_back(&world_->Serve(at, Answer(std::string(answer))));
    }
  }
  std::string Ask(const std::string& request) { return world_->Ask(request); }
  std::string Get(const std::string& target, const std::string& fields = "") {
    return Ask("GET " + target + " HTTP/1.1\r\nHost: a.test:81\r\n" + fields + "\r\n");
  }
  std::string Received() const { return servers_[0]->received() + servers_[1]->received(); }
  bool Has(const std::string& line) const {
    return Received().find(line + "\r\n") != std::string::npos;
  }
  double Answers(const std::string& code) {
    return MetricMap(
        world_->metrics)["meridian_route_answers_total{listener=http,code=" + code + "}"];
  }

  std::unique_ptr<World> world_;
  std::vector<Server*> servers_;
};

TEST_F(RouteActions, RewriteThePrefixAndKeepTheQuery) {
  Start(
      "      - {path: /api, service: web, rewrite: {prefix: /v2}}\n"
      "      - {path: {exact: /one/}, service: web, rewrite: {prefix: /two}}\n"
      "      - {service: web, rewrite: {prefix: /all}}");
  for (const auto& [asked, got] :
       std::vector<std::pair<std::string, std::string>>{{"/api", "/v2"},
                                                        {"/api/", "/v2/"},
                                                        {"/api/x?y=/api", "/v2/x?y=/api"},
                                                        {"/%61pi/a%2Fb", "/v2/a%2Fb"},
                                                        {"/x/../api/../api/y", "/v2/y"},
                                                        {"/one/?q", "/two?q"},
                                                        {"/", "/all/"},
                                                        {"/?q", "/all/?q"}}) {
    Get(asked);
    EXPECT_TRUE(Has("GET " + got + " HTTP/1.1")) << asked << ": " << Received();
  }
}

TEST_F(RouteActions, RewriteToTheRootLeavesAPath) {
  Start("      - {path: /api, service: web, rewrite: {prefix: /}}");
  Get("/api");
  EXPECT_TRUE(Has("GET / HTTP/1.1")) << Received();
  Get("/api/x");
  EXPECT_TRUE(Has("GET /x HTTP/1.1")) << Received();
  Get("/api?q");
  EXPECT_TRUE(Has("GET /?q HTTP/1.1")) << Received();
}

TEST_F(RouteActions, RewriteTheHostAndTellTheClients) {
  Start("      - {service: web, rewrite: {host: 'app.internal:8080'}}");
  Get("/");
  EXPECT_TRUE(Has("Host: app.internal:8080"));
  EXPECT_TRUE(Has("X-Forwarded-Host: a.test:81"));
  EXPECT_FALSE(Has("\nHost: a.test:81"));
}

TEST_F(RouteActions, ChangeTheRequestsHeaders) {
  Start(
      "      - {service: web, request_headers: {set: {X-Env: prod}, add: {X-Hop: m}, remove: "
      "[Cookie]}}");
  Get("/", "x-env: fake\r\nX-ENV: fake\r\nX-Hop: c\r\nCookie: a=b\r\nX-Keep: k\r\n");
  EXPECT_TRUE(Has("X-Env: prod"));
  EXPECT_TRUE(Has("X-Hop: c"));
  EXPECT_TRUE(Has("X-Hop: m"));
  EXPECT_TRUE(Has("X-Keep: k"));
  EXPECT_EQ(Received().find("fake"), std::string::npos);
  EXPECT_EQ(Received().find("Cookie"), std::string::npos);
}

TEST_F(RouteActions, ChangeTheResponsesHeadersButNotMeridiansOwn) {
  Start(
      "      - {service: web, headers: {set: {X-Old: new}, add: {X-Env: prod}, remove: [Server, "
      "Set-Cookie]}}");
  const std::string answer = Get("/");
  EXPECT_NE(answer.find("\r\nX-Old: new\r\n"), std::string::npos) << answer;
  EXPECT_NE(answer.find("\r\nX-Env: prod\r\n"), std::string::npos);
  EXPECT_EQ(answer.find("x-old"), std::string::npos);
  EXPECT_EQ(answer.find("secret"), std::string::npos);
  EXPECT_NE(answer.find("\r\nSet-Cookie: meridian="), std::string::npos);
  EXPECT_NE(answer.find("\r\nContent-Length: 2\r\n"), std::string::npos);
  EXPECT_TRUE(answer.ends_with("\r\n\r\nok"));
}

TEST_F(RouteActions, RedirectToWhereTheClientIsToAsk) {
  Start(
      "      - {path: /old, redirect: {to: /new, status: 301}}\n"
      "      - {path: /tls, redirect: {to: 'https://{host}{path}'}}\n"
      "      - {redirect: {to: 'https://app.example.com', status: 307}}");
  const std::string moved = Get("/old/x");
  EXPECT_TRUE(moved.starts_with("HTTP/1.1 301 Moved Permanently\r\nLocation: /new\r\n")) << moved;
  EXPECT_NE(moved.find("\r\nContent-Length: 0\r\nMeridian-Reason: redirect\r\n\r\n"),
            std::string::npos)
      << moved;
  EXPECT_NE(Get("/tls?a=b").find("\r\nLocation: https://a.test:81/tls?a=b\r\n"), std::string::npos);
  EXPECT_NE(Get("/x?y").find("\r\nLocation: https://app.example.com/x?y\r\n"), std::string::npos);
  EXPECT_NE(Ask("GET http://b.test/x HTTP/1.1\r\nHost: b.test\r\n\r\n")
                .find("\r\nLocation: https://app.example.com/x\r\n"),
            std::string::npos);
  EXPECT_NE(Ask("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")
                .find("\r\nLocation: https://app.example.com/\r\n"),
            std::string::npos);
  EXPECT_EQ(Received(), "");
  EXPECT_EQ(Answers("3xx"), 5);
}

TEST_F(RouteActions, ARedirectByHostNeedsOne) {
  Start("      - {redirect: {to: 'https://{host}'}}");
  EXPECT_TRUE(Ask("GET / HTTP/1.0\r\n\r\n").starts_with("HTTP/1.1 400 "));
}

TEST_F(RouteActions, AFixedResponseNeedsNoServer) {
  Start(
      "      - {path: /robots.txt, respond: {body: \"User-agent: *\\n\"}, headers: {set: {X-A: "
      "b}}}\n"
      "      - {path: /none, respond: {status: 204}}\n"
      "      - {respond: {status: 403, body: '<p>no', content_type: text/html}}");
  Peer& client = world_->Connect("192.0.2.1", "10.0.0.1:80");
  EXPECT_EQ(world_->Ask(client, "GET /robots.txt HTTP/1.1\r\nHost: a\r\n\r\n"),
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 14\r\nX-A: b\r\n"
            "Meridian-Reason: fixed\r\n\r\nUser-agent: *\n");
  EXPECT_EQ(world_->Ask(client, "HEAD /robots.txt HTTP/1.1\r\nHost: a\r\n\r\n"),
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 14\r\nX-A: b\r\n"
            "Meridian-Reason: fixed\r\n\r\n");
  EXPECT_EQ(world_->Ask(client, "GET /none HTTP/1.1\r\nHost: a\r\n\r\n"),
            "HTTP/1.1 204 No Content\r\nMeridian-Reason: fixed\r\n\r\n");
  // A body that is there already costs the connection nothing.
  const std::string answer =
      world_->Ask(client, "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\n"))
      << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\n<p>no"));
  EXPECT_FALSE(client.closed());
  EXPECT_EQ(Answers("2xx"), 3);
  EXPECT_EQ(Answers("4xx"), 1);
}

TEST_F(RouteActions, AnAnswerBeforeALongBodyEndsTheConnection) {
  Start("      - {respond: {status: 403}}");
  Peer& client = world_->Connect("192.0.2.1", "10.0.0.1:80");
  const std::string head = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n";
  const std::string answer = world_->Ask(client, head + std::string(70000, 'x'));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 403 Forbidden\r\n")) << answer;
  EXPECT_NE(answer.find("\r\nConnection: close\r\n"), std::string::npos);
  EXPECT_TRUE(client.ended);
}

TEST_F(RouteActions, WhoAsksWhetherToSendABodyIsAnsweredAtOnce) {
  Start("      - {respond: {status: 403}}");
  EXPECT_TRUE(
      Ask("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n")
          .starts_with("HTTP/1.1 403 Forbidden\r\n"));
}

TEST_F(RouteActions, ABodyThatDoesNotComeIsNotWaitedForLong) {
  Start("      - {respond: {status: 403}}");
  Peer& client = world_->Connect("192.0.2.1", "10.0.0.1:80");
  client.stream->Write("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc");
  world_->net.RunFor(std::chrono::seconds(11));
  EXPECT_TRUE(client.received.starts_with("HTTP/1.1 403 Forbidden\r\n")) << client.received;
}

TEST_F(RouteActions, ARouteHasBoundsOfItsOwn) {
  Start(
      "      - {path: /fast, service: web, timeouts: {response: 1s}, retries: {attempts: 0}}\n"
      "      - {path: /no503, service: web, retries: {on: [connect, reset]}}\n"
      "      - {service: web}",
      "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
  Get("/no503");
  EXPECT_EQ(servers_[0]->peers.size() + servers_[1]->peers.size(), 1u);  // asked once
  const std::string before = Received();
  Get("/");
  size_t asked = 0;
  for (size_t at = 0; (at = Received().find("GET / ", at)) != std::string::npos; ++at) ++asked;
  EXPECT_EQ(asked, 2u) << Received();
}

TEST_F(RouteActions, ARoutesResponseTimeoutCountsForItsRequestsAlone) {
  world_ = std::make_unique<World>(Config(
      "      - {path: /fast, service: web, timeouts: {response: 1s}, retries: {attempts: 0}}\n"
      "      - {service: web}"));
  for (const char* at : {"10.1.0.1:80", "10.1.0.2:80"}) world_->Serve(at, [](Peer&) {});
  Peer& fast = world_->Connect("192.0.2.1", "10.0.0.1:80");
  Peer& slow = world_->Connect("192.0.2.1", "10.0.0.1:80");
  fast.stream->Write("GET /fast HTTP/1.1\r\nHost: a\r\n\r\n");
  slow.stream->Write("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
  world_->net.RunFor(std::chrono::seconds(2));
  EXPECT_TRUE(fast.received.starts_with("HTTP/1.1 504 ")) << fast.received;
  EXPECT_EQ(slow.received, "");
}

}  // namespace
}  // namespace meridian::fakes
