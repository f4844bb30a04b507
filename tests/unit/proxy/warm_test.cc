// Connections opened ahead of need (backend.warm): who gets them, who does not, and what becomes of
// them.
#include <gtest/gtest.h>

#include <set>

#include "testing/world.h"

namespace meridian::fakes {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string Config(const std::string& backend, const std::string& more = "") {
  return R"(
geo: {default: {latitude: 33, longitude: -84, country: US, continent: NA}}
regions:
  east: {sites: {atlanta: {latitude: 33.7, longitude: -84.4, services: {db: ["10.1.0.1:80"]}}}}
  south: {sites: {dallas: {latitude: 32.8, longitude: -96.8, services: {db: ["10.2.0.1:80"]}}}}
services:
  db: {timeouts: {idle: 30s, connect: 2s}, health_check: port, backend: {)" +
         backend + "}" + more + R"(}
health_checks: {port: {type: none}}
listeners:
  tcp: {bind: "10.0.0.1:5432", protocol: tcp, service: db}
)";
}
const std::string kHttp = "  http: {bind: \"10.0.0.1:80\", service: db}\n";

// Says its name once it hears something, then echoes: however the bytes are cut, the client gets
// the same.
Server::Script Echo(const std::string& name) {
  return [name, greeted = std::set<Peer*>()](Peer& peer) mutable {
    const std::string bytes = std::exchange(peer.received, {});
    peer.stream->Write(greeted.insert(&peer).second ? name + ":" + bytes : bytes);
  };
}

struct Warm : testing::Test {
  void Begin(const std::string& yaml, Server::Script script = Echo("atlanta")) {
    world.emplace(yaml);
    atlanta = &world->Serve("10.1.0.1:80", std::move(script));
    dallas = &world->Serve("10.2.0.1:80", Echo("dallas"));
    world->net.RunFor(milliseconds(100));
  }
  Peer& Client() { return world->Connect("192.0.2.1", "10.0.0.1:5432"); }
  double Waiting(const std::string& site) {
    return MetricMap(
        world->metrics)["meridian_warm_connections_ready{service=db,site=" + site + "}"];
  }
  double Fate(const std::string& fate, const std::string& site = "atlanta") {
    return MetricMap(world->metrics)["meridian_warm_connections_total{service=db,site=" + site +
                                     ",fate=" + fate + "}"];
  }
  double Connects() {
    return MetricMap(world->metrics)["meridian_backend_connects_total{service=db,site=atlanta}"];
  }
  void SetIntent(health::Intent intent) {
    health::IntentRecord record;
    record.intent = intent;
    world->registry.SetIntent("atlanta", record);
    world->workers[0]->HealthChanged();
  }

  std::optional<World> world;
  Server* atlanta = nullptr;
  Server* dallas = nullptr;
};

TEST_F(Warm, SoManyWaitAtEachEndpointAndOneThatIsTakenIsReplaced) {
  Begin(Config("warm: 2"));
  EXPECT_EQ(atlanta->peers.size(), 2u);
  EXPECT_EQ(dallas->peers.size(), 2u);
  EXPECT_EQ(Waiting("atlanta"), 2);
  EXPECT_EQ(world->Ask(Client(), "hello"), "atlanta:hello");
  world->net.RunFor(milliseconds(100));
  EXPECT_EQ(Fate("used"), 1);
  EXPECT_EQ(Connects(), 3);
  EXPECT_EQ(Waiting("atlanta"), 2);
  EXPECT_EQ(atlanta->received(), "") << "the echo took all";
}

TEST_F(Warm, ARequestIsSparedARoundTrip) {
  const auto took = [this](const std::string& backend) {
    Begin(Config(backend) + kHttp, Answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"));
    Peer& client = world->Connect("192.0.2.1", "10.0.0.1:80");
    client.stream->StartReading();
    const MonotonicTime began = world->net.Now();
    client.stream->Write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE(world->net.RunUntil([&] { return client.received.ends_with("hi"); }, seconds(1)));
    return world->net.Now() - began;
  };
  const Duration without = took("warm: 0");
  EXPECT_EQ(without - took("warm: 1"), milliseconds(2));
}

TEST_F(Warm, OneThatItsServerClosesIsReplaced) {
  Begin(Config("warm: 2"));
  world->net.RunFor(seconds(5));
  atlanta->peers[0]->stream->FinishWriting();
  atlanta->peers[1]->stream->Reset();
  world->net.RunFor(milliseconds(100));
  EXPECT_EQ(Fate("closed"), 2);
  EXPECT_EQ(Waiting("atlanta"), 2);
  EXPECT_EQ(world->Ask(Client(), "hello"), "atlanta:hello");
}

TEST_F(Warm, AServerThatClosesThemAtOnceIsAskedEverMoreSlowly) {
  Begin(Config("warm: 1"));
  atlanta->wrap = [](net::StreamPtr stream) {
    stream->FinishWriting();
    return stream;
  };
  atlanta->peers[0]->stream->Reset();
  world->net.RunFor(std::chrono::minutes(2));
  EXPECT_GE(Connects(), 6);
  EXPECT_LE(Connects(), 12);
}

TEST_F(Warm, AServerThatSpeaksFirstGetsNone) {
  world.emplace(Config("warm: 2"));
  atlanta = &world->Serve("10.1.0.1:80", [](Peer&) {});
  dallas = &world->Serve("10.2.0.1:80", Echo("dallas"));
  atlanta->wrap = [](net::StreamPtr stream) {
    stream->Write("220 hello\r\n");
    return stream;
  };
  world->net.RunFor(std::chrono::minutes(2));
  EXPECT_EQ(Waiting("atlanta"), 0);
  EXPECT_EQ(Fate("spoke"), 1);
  EXPECT_LE(Connects(), 2);
  EXPECT_EQ(Waiting("dallas"), 2);
  Peer& client = Client();
  world->net.RunFor(milliseconds(100));
  EXPECT_EQ(client.received, "220 hello\r\n");
  EXPECT_EQ(Fate("used"), 0);
  world->Load(Config("warm: 2"));  // once more after each reload
  world->net.RunFor(seconds(10));
  EXPECT_EQ(Fate("spoke"), 2);
}

TEST_F(Warm, WhatItSaidIsPassedOnWhereThatIsAllowed) {
  world.emplace(Config("warm: 2, warm_greeting: true") + kHttp);
  atlanta = &world->Serve("10.1.0.1:80", [](Peer&) {});
  dallas = &world->Serve("10.2.0.1:80", Echo("dallas"));
  atlanta->wrap = [](net::StreamPtr stream) {
    stream->Write("220 hello\r\n");
    return stream;
  };
  world->net.RunFor(seconds(1));
  EXPECT_EQ(Waiting("atlanta"), 2);
  Peer& client = Client();
  world->net.RunFor(milliseconds(100));
  EXPECT_EQ(Fate("used"), 1);
  EXPECT_EQ(client.received, "220 hello\r\n");
  Peer* served = nullptr;
  client.stream->Write("EHLO");
  world->net.RunFor(milliseconds(100));
  for (const auto& peer : atlanta->peers) served = peer->received.empty() ? served : peer.get();
  ASSERT_NE(served, nullptr);
  served->stream->Write("250 ok\r\n");
  world->net.RunFor(milliseconds(100));
  EXPECT_EQ(client.received, "220 hello\r\n250 ok\r\n");
  // Requests have no use for it.
  world->Ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(Fate("used"), 1);
}

TEST_F(Warm, ALongGreetingIsKeptWholeAndBounded) {
  const std::string all(50'000, 'g');
  world.emplace(Config("warm: 1, warm_greeting: true"));
  atlanta = &world->Serve("10.1.0.1:80", [](Peer&) {});
  dallas = &world->Serve("10.2.0.1:80", Echo("dallas"));
  atlanta->wrap = [&](net::StreamPtr stream) {
    stream->Write(all);
    return stream;
  };
  world->net.RunFor(seconds(1));
  Peer& client = Client();
  world->net.RunFor(seconds(1));
  EXPECT_EQ(Fate("used"), 1);
  EXPECT_EQ(client.received, all);
}

TEST_F(Warm, NoneWaitsWhereNoNewSessionMayGo) {
  Begin(Config("warm: 2"));
  SetIntent(health::Intent::kDrain);
  world->net.RunFor(seconds(3));
  EXPECT_EQ(Waiting("atlanta"), 0);
  EXPECT_EQ(Fate("dropped"), 2);
  EXPECT_EQ(atlanta->peers.size(), 2u);
  EXPECT_TRUE(atlanta->peers[0]->closed() && atlanta->peers[1]->closed());
  SetIntent(health::Intent::kServe);
  world->net.RunFor(milliseconds(100));
  EXPECT_EQ(Waiting("atlanta"), 2);
}

TEST_F(Warm, AConnectThatFailsPutsTheEndpointInDoubtForAll) {
  world.emplace(Config("warm: 1"));
  dallas = &world->Serve("10.2.0.1:80", Echo("dallas"));
  world->net.RunFor(seconds(1));  // nobody is at atlanta
  EXPECT_EQ(Waiting("atlanta"), 0);
  EXPECT_EQ(Connects(), 1);
  EXPECT_EQ(Fate("closed"), 1);
  EXPECT_EQ(world->Ask(Client(), "x"), "dallas:x");
  EXPECT_EQ(Connects(), 1) << "the spare has paid for it";
}

TEST_F(Warm, OldOnesAreReplaced) {
  Begin(Config("warm: 2"));
  world->net.RunFor(seconds(45));
  EXPECT_EQ(Waiting("atlanta"), 2);
  EXPECT_EQ(Fate("dropped"), 2);
  EXPECT_EQ(atlanta->peers.size(), 4u);
}

TEST_F(Warm, AReloadKeepsWhatItStillWants) {
  Begin(Config("warm: 2"));
  world->Load(Config("warm: 2"));
  world->net.RunFor(seconds(1));
  EXPECT_EQ(atlanta->peers.size(), 2u);
  EXPECT_EQ(world->Ask(Client(), "hello"), "atlanta:hello");
  EXPECT_EQ(Fate("used"), 1);
  world->Load(Config("warm: 0"));
  world->net.RunFor(seconds(1));
  EXPECT_EQ(Waiting("atlanta") + Waiting("dallas"), 0);
  EXPECT_EQ(world->Ask(Client(), "hello"), "atlanta:hello");
  EXPECT_EQ(Fate("used"), 1);
}

TEST_F(Warm, ADrainOfTheWorkerEndsThemAll) {
  Begin(Config("warm: 2"));
  bool done = false;
  world->workers[0]->Drain([&] { done = true; });
  world->net.RunFor(seconds(3));
  EXPECT_TRUE(done);
  EXPECT_EQ(Waiting("atlanta") + Waiting("dallas"), 0);
  for (Server* server : {atlanta, dallas}) {
    ASSERT_EQ(server->peers.size(), 2u);
    for (const auto& peer : server->peers) EXPECT_TRUE(peer->closed());
  }
}

TEST_F(Warm, TheProxyHeaderIsOfTheClientThatTakesIt) {
  Begin(Config("warm: 1, proxy_protocol: v1"), [](Peer& peer) {
    if (peer.received.ends_with("hello")) peer.stream->Write("ok");
  });
  EXPECT_EQ(atlanta->received(), "");
  Peer& client = Client();
  const std::string port = std::to_string(client.stream->local().port());
  EXPECT_EQ(world->Ask(client, "hello"), "ok");
  EXPECT_EQ(Fate("used"), 1);
  EXPECT_EQ(atlanta->peers[0]->received,
            "PROXY TCP4 192.0.2.1 10.0.0.1 " + port + " 5432\r\nhello");
}

TEST_F(Warm, RequestsUseThemToo) {
  Begin(Config("warm: 1") + kHttp, Answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"));
  const std::string answer = world->Ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(answer.ends_with("hi")) << answer;
  EXPECT_EQ(Fate("used"), 1);
  world->net.RunFor(milliseconds(100));
  EXPECT_EQ(Waiting("atlanta"), 1);
}

TEST_F(Warm, MaxConnectionsBoundsThem) {
  Begin(Config("warm: 5, max_connections: 3"));
  EXPECT_EQ(Waiting("atlanta"), 3);
  Peer& first = Client();
  EXPECT_EQ(world->Ask(first, "1"), "atlanta:1");
  EXPECT_EQ(world->Ask(Client(), "2"), "atlanta:2");
  world->net.RunFor(seconds(3));
  EXPECT_EQ(Waiting("atlanta"), 1);
  first.stream->Reset();
  world->net.RunFor(seconds(3));
  EXPECT_EQ(Waiting("atlanta"), 2);
}

TEST_F(Warm, OnlyTheActiveSiteGetsThem) {
  Begin(Config("warm: 2",
               ", mode: disaster-recovery, primary: atlanta, standby: dallas, failover: "
               "{automatic: false}"));
  world->registry.Service("db").Publish(
      {health::Admission::kRoute, world->registry.Site("atlanta").ordinal, 1}, "a test", {});
  world->workers[0]->HealthChanged();
  world->net.RunFor(milliseconds(100));
  EXPECT_EQ(Waiting("atlanta"), 2);
  EXPECT_EQ(Waiting("dallas"), 0);
  world->registry.Service("db").Publish(
      {health::Admission::kRoute, world->registry.Site("dallas").ordinal, 2}, "a test", {});
  world->workers[0]->HealthChanged();
  EXPECT_EQ(Waiting("atlanta"), 0) << "at once";
  world->net.RunFor(milliseconds(100));
  EXPECT_EQ(Waiting("dallas"), 2);
}

TEST_F(Warm, WhatOnlyDatagramsAskForNeedsNone) {
  std::string yaml = Config("warm: 2");
  yaml.replace(yaml.find("protocol: tcp"), 13, "protocol: udp");
  Begin(yaml);
  EXPECT_TRUE(atlanta->peers.empty());
}

// A client that has got a spare connection of Atlanta's, which is atlanta->peers[0].
struct WarmHandOver : Warm {
  explicit WarmHandOver(const std::string& backend = "warm: 1") : backend_(backend) {}
  Peer& TakeOne(Server::Script script = Echo("atlanta")) {
    Begin(Config(backend_), std::move(script));
    Peer& client = Client();
    EXPECT_TRUE(world->net.RunUntil([&] { return Fate("used") == 1; }, seconds(1)));
    client.stream->StartReading();
    return client;
  }
  Peer& taken() { return *atlanta->peers[0]; }
  double Retries(const std::string& site) {
    return MetricMap(world->metrics)["meridian_retries_total{service=db,site=" + site + "}"];
  }
  double Active() {
    const auto at = [this](const std::string& site) {
      return MetricMap(world->metrics)["meridian_sessions_active{service=db,site=" + site + "}"];
    };
    return at("atlanta") + at("dallas");
  }

 private:
  std::string backend_;
};

TEST_F(WarmHandOver, OneThatDiesBeforeAnythingIsSentIsReplaced) {
  for (const bool by_reset : {false, true}) {
    Peer& client = TakeOne();
    by_reset ? taken().stream->Reset() : taken().stream->FinishWriting();
    world->net.RunFor(milliseconds(100));
    EXPECT_FALSE(client.closed());
    EXPECT_EQ(world->Ask(client, "hello"), "atlanta:hello");
    EXPECT_EQ(Retries("atlanta"), 1);
    EXPECT_EQ(Active(), 1);
    EXPECT_EQ(world->snapshot->table->endpoint(EndpointId{0}).health->in_flight(), 1u);
    EXPECT_EQ(
        MetricMap(world->metrics)["meridian_failures_total{listener=tcp,reason=backend-reset}"], 0);
  }
}

TEST_F(WarmHandOver, WhatItsServerNeverGotIsSentAgain) {
  Peer& client = TakeOne();
  client.stream->Write("hello");
  taken().on_data = nullptr;
  taken().stream->FinishWriting();  // they cross
  world->net.RunFor(milliseconds(100));
  EXPECT_NE(taken().received, "") << "it did not get to the server that had ended";
  EXPECT_EQ(client.received, "atlanta:hello");
  EXPECT_EQ(world->Ask(client, "!"), "!");
  EXPECT_EQ(MetricMap(world->metrics)["meridian_received_bytes_total{service=db,site=atlanta}"], 6);
}

TEST_F(WarmHandOver, TheClientsEndGoesAlong) {
  Peer& client = TakeOne();
  client.stream->Write("hello");
  client.stream->FinishWriting();
  taken().on_data = nullptr;
  taken().stream->FinishWriting();
  world->net.RunFor(milliseconds(100));
  EXPECT_EQ(client.received, "atlanta:hello");
  ASSERT_GE(atlanta->peers.size(), 3u);
  EXPECT_TRUE(atlanta->peers[1]->ended || atlanta->peers[2]->ended);
}

TEST_F(WarmHandOver, ADeadServersSessionGoesToTheNextSite) {
  Peer& client = TakeOne();
  world->net.Kill(At("10.1.0.1:80"));
  world->net.RunFor(milliseconds(100));
  EXPECT_EQ(world->Ask(client, "hello"), "dallas:hello");
  EXPECT_EQ(Active(), 1);
}

TEST_F(WarmHandOver, WhatAServerHasGotIsNeverSentAgain) {
  for (const bool by_reset : {false, true}) {
    std::string got;
    Peer& client = TakeOne([&](Peer& peer) {
      got += std::exchange(peer.received, {});
      by_reset ? peer.stream->Reset() : peer.stream->FinishWriting();
    });
    client.stream->Write("hello");
    world->net.RunFor(milliseconds(100));
    EXPECT_TRUE(client.closed());
    EXPECT_EQ(got, "hello");
  }
}

TEST_F(WarmHandOver, NorWhatIsMoreThanIsHeld) {
  Peer& client = TakeOne();
  client.stream->Write(std::string(20'000, 'x'));
  world->net.RunFor(milliseconds(1));
  taken().on_data = nullptr;
  taken().stream->FinishWriting();
  world->net.RunFor(milliseconds(100));
  EXPECT_EQ(client.received, "");
  EXPECT_TRUE(client.closed());
}

TEST_F(WarmHandOver, OneThatWasHeardOfEndsAsAnyOther) {
  Peer& client = TakeOne();
  EXPECT_EQ(world->Ask(client, "hello"), "atlanta:hello");
  taken().stream->Reset();
  world->net.RunFor(milliseconds(100));
  EXPECT_TRUE(client.failed.has_value());
}

struct WarmHandOverAnnounced : WarmHandOver {
  WarmHandOverAnnounced() : WarmHandOver("warm: 1, proxy_protocol: v1") {}
};

TEST_F(WarmHandOverAnnounced, TheOtherGetsItsHeaderToo) {
  Peer& client = TakeOne([](Peer& peer) {
    if (peer.received.ends_with("hello")) peer.stream->Write("ok");
  });
  taken().stream->FinishWriting();
  world->net.RunFor(milliseconds(100));
  EXPECT_EQ(world->Ask(client, "hello"), "ok");
  const std::string port = std::to_string(client.stream->local().port());
  size_t served = 0;
  for (const auto& peer : atlanta->peers)
    served += peer->received == "PROXY TCP4 192.0.2.1 10.0.0.1 " + port + " 5432\r\nhello";
  EXPECT_EQ(served, 1u);
}

}  // namespace
}  // namespace meridian::fakes
