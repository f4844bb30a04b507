// UDP through a whole worker in memory: who gets what, what moves when a server is gone, what is
// dropped and counted, reloads and drains.
#include <gtest/gtest.h>

#include <set>

#include "testing/allocations.h"
#include "testing/udp_peers.h"

namespace meridian::fakes {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string Config(const std::string& service = "", const std::string& listener = "",
                   const std::string& bind = "10.0.0.1:53") {
  return R"(
geo:
  networks:
    203.0.113.0/24: {latitude: 32.8, longitude: -96.8, country: US, continent: NA}
    198.51.100.0/24: {latitude: 52, longitude: 13, country: DE, continent: EU}
  default: {latitude: 33, longitude: -84, country: US, continent: NA}
regions:
  east: {sites: {atlanta: {latitude: 33.7, longitude: -84.4, services: {dns: ["10.1.0.1:53", "10.1.0.2:53"]}}}}
  south: {sites: {dallas: {latitude: 32.8, longitude: -96.8, services: {dns: ["10.2.0.1:53"]}}}}
services:
  dns: {timeouts: {idle: 30s, session: 10m})" +
         (service.empty() ? "" : ", " + service) + R"(}
listeners:
  dns: {bind: ")" +
         bind + R"(", protocol: udp, service: dns)" + (listener.empty() ? "" : ", " + listener) +
         R"(}
admin: {socket: /nonexistent/admin.sock}
)";
}

struct UdpSessions : testing::Test {
  void Start(const std::string& config, size_t workers = 1, const MemoryNetOptions& options = {}) {
    world = std::make_unique<World>(config, options, workers);
    for (const auto& [at, name] :
         {std::pair("10.1.0.1:53", "atlanta-1"), std::pair("10.1.0.2:53", "atlanta-2"),
          std::pair("10.2.0.1:53", "dallas-1")}) {
      servers[name] = std::make_unique<UdpServer>(world->net, at, name);
    }
  }
  void TearDown() override {
    world->workers.clear();
    world->net.RunFor(milliseconds(10));
    clients.clear();
    servers.clear();
  }
  UdpClient& Client(std::string_view host, std::string_view to = "10.0.0.1:53") {
    return *clients.emplace_back(std::make_unique<UdpClient>(world->net, host, to));
  }
  double Metric(const std::string& key) const { return MetricMap(world->metrics)[key]; }
  double Dropped(const std::string& reason) const {
    return Metric("meridian_datagrams_dropped_total{listener=dns,reason=" + reason + "}");
  }
  double Failures(const std::string& reason) const {
    return Metric("meridian_failures_total{listener=dns,reason=" + reason + "}");
  }
  static std::string SiteOf(const std::string& answer) {
    return answer.substr(0, answer.find('-'));
  }
  static std::string ServerOf(const std::string& answer) {
    return answer.substr(0, answer.find(':'));
  }

  std::unique_ptr<World> world;
  std::map<std::string, std::unique_ptr<UdpServer>> servers;
  std::vector<std::unique_ptr<UdpClient>> clients;
};

TEST_F(UdpSessions, GoToTheNearestSiteAndStay) {
  Start(Config());
  UdpClient& client = Client("203.0.113.5");
  EXPECT_EQ(client.Ask("one"), "dallas-1:one");
  EXPECT_EQ(client.Ask(""), "dallas-1:");
  EXPECT_EQ(servers["dallas-1"]->flows[0], servers["dallas-1"]->flows[1]);  // one backend socket
  UdpClient& other = Client("192.0.2.1");
  const std::string first = other.Ask("x");
  EXPECT_EQ(SiteOf(first), "atlanta");
  for (int i = 0; i < 20; ++i) EXPECT_EQ(other.Ask("x"), first);
  EXPECT_EQ(world->workers[0]->clients(), 2u);
  EXPECT_EQ(Metric("meridian_connections_active{listener=dns}"), 2);
  EXPECT_EQ(Metric("meridian_sessions_total{service=dns,site=atlanta}"), 1);
  EXPECT_EQ(Metric("meridian_datagrams_total{listener=dns,direction=in}"), 23);
  EXPECT_EQ(Metric("meridian_datagrams_total{listener=dns,direction=out}"), 23);
  EXPECT_EQ(Metric("meridian_received_bytes_total{service=dns,site=dallas}"), 3);
}

TEST_F(UdpSessions, AServerMaySpeakByItself) {
  Start(Config());
  UdpClient& client = Client("203.0.113.5");
  client.Ask("hello");
  servers["dallas-1"]->Say(0, "news");
  world->net.RunFor(seconds(1));
  EXPECT_EQ(client.received.back(), "news");
}

TEST_F(UdpSessions, AnswersComeFromTheAddressAsked) {
  Start(Config("", "", "0.0.0.0:53"));
  UdpClient& one = Client("203.0.113.5", "10.0.0.1:53");
  UdpClient& two = Client("203.0.113.5", "10.0.0.7:53");
  EXPECT_EQ(one.Ask("x"), "dallas-1:x");
  EXPECT_EQ(two.Ask("x"), "dallas-1:x");  // connected: it hears 10.0.0.7 alone
}

TEST_F(UdpSessions, ARefusedServersDatagramGoesToTheNext) {
  Start(Config());
  world->net.Kill(At("10.2.0.1:53"));
  UdpClient& client = Client("203.0.113.5");
  EXPECT_EQ(SiteOf(client.Ask("x")), "atlanta");
  EXPECT_TRUE(client.errors.empty());
  EXPECT_EQ(Metric("meridian_retries_total{service=dns,site=dallas}"), 1);
  EXPECT_EQ(Metric("meridian_backend_connect_failures_total{service=dns,site=dallas}"), 1);
  // The first to be told is the last who pays for it: all others know.
  EXPECT_EQ(SiteOf(Client("203.0.113.6").Ask("y")), "atlanta");
  EXPECT_EQ(Metric("meridian_backend_connects_total{service=dns,site=dallas}"), 1);
}

TEST_F(UdpSessions, AServerThatGoesMidSessionIsLeftWithWhatItDidNotAnswer) {
  Start(Config());
  UdpClient& client = Client("203.0.113.5");
  EXPECT_EQ(client.Ask("one"), "dallas-1:one");
  world->net.Kill(At("10.2.0.1:53"));
  const std::string moved = client.Ask("two");
  EXPECT_EQ(SiteOf(moved), "atlanta");
  EXPECT_TRUE(moved.ends_with(":two"));
  EXPECT_EQ(ServerOf(client.Ask("three")), ServerOf(moved));
  EXPECT_EQ(Metric("meridian_sessions_active{service=dns,site=dallas}"), 0);
  EXPECT_EQ(Metric("meridian_sessions_active{service=dns,site=atlanta}"), 1);
}

TEST_F(UdpSessions, WithNoServerLeftDatagramsAreDroppedAndCounted) {
  Start(Config());
  for (const char* at : {"10.1.0.1:53", "10.1.0.2:53", "10.2.0.1:53"}) world->net.Kill(At(at));
  UdpClient& client = Client("203.0.113.5");
  EXPECT_EQ(client.Ask("x"), "");
  EXPECT_EQ(Failures("connect-failed"), 1);
  EXPECT_EQ(Dropped("no-backend"), 1);
  EXPECT_EQ(world->workers[0]->clients(), 0u);
  for (const char* at : {"10.1.0.1:53", "10.1.0.2:53", "10.2.0.1:53"}) world->net.Heal(At(at));
  EXPECT_NE(client.Ask("x"), "");  // panic: route
}

TEST_F(UdpSessions, RetriesOnConnectMayBeLeftOut) {
  Start(Config("retries: {on: [reset]}"));
  world->net.Kill(At("10.2.0.1:53"));
  EXPECT_EQ(Client("203.0.113.5").Ask("x"), "");
  EXPECT_EQ(Failures("connect-failed"), 1);
  EXPECT_TRUE(servers["atlanta-1"]->received.empty() && servers["atlanta-2"]->received.empty());
}

TEST_F(UdpSessions, EndWhenIdleOrTooOld) {
  Start(Config());
  UdpClient& client = Client("203.0.113.5");
  client.Ask("x");
  world->net.RunFor(seconds(20));
  client.Ask("x");
  world->net.RunFor(seconds(20));
  EXPECT_EQ(world->workers[0]->clients(), 1u);
  world->net.RunFor(seconds(15));
  EXPECT_EQ(world->workers[0]->clients(), 0u);
  EXPECT_EQ(Metric("meridian_connections_active{listener=dns}"), 0);
  EXPECT_EQ(Failures("idle-timeout"), 0);  // the way a session of UDP ends
  for (int i = 0; i < 62; ++i) {
    client.Ask("x");
    world->net.RunFor(seconds(10));
  }
  EXPECT_EQ(Metric("meridian_sessions_total{service=dns,site=dallas}"), 3);
}

TEST_F(UdpSessions, BySourceFollowTheHashWhateverThePort) {
  Start(Config("session: {by: source}"));
  std::set<std::string> all;
  for (int host = 1; host <= 20; ++host) {
    const std::string from = "192.0.2." + std::to_string(host);
    std::set<std::string> seen;
    for (int i = 0; i < 3; ++i) seen.insert(ServerOf(Client(from).Ask("x")));
    EXPECT_EQ(seen.size(), 1u) << from;
    all.insert(seen.begin(), seen.end());
  }
  EXPECT_EQ(all.size(), 2u);  // of atlanta
}

TEST_F(UdpSessions, ByBytesGoByThem) {
  Start(Config("session: {by: 'bytes:1-4'}"));
  UdpClient& one = Client("192.0.2.1");
  UdpClient& two = Client("192.0.2.2");
  std::set<std::string> all;
  for (int key = 1000; key < 1020; ++key) {
    const std::string text = std::to_string(key);
    const std::string server = ServerOf(one.Ask("a" + text + " first"));
    EXPECT_EQ(ServerOf(two.Ask("b" + text)), server);
    EXPECT_EQ(ServerOf(one.Ask("c" + text + " again")), server);
    all.insert(server);
  }
  EXPECT_GT(all.size(), 1u);
  EXPECT_NE(one.Ask("abc"), "");  // too short for a key: as any other
}

std::string Sip(const std::string& method, const std::string& call) {
  return method + " sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1\r\nCall-ID: " + call +
         "\r\n\r\n";
}

TEST_F(UdpSessions, BySipCallIdKeepCallsTogether) {
  Start(Config("session: {by: sip-call-id}"));
  UdpClient& trunk = Client("192.0.2.1");
  std::set<std::string> all;
  for (int call = 0; call < 20; ++call) {
    const std::string id = std::to_string(call) + "@192.0.2.1";
    const std::string server = ServerOf(trunk.Ask(Sip("INVITE", id)));
    EXPECT_EQ(ServerOf(trunk.Ask(Sip("ACK", id))), server);
    EXPECT_EQ(ServerOf(Client("192.0.2.77").Ask(Sip("BYE", id))), server);
    all.insert(server);
  }
  EXPECT_GT(all.size(), 1u);
  EXPECT_NE(trunk.Ask("\r\n\r\n"), "");
}

TEST_F(UdpSessions, ASiteThatIsOutLosesItsSessionsToTheNext) {
  Start(Config());
  UdpClient& client = Client("203.0.113.5");
  client.Ask("x");
  UdpClient& waiting = Client("203.0.113.6");
  servers["dallas-1"]->silent = true;
  waiting.Ask("unanswered");
  health::IntentRecord out;
  out.intent = health::Intent::kOut;
  world->registry.SetIntent("dallas", out);
  world->workers[0]->HealthChanged();
  world->net.RunFor(seconds(1));
  EXPECT_EQ(SiteOf(waiting.received.at(0)), "atlanta");
  EXPECT_EQ(SiteOf(client.Ask("x")), "atlanta");
}

TEST_F(UdpSessions, OnDownKeepKeepsThem) {
  Start(Config("on_down: keep"));
  UdpClient& client = Client("203.0.113.5");
  client.Ask("x");
  health::IntentRecord out;
  out.intent = health::Intent::kOut;
  world->registry.SetIntent("dallas", out);
  world->workers[0]->HealthChanged();
  EXPECT_EQ(client.Ask("y"), "dallas-1:y");
  EXPECT_EQ(SiteOf(Client("203.0.113.5").Ask("x")), "atlanta");
}

TEST_F(UdpSessions, NothingIsKeptOfWhomTheListenerDoesNotAdmit) {
  Start(Config("", "deny: {country: DE}"));
  EXPECT_EQ(Client("198.51.100.1").Ask("x"), "");
  EXPECT_EQ(Failures("denied"), 1);
  EXPECT_EQ(Dropped("refused"), 1);
  EXPECT_EQ(Metric("meridian_connections_total{listener=dns}"), 0);
  EXPECT_EQ(world->workers[0]->clients(), 0u);
}

TEST_F(UdpSessions, TheTableIsBounded) {
  Start(Config("", "limits: {sessions: 3}"));
  for (int i = 0; i < 3; ++i) EXPECT_NE(Client("203.0.113.5").Ask("x"), "");
  UdpClient& fourth = Client("203.0.113.5");
  EXPECT_EQ(fourth.Ask("x"), "");
  EXPECT_EQ(Dropped("table-full"), 1);
  EXPECT_EQ(Failures("overloaded"), 1);
  EXPECT_NE(clients[0]->Ask("x"), "");  // those that are there go on
  world->net.RunFor(seconds(31));
  EXPECT_NE(fourth.Ask("x"), "");
}

TEST_F(UdpSessions, AClientsRateAndNumberOfSessionsAreBounded) {
  Start(Config("", "limits: {rate: 2, connections_per_client: 3}"));
  EXPECT_NE(Client("203.0.113.5").Ask("x"), "");
  EXPECT_NE(Client("203.0.113.5").Ask("x"), "");
  EXPECT_EQ(Client("203.0.113.5").Ask("x"), "");
  EXPECT_EQ(Failures("rate-limited"), 1);
  EXPECT_NE(Client("203.0.113.6").Ask("x"), "");
  world->net.RunFor(seconds(2));
  EXPECT_NE(Client("203.0.113.5").Ask("x"), "");
  EXPECT_EQ(Client("203.0.113.5").Ask("x"), "");
  EXPECT_EQ(Failures("too-many-connections"), 1);
  world->net.RunFor(seconds(31));  // the places of those that ended are free again
  EXPECT_NE(Client("203.0.113.5").Ask("x"), "");
}

TEST_F(UdpSessions, WhatOneFamilyCarriesAndTheOtherDoesNotIsDroppedAndCounted) {
  std::string six = Config("", "", "[2001:db8::1]:53");
  Start(six);
  UdpClient& client = Client("2001:db8::9", "[2001:db8::1]:53");
  EXPECT_NE(client.Ask(std::string(60000, 'x')), "");
  client.Send(std::string(65520, 'x'));
  world->net.RunFor(seconds(1));
  EXPECT_EQ(Dropped("too-large"), 1);

  TearDown();
  std::string four = Config();
  four.replace(four.find("10.2.0.1:53"), 11, "[2001:db8::2]:53");
  Start(four);
  UdpServer backend(world->net, "[2001:db8::2]:53", "dallas-6");
  UdpClient& asker = Client("203.0.113.5");
  EXPECT_EQ(asker.Ask("x"), "dallas-6:x");
  backend.Say(0, std::string(65520, 'x'));
  world->net.RunFor(seconds(1));
  EXPECT_EQ(asker.received.size(), 1u);
  EXPECT_EQ(Dropped("unsent"), 1);
  world->workers.clear();
}

TEST_F(UdpSessions, SurviveAReload) {
  Start(Config());
  UdpClient& client = Client("203.0.113.5");
  client.Ask("x");
  world->Load(Config("steering: ordered, order: [atlanta]"));
  EXPECT_EQ(client.Ask("y"), "dallas-1:y");
  EXPECT_EQ(servers["dallas-1"]->flows[0], servers["dallas-1"]->flows[1]);
  EXPECT_EQ(SiteOf(Client("203.0.113.5").Ask("y")), "atlanta");
  // The next decision is by the new snapshot.
  world->net.Kill(At("10.2.0.1:53"));
  EXPECT_EQ(SiteOf(client.Ask("z")), "atlanta");
}

TEST_F(UdpSessions, OfARemovedListenerGoOnAndNobodyElseIsAdmitted) {
  Start(Config());
  UdpClient& client = Client("203.0.113.5");
  client.Ask("x");
  const std::string elsewhere = Config("", "", "10.0.0.1:5353");
  world->Load(elsewhere);
  EXPECT_EQ(client.Ask("y"), "dallas-1:y");
  EXPECT_EQ(Client("203.0.113.6").Ask("y"), "");
  EXPECT_EQ(Dropped("refused"), 1);
  EXPECT_NE(Client("203.0.113.6", "10.0.0.1:5353").Ask("y"), "");
  world->Load(Config());  // back, while its last session still is
  EXPECT_NE(Client("203.0.113.7").Ask("z"), "");
  world->Load(elsewhere);
  world->net.RunFor(seconds(31));  // all have gone, and with them the socket
  UdpClient& late = Client("203.0.113.7");
  late.Ask("z");
  EXPECT_FALSE(late.errors.empty());
  world->Load(Config());
  EXPECT_NE(late.Ask("z"), "");
}

TEST_F(UdpSessions, ADrainAdmitsNobodyAndEndsWhenAllAreSilent) {
  Start(Config());
  UdpClient& client = Client("203.0.113.5");
  client.Ask("x");
  bool drained = false;
  world->workers[0]->Drain([&drained] { drained = true; });
  EXPECT_EQ(client.Ask("y"), "dallas-1:y");
  EXPECT_EQ(Client("203.0.113.6").Ask("x"), "");
  world->net.RunFor(seconds(4));
  EXPECT_FALSE(drained);
  world->net.RunFor(seconds(2));
  EXPECT_TRUE(drained);
}

TEST_F(UdpSessions, AClientComesToTheSameWorkerAlways) {
  Start(Config(), 2);
  for (int i = 0; i < 30; ++i) {
    UdpClient& client = Client("203.0.113.5");
    for (int n = 0; n < 3; ++n) EXPECT_NE(client.Ask("x"), "");
  }
  EXPECT_GT(world->workers[0]->clients(), 5u);
  EXPECT_GT(world->workers[1]->clients(), 5u);
  EXPECT_EQ(world->workers[0]->clients() + world->workers[1]->clients(), 30u);
}

TEST_F(UdpSessions, NothingIsAllocatedForADatagramOfASessionThatIs) {
  Start(Config("session: {by: sip-call-id}"));
  UdpClient& client = Client("203.0.113.5");
  const std::string invite = Sip("INVITE", "1@a");
  servers["dallas-1"]->silent = true;  // its answers are made of strings
  const auto round = [&] {
    client.Send(invite);
    world->net.RunUntilIdle(seconds(1));
    servers["dallas-1"]->Say(0, "fine");
    world->net.RunUntilIdle(seconds(1));
  };
  for (auto* list : {&client.received, &servers["dallas-1"]->received}) list->reserve(100);
  servers["dallas-1"]->flows.reserve(100);
  round();
  round();
  const Allocations allocations;
  round();
  // What the two peers keep of it, and nothing else.
  EXPECT_LE(allocations.count(), 4u);
}

TEST_F(UdpSessions, EveryAnswerIsOfItsOwnQuestionWhateverIsLost) {
  MemoryNetOptions options;
  options.datagram_loss = 0.1;
  options.datagram_jitter = milliseconds(7);
  for (options.seed = 1; options.seed <= 5; ++options.seed) {
    Start(Config(), 2, options);
    for (int i = 0; i < 40; ++i) Client("203.0.113." + std::to_string(i % 9));
    size_t answered = 0;
    for (int round = 0; round < 50; ++round) {
      for (auto& client : clients) client->received.clear();
      for (size_t i = 0; i < clients.size(); ++i) {
        clients[i]->Send(std::to_string(i) + "/" + std::to_string(round));
      }
      if (round == 20) world->net.Kill(At("10.2.0.1:53"));
      world->net.RunFor(milliseconds(3 + round % 40));
      for (size_t i = 0; i < clients.size(); ++i) {
        for (const std::string& answer : clients[i]->received) {
          const std::string mine = ":" + std::to_string(i) + "/";
          EXPECT_NE(answer.find(mine), std::string::npos) << answer << " seed " << options.seed;
          ++answered;
        }
      }
    }
    EXPECT_GT(answered, 500u);
    TearDown();
  }
  Start(Config());  // for the last TearDown
}

TEST_F(UdpSessions, HaveALineInTheAccessLogWhenTheyEnd) {
  Start("log: {access: {path: stdout}}" + Config());
  Client("203.0.113.5").Ask("one");
  clients.back()->Ask("three");
  EXPECT_TRUE(world->AccessLines().empty());
  world->net.RunFor(seconds(31));
  const std::vector<std::string> lines = world->AccessLines();
  ASSERT_EQ(lines.size(), 1u);
  const std::string& line = lines[0];
  for (const std::string_view part :
       {R"("client":"203.0.113.5")", R"("country":"US")", R"("listener":"dns","service":"dns")",
        R"("site":"dallas","endpoint":"10.2.0.1:53","reason":"nearest")", R"("attempts":1)",
        R"("protocol":"udp","method":null)", R"("status":null,"bytes_in":8,"bytes_out":26)",
        R"("queue_us":0,"connect_us":null,"first_byte_us":2000,"total_us":30)", R"("tls":null)"}) {
    EXPECT_NE(line.find(part), std::string::npos) << part << " in " << line;
  }
}

TEST_F(UdpSessions, TheirLinesTellOfTheLastServerOrWhyThereWasNone) {
  Start("log: {access: {path: stdout}}" + Config());
  world->net.Kill(At("10.2.0.1:53"));
  Client("203.0.113.5").Ask("one");
  world->net.RunFor(seconds(31));
  std::vector<std::string> lines = world->AccessLines();
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_NE(lines[0].find(R"("site":"atlanta")"), std::string::npos) << lines[0];
  EXPECT_NE(lines[0].find(R"("attempts":2)"), std::string::npos) << lines[0];
  for (const char* at : {"10.1.0.1:53", "10.1.0.2:53"}) world->net.Kill(At(at));
  Client("203.0.113.6").Ask("two");
  lines = world->AccessLines();
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_NE(lines[0].find(R"("bytes_out":0)"), std::string::npos) << lines[0];
  EXPECT_EQ(lines[0].find(R"("reason":"nearest")"), std::string::npos) << lines[0];
  UdpClient& cut = Client("203.0.113.7");
  world->net.Heal(At("10.2.0.1:53"));
  world->net.RunFor(seconds(60));
  cut.Ask("three");
  world->workers[0]->Close();
  lines = world->AccessLines();
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_NE(lines[0].find(R"("reason":"aborted")"), std::string::npos) << lines[0];
}

}  // namespace
}  // namespace meridian::fakes
