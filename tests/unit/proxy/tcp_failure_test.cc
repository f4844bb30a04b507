// What becomes of established tcp sessions when something breaks: resets, silence, a site that goes
// down; and of new ones that are too many.
#include <gtest/gtest.h>

#include "testing/world.h"

namespace meridian::fakes {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string Config(const std::string& service = "", const std::string& limits = "") {
  return R"(
geo: {default: {latitude: 33, longitude: -84, country: US, continent: NA}}
regions:
  east: {sites: {atlanta: {latitude: 33.7, longitude: -84.4, services: {db: ["10.1.0.1:80"]}}}}
  south: {sites: {dallas: {latitude: 32.8, longitude: -96.8, services: {db: ["10.2.0.1:80"]}}}}
services:
  db: {timeouts: {idle: 10m, session: 1h}, health_check: port)" +
         service + R"(}
health_checks: {port: {type: tcp}}
listeners:
  tcp: {bind: "10.0.0.1:5432", protocol: tcp, service: db, limits: {)" +
         limits + "}}\n";
}

Server::Script Echo() {
  return [](Peer& peer) { peer.stream->Write(std::exchange(peer.received, {})); };
}

struct TcpFailure : testing::Test {
  explicit TcpFailure(const std::string& yaml = Config()) : world(yaml) {
    atlanta = &world.Serve("10.1.0.1:80", Echo());
    dallas = &world.Serve("10.2.0.1:80", Echo());
    Probe("atlanta", "10.1.0.1:80", health::Probe::kUp);
    Probe("dallas", "10.2.0.1:80", health::Probe::kUp);
  }
  health::EndpointHealth& Endpoint(const std::string& site, const std::string& address) {
    return world.registry.Endpoint(site, address, "port");
  }
  void Probe(const std::string& site, const std::string& address, health::Probe verdict) {
    world.registry.SetProbe(Endpoint(site, address), verdict, world.net.Now());
    world.workers[0]->HealthChanged();
  }
  Peer& Client(const std::string& host = "192.0.2.1") {
    return world.Connect(host, "10.0.0.1:5432");
  }
  double Metric(const std::string& name) { return MetricMap(world.metrics)[name]; }
  double Stalls() { return Metric("meridian_stalled_sessions_total{service=db,site=atlanta}"); }
  health::Traffic Traffic() { return Endpoint("atlanta", "10.1.0.1:80").facts().traffic; }

  World world;
  Server* atlanta;
  Server* dallas;
};

TEST_F(TcpFailure, AResetOfTheClientResetsTheBackend) {
  Peer& client = Client();
  EXPECT_EQ(world.Ask(client, "a"), "a");
  client.stream->Reset();
  world.net.RunFor(seconds(1));
  ASSERT_TRUE(atlanta->peers[0]->failed.has_value());
  EXPECT_EQ(atlanta->peers[0]->failed->code, ErrorCode::kReset);
}

TEST_F(TcpFailure, WhatIsNotAcknowledgedPutsTheEndpointInDoubt) {
  Peer& client = Client();
  EXPECT_EQ(world.Ask(client, "a"), "a");
  world.net.BlackHole(At("10.1.0.1:80"));
  client.stream->Write("b");
  world.net.RunFor(seconds(2));
  EXPECT_EQ(Stalls(), 1);
  EXPECT_EQ(Traffic(), health::Traffic::kSuspect);
  EXPECT_FALSE(client.closed()) << "it may heal";
  world.net.RunFor(seconds(20));
  EXPECT_EQ(Stalls(), 1) << "told once";
  world.net.Heal(At("10.1.0.1:80"));
  world.net.RunFor(seconds(2));
  EXPECT_EQ(client.received, "ab");
}

TEST_F(TcpFailure, EachStallIsToldAnew) {
  Peer& client = Client();
  EXPECT_EQ(world.Ask(client, "a"), "a");
  for (int i = 1; i <= 3; ++i) {
    world.net.BlackHole(At("10.1.0.1:80"));
    client.stream->Write("b");
    world.net.RunFor(seconds(3));
    EXPECT_EQ(Stalls(), i);
    world.net.Heal(At("10.1.0.1:80"));
    world.net.RunFor(seconds(3));
  }
}

TEST_F(TcpFailure, ASilentServerThatAcknowledgesIsNotInDoubt) {
  atlanta->Close();
  Server& silent = world.Serve("10.1.0.1:80", [](Peer&) {});
  Peer& client = Client();
  client.stream->Write("a");
  world.net.RunFor(seconds(30));
  EXPECT_EQ(silent.received(), "a");
  EXPECT_EQ(Stalls(), 0);
  EXPECT_EQ(Traffic(), health::Traffic::kClear);
}

TEST_F(TcpFailure, ALoneSessionAtASiteThatGoesDownIsResetAtOnce) {
  Peer& client = Client();
  EXPECT_EQ(world.Ask(client, "a"), "a");
  Probe("atlanta", "10.1.0.1:80", health::Probe::kDown);
  world.net.RunFor(milliseconds(5));
  ASSERT_TRUE(client.failed.has_value());
  EXPECT_EQ(client.failed->code, ErrorCode::kReset);
  EXPECT_EQ(world.workers[0]->clients(), 0u);
}

TEST_F(TcpFailure, ManySessionsAreResetOneAfterTheOther) {
  constexpr int kSessions = 500;
  std::vector<Peer*> clients;
  for (int i = 0; i < kSessions; ++i) clients.push_back(&Client());
  world.net.RunFor(seconds(1));
  ASSERT_EQ(atlanta->peers.size(), kSessions + 0u);
  Probe("atlanta", "10.1.0.1:80", health::Probe::kDown);
  const auto gone = [&] {
    return std::count_if(clients.begin(), clients.end(), [](Peer* c) { return c->closed(); });
  };
  int64_t before = 0;
  for (int i = 0; i < 10; ++i) {
    world.net.RunFor(milliseconds(50));
    const int64_t now = gone();
    EXPECT_GE(now - before, 40) << i;
    EXPECT_LE(now - before, 60) << i;
    before = now;
  }
  world.net.RunFor(milliseconds(10));
  EXPECT_EQ(gone(), kSessions);
}

TEST_F(TcpFailure, HoweverManyTheyAreAllGoneInTwoSeconds) {
  constexpr int kSessions = 2200;
  for (int i = 0; i < kSessions; ++i) Client();
  world.net.RunFor(seconds(1));
  Probe("atlanta", "10.1.0.1:80", health::Probe::kDown);
  world.net.RunFor(milliseconds(1000));
  EXPECT_NEAR(static_cast<double>(world.workers[0]->clients()), kSessions / 2.0, 100);
  world.net.RunFor(milliseconds(1010));
  EXPECT_EQ(world.workers[0]->clients(), 0u);
}

TEST_F(TcpFailure, WhoseTurnHasNotComeStaysIfItsSiteIsBack) {
  for (int i = 0; i < 100; ++i) Client();
  world.net.RunFor(seconds(1));
  Probe("atlanta", "10.1.0.1:80", health::Probe::kDown);
  world.net.RunFor(milliseconds(20));
  Probe("atlanta", "10.1.0.1:80", health::Probe::kUp);
  world.net.RunFor(seconds(5));
  EXPECT_GE(world.workers[0]->clients(), 70u);
}

struct TcpKeeping : TcpFailure {
  TcpKeeping() : TcpFailure(Config(", on_down: keep")) {}
};

TEST_F(TcpKeeping, SessionsStayWhereTheyAreToldTo) {
  Peer& client = Client();
  EXPECT_EQ(world.Ask(client, "a"), "a");
  Probe("atlanta", "10.1.0.1:80", health::Probe::kDown);
  EXPECT_EQ(world.Ask(client, "b"), "b");
}

struct TcpRates : TcpFailure {
  TcpRates() : TcpFailure(Config("", "rate: 2, rate_burst: 3, accept_rate: 5")) {}
};

TEST_F(TcpRates, OneClientMayConnectSoOftenAndAllTogetherSoOften) {
  const auto admitted = [this](const std::string& host) {
    Peer& client = Client(host);
    return world.Ask(client, "x") == "x";
  };
  int own = 0;
  for (int i = 0; i < 5; ++i) own += admitted("192.0.2.1") ? 1 : 0;
  EXPECT_EQ(own, 3);
  EXPECT_EQ(Metric("meridian_failures_total{listener=tcp,reason=rate-limited}"), 2);
  EXPECT_FALSE(admitted("192.0.2.2")) << "five have come within a second";
  world.net.RunFor(seconds(3));
  EXPECT_TRUE(admitted("192.0.2.1"));
  EXPECT_TRUE(admitted("192.0.2.2"));
}

}  // namespace
}  // namespace meridian::fakes
