// Routes through a whole worker in memory: which service a request reaches, and that a session
// stays on its side of a canary.
#include <gtest/gtest.h>

#include "testing/world.h"

namespace meridian::fakes {
namespace {

std::string Config(const std::string& routes, const std::string& session = "{}") {
  return R"(
process: {state_directory: /nonexistent}
geo: {default: {latitude: 33, longitude: -84, country: US, continent: NA}}
regions:
  east: {sites: {atlanta: {latitude: 33.7, longitude: -84.4, services: {web: ["10.1.0.1:80"], next: ["10.1.0.2:80"]}}}}
services:
  web: {session: )" +
         session + "}\n  next: {session: " + session + R"(}
listeners:
  http:
    bind: "10.0.0.1:80"
    routes:
)" + routes +
         R"(
admin: {socket: /nonexistent/admin.sock}
)";
}

class Routes : public testing::Test {
 protected:
  void Start(const std::string& routes, const std::string& session = "{}") {
    world_ = std::make_unique<World>(Config(routes, session));
    for (const auto& [at, name] : {std::pair("10.1.0.1:80", "web"), {"10.1.0.2:80", "next"}}) {
      servers_[name] = &world_->Serve(at, Answer("HTTP/1.1 200 OK\r\nContent-Length: " +
                                                 std::to_string(strlen(name)) + "\r\n\r\n" + name));
    }
  }
  std::string Ask(const std::string& line, const std::string& fields = "",
                  std::string_view from = "203.0.113.5") {
    return world_->Ask(world_->Connect(from, "10.0.0.1:80"),
                       line + " HTTP/1.1\r\nHost: a.test\r\n" + fields + "\r\n");
  }
  static std::string BodyOf(const std::string& answer) {
    return answer.substr(answer.find("\r\n\r\n") + 4);
  }
  std::string Side(const std::string& line, const std::string& fields = "",
                   std::string_view from = "203.0.113.5") {
    return BodyOf(Ask(line, fields, from));
  }

  std::unique_ptr<World> world_;
  std::map<std::string, Server*> servers_;
};

TEST_F(Routes, EachPartOfAMatchDecides) {
  Start(R"(      - {path: {exact: /one}, service: next}
      - {path: {regex: "/v[0-9]+"}, methods: [GET], service: next}
      - {match: {header: {X-Beta: "1"}}, service: next}
      - {match: {query: {beta: "yes"}}, service: next}
      - {service: web})");
  EXPECT_EQ(Side("GET /one"), "next");
  EXPECT_EQ(Side("GET /one/two"), "web");
  EXPECT_EQ(Side("GET /v2"), "next");
  EXPECT_EQ(Side("DELETE /v2"), "web");
  EXPECT_EQ(Side("GET /", "x-beta: 1\r\n"), "next");
  EXPECT_EQ(Side("GET /", "x-beta: 2\r\n"), "web");
  EXPECT_EQ(Side("GET /?a&beta=yes"), "next");
  EXPECT_EQ(Side("GET /?beta=no"), "web");
}

TEST_F(Routes, AnEquivalentSpellingTakesTheSameRouteAndIsForwardedAsItCame) {
  Start("      - {path: /admin, service: next}\n      - {service: web}");
  EXPECT_EQ(Side("GET /x/../%61dmin"), "next");
  EXPECT_NE(servers_["next"]->received().find("GET /x/../%61dmin HTTP/1.1\r\n"), std::string::npos);
}

TEST_F(Routes, WithoutSessionsEachRequestIsDrawn) {
  Start("      - {services: {web: 75, next: 25}}");
  int next = 0;
  Peer& client = world_->Connect("203.0.113.5", "10.0.0.1:80");
  for (int i = 0; i < 800; ++i) {
    next += BodyOf(world_->Ask(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")) == "next" ? 1 : 0;
  }
  EXPECT_NEAR(next, 200, 57);  // 4.7 standard deviations
}

TEST_F(Routes, ASourceStaysOnItsSide) {
  Start("      - {services: {web: 50, next: 50}}", "{by: source}");
  std::map<std::string, int> clients;
  for (int i = 1; i <= 60; ++i) {
    const std::string from = "203.0.113." + std::to_string(i);
    const std::string side = Side("GET /", "", from);
    for (int again = 0; again < 2; ++again) EXPECT_EQ(Side("GET /", "", from), side);
    ++clients[side];
  }
  EXPECT_NEAR(clients["next"], 30, 18);
}

TEST_F(Routes, AKeyStaysOnItsSideWhoeverBringsIt) {
  Start("      - {services: {web: 50, next: 50}}", "{by: 'header:X-User'}");
  std::map<std::string, int> users;
  for (int i = 0; i < 60; ++i) {
    const std::string user = "X-User: user" + std::to_string(i) + "\r\n";
    const std::string side = Side("GET /", user);
    EXPECT_EQ(Side("GET /", user, "203.0.113.9"), side);
    ++users[side];
  }
  EXPECT_NEAR(users["next"], 30, 18);
}

TEST_F(Routes, ACookieStaysWithTheServiceThatSetItOverNewWeights) {
  Start("      - {services: {web: 50, next: 50}}", "{by: cookie}");
  std::map<std::string, std::string> cookies;
  for (int i = 0; i < 20; ++i) {
    const std::string answer = Ask("GET /");
    const size_t at = answer.find("meridian=");
    ASSERT_NE(at, std::string::npos) << answer;
    cookies[BodyOf(answer)] = "Cookie: " + answer.substr(at, answer.find(';', at) - at) + "\r\n";
  }
  ASSERT_EQ(cookies.size(), 2u);
  for (int i = 0; i < 5; ++i) {
    for (const auto& [side, cookie] : cookies) EXPECT_EQ(Side("GET /", cookie), side);
  }
  world_->Load(Config("      - {services: {web: 1, next: 0}}", "{by: cookie}"));
  EXPECT_EQ(Side("GET /", cookies["next"]), "next");
  for (int i = 0; i < 20; ++i) EXPECT_EQ(Side("GET /"), "web");
}

}  // namespace
}  // namespace meridian::fakes
