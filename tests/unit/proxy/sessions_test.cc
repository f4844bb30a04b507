// Sessions and admission through a whole worker in memory: what the client is told, what moves,
// what is counted, and new keys over reloads.
#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "testing/world.h"

namespace meridian::fakes {
namespace {

std::string Config(const std::string& session, const std::string& listener = "") {
  return R"(
geo:
  networks:
    203.0.113.0/24: {latitude: 33, longitude: -84, country: US, continent: NA, asn: 64500}
    198.51.100.0/24: {latitude: 52, longitude: 13, country: DE, continent: EU, asn: 64501}
regions:
  east: {sites: {atlanta: {latitude: 33.7, longitude: -84.4, services: {web: ["10.1.0.1:80", "10.1.0.2:80"]}}}}
  south: {sites: {dallas: {latitude: 32.8, longitude: -96.8, services: {web: ["10.2.0.1:80", "10.2.0.2:80"]}}}}
services:
  web:
    session: {)" +
         session + R"(}
listeners:
  http:
    bind: "10.0.0.1:80"
    service: web
    trusted_proxies: [192.0.2.0/24]
)" + (listener.empty() ? "" : "    " + listener) +
         R"(
  tcp:
    bind: "10.0.0.1:90"
    protocol: tcp
    service: web
    trusted_proxies: [192.0.2.0/24]
    proxy_protocol: accept
)" + (listener.empty() ? "" : "    " + listener) +
         R"(
admin: {socket: /nonexistent/admin.sock}
)";
}

// Each endpoint answers with its own address.
class Sessions : public testing::Test {
 protected:
  void Start(const std::string& session, const std::string& listener = "") {
    world_ = std::make_unique<World>(Config(session, listener));
    for (const std::string at : {"10.1.0.1:80", "10.1.0.2:80", "10.2.0.1:80", "10.2.0.2:80"}) {
      servers_[at] = &world_->Serve(at, Answer("HTTP/1.1 200 OK\r\nContent-Length: " +
                                               std::to_string(at.size()) + "\r\n\r\n" + at));
    }
  }
  std::string Get(const std::string& target = "/", const std::string& fields = "",
                  std::string_view from = "203.0.113.5") {
    return world_->Ask(world_->Connect(from, "10.0.0.1:80"),
                       "GET " + target + " HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n");
  }
  static std::string BodyOf(const std::string& answer) {
    return answer.substr(answer.find("\r\n\r\n") + 4);
  }
  static std::string FieldOf(const std::string& answer, const std::string& name) {
    const size_t at = answer.find("\r\n" + name + ": ");
    if (at == std::string::npos) return "";
    const size_t begin = at + name.size() + 4;
    return answer.substr(begin, answer.find("\r\n", begin) - begin);
  }
  // "meridian=…" of the answer's Set-Cookie, as the client sends it back.
  static std::string CookieOf(const std::string& answer) {
    const std::string set = FieldOf(answer, "Set-Cookie");
    return set.substr(0, set.find(';'));
  }
  void SetUp(const std::string& address, bool up) {
    for (const routing::Endpoint& endpoint : world_->snapshot->table->endpoints()) {
      if (endpoint.address_text != address) continue;
      world_->registry.SetProbe(*endpoint.health, up ? health::Probe::kUp : health::Probe::kDown,
                                world_->loop.Now());
    }
  }
  void SetSiteUp(const std::string& body, bool up) {
    const std::string prefix = body.substr(0, 5);
    for (const auto& [at, server] : servers_) {
      if (at.starts_with(prefix)) SetUp(at, up);
    }
  }
  double Pins(const std::string& pin) {
    const MetricMap metrics(world_->metrics);
    double sum = 0;
    for (const char* site : {"atlanta", "dallas", ""}) {
      sum += metrics["meridian_session_pins_total{service=web,site=" + std::string(site) +
                     ",pin=" + pin + "}"];
    }
    return sum;
  }
  double Metric(const std::string& name) { return MetricMap(world_->metrics)[name]; }
  double Failures(const std::string& listener, const std::string& reason) {
    return Metric("meridian_failures_total{listener=" + listener + ",reason=" + reason + "}");
  }
  std::string KeyFile(const std::string& content) {
    const std::string path =
        testing::TempDir() + testing::UnitTest::GetInstance()->current_test_info()->name();
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }

  std::map<std::string, Server*> servers_;
  std::unique_ptr<World> world_;
};

TEST_F(Sessions, EachFateOfAPinIsCounted) {
  Start("by: cookie");
  const std::string first = Get();
  EXPECT_EQ(Pins("new"), 1);
  const std::string cookie = "Cookie: " + CookieOf(first) + "\r\n";
  EXPECT_EQ(BodyOf(Get("/", cookie)), BodyOf(first));
  EXPECT_EQ(Pins("kept"), 1);
  Get("/", "Cookie: meridian=forged\r\n");
  EXPECT_EQ(Pins("invalid"), 1);
  SetUp(BodyOf(first), false);
  const std::string moved = Get("/", cookie);
  EXPECT_NE(BodyOf(moved), BodyOf(first));
  EXPECT_NE(FieldOf(moved, "Set-Cookie"), "");
  EXPECT_EQ(Pins("moved"), 1);
  EXPECT_EQ(Pins("new"), 1);
}

TEST_F(Sessions, TheCookieSaysWhereItMayGo) {
  Start("by: cookie, name: sid");
  const std::string set = FieldOf(Get(), "Set-Cookie");
  EXPECT_TRUE(set.starts_with("sid=")) << set;
  EXPECT_TRUE(set.ends_with("; Path=/; HttpOnly; SameSite=Lax")) << set;
}

TEST_F(Sessions, ARejectedOneIsToldSoAndWhenToComeBack) {
  Start("by: cookie, on_failure: reject");
  const std::string first = Get();
  const std::string cookie = "Cookie: " + CookieOf(first) + "\r\n";
  SetUp(BodyOf(first), false);
  const std::string answer = Get("/", cookie);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
  EXPECT_EQ(FieldOf(answer, "Meridian-Reason"), "session-rejected");
  EXPECT_NE(FieldOf(answer, "Retry-After"), "");
  EXPECT_EQ(Failures("http", "session-rejected"), 1);
  EXPECT_EQ(Pins("rejected"), 1);
  EXPECT_TRUE(Get().starts_with("HTTP/1.1 200 ")) << "others go on";
  SetUp(BodyOf(first), true);
  EXPECT_EQ(BodyOf(Get("/", cookie)), BodyOf(first));
}

TEST_F(Sessions, ARejectedOneIsToldSoByTheVeryConnectThatFails) {
  Start("by: cookie, on_failure: reject");
  const std::string first = Get();
  world_->net.Kill(At(BodyOf(first)));
  const std::string answer = Get("/", "Cookie: " + CookieOf(first) + "\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
  EXPECT_EQ(FieldOf(answer, "Meridian-Reason"), "session-rejected");
}

TEST_F(Sessions, AQueryParameterKeepsItsRequestsTogether) {
  Start("by: 'query:user'");
  std::set<std::string> places;
  for (int user = 0; user < 40; ++user) {
    const std::string name = "u%2B" + std::to_string(user), plain = "u%2b" + std::to_string(user);
    const std::string place = BodyOf(Get("/a?x=1&user=" + name, "", "203.0.113.5"));
    EXPECT_EQ(BodyOf(Get("/b?user=" + plain + "&user=other", "", "198.51.100.5")), place);
    places.insert(place);
  }
  EXPECT_EQ(places.size(), 4u);
  EXPECT_EQ(FieldOf(Get("/?user=ann"), "Meridian-Reason"), "session");
  EXPECT_EQ(FieldOf(Get("/?user="), "Meridian-Reason"), "nearest");
}

TEST_F(Sessions, WithoutACookieStayWhereTheyMovedTo) {
  Start("by: 'query:user', on_recovery: stay");
  const std::string home = BodyOf(Get("/?user=ann"));
  EXPECT_EQ(Metric("meridian_moved_sessions}"), 0);
  SetSiteUp(home, false);
  const std::string away = BodyOf(Get("/?user=ann"));
  EXPECT_NE(away.substr(0, 5), home.substr(0, 5));
  SetSiteUp(home, true);
  EXPECT_EQ(BodyOf(Get("/?user=ann")), away);
  world_->Load(Config("by: 'query:user', on_recovery: stay, ttl: 1h"));
  EXPECT_EQ(BodyOf(Get("/?user=ann")), away) << "after a reload";
  EXPECT_EQ(Metric("meridian_moved_sessions}"), 1);
  world_->Load(Config("by: 'query:user', on_recovery: return"));
  EXPECT_EQ(BodyOf(Get("/?user=ann")), home);
}

TEST_F(Sessions, OverTcpStayWhereTheyMovedTo) {
  Start("by: source, on_recovery: stay");
  const auto use = [&] {
    Peer& client = world_->Connect("203.0.113.5", "10.0.0.1:90");
    return BodyOf(world_->Ask(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  };
  const std::string home = use();
  world_->net.Kill(At(home));
  const std::string away = use();
  EXPECT_NE(away, home);
  world_->net.Heal(At(home));
  SetUp(home, true);
  EXPECT_EQ(use(), away);
}

TEST_F(Sessions, TheTableOfMovedOnesIsBoundedAndSaysWhatItForgot) {
  const std::string yaml =
      "process: {session_table: 4}" + Config("by: 'query:user', on_recovery: stay, scope: site");
  Start("by: none");
  world_->Load(yaml);
  SetSiteUp("10.1.", false);
  for (int user = 0; user < 60; ++user) Get("/?user=u" + std::to_string(user));
  EXPECT_EQ(Metric("meridian_moved_sessions}"), 4);
  const double moved = Pins("moved");
  EXPECT_GT(moved, 10);
  EXPECT_EQ(Metric("meridian_moved_sessions_evicted_total}"), moved - 4);
}

TEST_F(Sessions, LoseNothingWhenKeysAreReplacedInTwoStepsOverReloads) {
  const std::string old = "the old key of these tests", fresh = "the new key of these tests";
  const std::string path = KeyFile(old + "\n");
  const std::string session = "by: cookie, key_file: '" + path + "'";
  Start(session);
  std::vector<std::pair<std::string, std::string>> clients;  // cookie, place
  for (int i = 0; i < 6; ++i) {
    const std::string answer = Get();
    clients.emplace_back(CookieOf(answer), BodyOf(answer));
  }
  const std::vector<std::string> old_cookies = {clients[0].first};
  for (const std::string& keys :
       {old + "\n" + fresh + "\n", fresh + "\n" + old + "\n", fresh + "\n"}) {
    KeyFile(keys);
    world_->Load(Config(session));
    for (auto& [cookie, place] : clients) {
      const std::string answer = Get("/", "Cookie: " + cookie + "\r\n");
      EXPECT_EQ(BodyOf(answer), place);
      if (const std::string next = CookieOf(answer); !next.empty()) cookie = next;
    }
  }
  EXPECT_EQ(Pins("kept"), 18);
  EXPECT_EQ(Pins("invalid") + Pins("moved"), 0);
  Get("/", "Cookie: " + old_cookies[0] + "\r\n");
  EXPECT_EQ(Pins("invalid"), 1) << "the old key is no more";
}

TEST_F(Sessions, WhoIsNotAdmittedIsTold403AndMayAskAgain) {
  Start("by: none", "allow: {country: [US]}");
  EXPECT_TRUE(Get().starts_with("HTTP/1.1 200 "));
  Peer& client = world_->Connect("198.51.100.5", "10.0.0.1:80");
  for (int i = 0; i < 2; ++i) {
    const std::string answer = world_->Ask(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 403 Forbidden\r\n")) << answer;
    EXPECT_EQ(FieldOf(answer, "Meridian-Reason"), "denied");
  }
  EXPECT_FALSE(client.closed());
  const std::string posted =
      world_->Ask(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_TRUE(posted.starts_with("HTTP/1.1 403 ")) << posted;
  EXPECT_TRUE(client.closed()) << "its body was not read";
  EXPECT_TRUE(Get("/", "", "192.0.2.200").starts_with("HTTP/1.1 403 ")) << "nobody knows where";
  EXPECT_EQ(Failures("http", "denied"), 4);
}

TEST_F(Sessions, ATrustedProxysClientIsJudgedAndNotTheProxy) {
  Start("by: none", "deny: {asn: 64501, network: [192.0.2.0/24]}");
  EXPECT_TRUE(
      Get("/", "X-Forwarded-For: 203.0.113.7\r\n", "192.0.2.1").starts_with("HTTP/1.1 200"));
  EXPECT_TRUE(
      Get("/", "X-Forwarded-For: 198.51.100.7\r\n", "192.0.2.1").starts_with("HTTP/1.1 403"));
  EXPECT_TRUE(
      Get("/", "X-Forwarded-For: 203.0.113.7\r\n", "198.51.100.1").starts_with("HTTP/1.1 403"))
      << "whose word is not taken";
  EXPECT_TRUE(Get("/", "", "192.0.2.1").starts_with("HTTP/1.1 403")) << "for itself";
}

TEST_F(Sessions, OverTcpWhoIsNotAdmittedIsResetUnread) {
  Start("by: none", "allow: {continent: [NA]}");
  Peer& denied = world_->Connect("198.51.100.5", "10.0.0.1:90");
  world_->net.RunFor(std::chrono::seconds(1));
  EXPECT_TRUE(denied.failed.has_value());
  Peer& admitted = world_->Connect("203.0.113.5", "10.0.0.1:90");
  EXPECT_NE(world_->Ask(admitted, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"), "");
  EXPECT_EQ(Failures("tcp", "denied"), 1);
  for (const auto& [at, server] : servers_) EXPECT_LE(server->peers.size(), 1u);
}

TEST_F(Sessions, OverTcpAProxyHeaderNamesWhoIsJudged) {
  Start("by: none", "allow: {country: [US]}");
  const std::string request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  Peer& inside = world_->Connect("192.0.2.1", "10.0.0.1:90");
  EXPECT_NE(world_->Ask(inside, "PROXY TCP4 203.0.113.7 10.0.0.1 9 90\r\n" + request), "");
  Peer& outside = world_->Connect("192.0.2.1", "10.0.0.1:90");
  EXPECT_EQ(world_->Ask(outside, "PROXY TCP4 198.51.100.7 10.0.0.1 9 90\r\n" + request), "");
  EXPECT_TRUE(outside.failed.has_value());
  EXPECT_EQ(Failures("tcp", "denied"), 1);
}

}  // namespace
}  // namespace meridian::fakes
