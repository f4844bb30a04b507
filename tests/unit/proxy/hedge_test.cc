// Hedging through a whole worker in memory: when a further copy of a request starts, which answer
// the client gets, and what becomes of the other.
#include <gtest/gtest.h>

#include "testing/http2_client.h"
#include "testing/http2_server.h"
#include "testing/world.h"

namespace meridian::fakes {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string Config(std::string_view retries, std::string_view more = "") {
  return std::string(R"(
process: {state_directory: /nonexistent}
log: {access: {path: stdout}}
geo: {default: {latitude: 33, longitude: -84, country: US, continent: NA}}
regions:
  east: {sites: {atlanta: {latitude: 33.7, longitude: -84.4, services: {web: ["10.1.0.1:80"]}}}}
  south: {sites: {dallas: {latitude: 32.8, longitude: -96.8, services: {web: ["10.2.0.1:80"]}}}}
  west: {sites: {tokyo: {latitude: 35.7, longitude: 139.7, services: {web: ["10.3.0.1:80"]}}}}
services:
  web:
    timeouts: {connect: 2s, response: 2s, idle: 20s}
    retries: {)") +
         std::string(retries) + "}\n" + std::string(more) + R"(
listeners:
  http: {bind: "10.0.0.1:80", protocol: http, service: web}
admin: {socket: /nonexistent/admin.sock}
)";
}

constexpr std::string_view kGet = "GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n";

constexpr std::string_view kFast = "GET /fast HTTP/1.1\r\nHost: a.test\r\n\r\n";

std::string Ok(std::string_view body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

// Three sites, nearest first: Atlanta, Dallas, Tokyo.
struct Hedge : testing::Test {
  explicit Hedge(std::string_view retries = "hedge_after: 100ms", std::string_view more = "")
      : world(Config(retries, more)) {}

  // Takes requests and says nothing; its connections are in the Server.
  Server& Hang(std::string_view at) {
    return world.Serve(at, [](Peer&) {});
  }
  // Atlanta answers all but /x, Dallas everything.
  void ServeButX() {
    world.Serve("10.1.0.1:80", [](Peer& peer) {
      if (peer.received.starts_with("GET /fast ")) peer.stream->Write(Ok("atlanta"));
    });
    world.Serve("10.2.0.1:80", Answer(Ok("dallas")));
  }
  bool Usable(uint32_t endpoint) {
    return world.snapshot->table->endpoint(EndpointId{endpoint}).health->takes_new();
  }
  Peer& Send(std::string_view bytes) {
    Peer& client = world.Connect("192.0.2.1", "10.0.0.1:80");
    client.stream->Write(bytes);
    return client;
  }
  // Whether the client has the whole answer within the time.
  bool AnsweredIn(Peer& client, Duration most, std::string_view end) {
    return world.net.RunUntil([&] { return client.received.ends_with(end); }, most);
  }
  double Count(const std::string& name, const std::string& site) {
    return MetricMap(world.metrics)["meridian_" + name + "{service=web,site=" + site + "}"];
  }
  void Run(Duration time) { world.net.RunFor(time); }

  World world;
};

TEST_F(Hedge, ASilentServersRequestIsAnsweredByTheNext) {
  Server& atlanta = Hang("10.1.0.1:80");
  world.Serve("10.2.0.1:80", Answer(Ok("dallas")));
  Peer& client = Send(kGet);
  Run(milliseconds(90));
  EXPECT_EQ(client.received, "");
  EXPECT_EQ(world.servers[1]->peers.size(), 0u);
  EXPECT_TRUE(AnsweredIn(client, milliseconds(60), "dallas"));
  EXPECT_NE(client.received.find("Meridian-Site: dallas\r\n"), std::string::npos);
  EXPECT_EQ(Count("hedges_total", "atlanta"), 1);
  EXPECT_EQ(Count("hedges_won_total", "dallas"), 1);
  EXPECT_EQ(Count("retries_total", "dallas"), 0);
  Run(milliseconds(20));
  EXPECT_TRUE(atlanta.peers[0]->failed);  // nobody wants its answer any more
  EXPECT_EQ(MetricMap(world.metrics)["meridian_sessions_active{service=web,site=atlanta}"], 0);
  EXPECT_EQ(world.snapshot->table->endpoint(EndpointId{0}).health->in_flight(), 0u);
  const auto lines = world.AccessLines();
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_NE(lines[0].find("\"site\":\"dallas\""), std::string::npos);
  EXPECT_NE(lines[0].find("\"attempts\":2"), std::string::npos);
}

TEST_F(Hedge, GoesOnToTheThirdWhenTheSecondIsSilentToo) {
  Hang("10.1.0.1:80");
  Hang("10.2.0.1:80");
  world.Serve("10.3.0.1:80", Answer(Ok("tokyo")));
  EXPECT_TRUE(AnsweredIn(Send(kGet), milliseconds(300), "tokyo"));
}

TEST_F(Hedge, TheFirstServerMayStillBeTheFirstToAnswer) {
  Server& atlanta = Hang("10.1.0.1:80");
  Server& dallas = Hang("10.2.0.1:80");
  Hang("10.3.0.1:80");
  Peer& client = Send(kGet);
  Run(milliseconds(150));
  ASSERT_EQ(dallas.peers.size(), 1u);
  atlanta.peers[0]->stream->Write(Ok("atlanta"));
  EXPECT_TRUE(AnsweredIn(client, milliseconds(50), "atlanta"));
  Run(milliseconds(20));
  EXPECT_TRUE(dallas.peers[0]->failed);
  EXPECT_EQ(Count("hedges_total", "atlanta"), 1);
  EXPECT_EQ(Count("hedges_won_total", "atlanta") + Count("hedges_won_total", "dallas"), 0);
  // Both connections were good: the winner's is kept for the next request.
  client.stream->Write(kGet);
  Run(milliseconds(20));
  EXPECT_EQ(atlanta.peers.size(), 1u);
}

TEST_F(Hedge, AnAnswerInPiecesIsTheWinnersAlone) {
  Server& atlanta = Hang("10.1.0.1:80");
  Server& dallas = Hang("10.2.0.1:80");
  Hang("10.3.0.1:80");
  Peer& client = Send(kGet);
  Run(milliseconds(150));
  ASSERT_EQ(dallas.peers.size(), 1u);
  atlanta.peers[0]->stream->Write("HTTP/1.1 200 OK\r\nX-From: atla");
  Run(milliseconds(10));
  dallas.peers[0]->stream->Write(Ok("dallas"));
  Run(milliseconds(10));
  EXPECT_EQ(client.received, "");
  atlanta.peers[0]->stream->Write("nta\r\nContent-Length: 2\r\n\r\nok");
  EXPECT_TRUE(AnsweredIn(client, milliseconds(50), "\r\n\r\nok"));
  EXPECT_NE(client.received.find("X-From: atlanta\r\n"), std::string::npos);
  EXPECT_EQ(client.received.find("dallas"), std::string::npos);
}

TEST_F(Hedge, AFurtherCopyThatFailsLeavesTheFirst) {
  Server& atlanta = Hang("10.1.0.1:80");
  world.net.Refuse(At("10.2.0.1:80"));
  world.net.Refuse(At("10.3.0.1:80"));
  Peer& client = Send(kGet);
  Run(milliseconds(200));
  EXPECT_EQ(client.received, "");
  atlanta.peers[0]->stream->Write(Ok("atlanta"));
  EXPECT_TRUE(AnsweredIn(client, milliseconds(50), "atlanta"));
}

TEST_F(Hedge, AFirstServerThatFailsLeavesTheFurtherCopy) {
  Server& atlanta = Hang("10.1.0.1:80");
  Server& dallas = Hang("10.2.0.1:80");
  Hang("10.3.0.1:80");
  Peer& client = Send(kGet);
  Run(milliseconds(150));
  atlanta.peers[0]->stream->Reset();
  Run(milliseconds(10));
  EXPECT_EQ(client.received, "");
  dallas.peers[0]->stream->Write(Ok("dallas"));
  EXPECT_TRUE(AnsweredIn(client, milliseconds(50), "dallas"));
}

TEST_F(Hedge, AStatusToRetryWaitsForTheOthersAnswer) {
  Server& atlanta = Hang("10.1.0.1:80");
  Server& dallas = Hang("10.2.0.1:80");
  world.net.Refuse(At("10.3.0.1:80"));
  Peer& client = Send(kGet);
  Run(milliseconds(250));
  atlanta.peers[0]->stream->Write("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
  Run(milliseconds(50));
  EXPECT_EQ(client.received, "");
  dallas.peers[0]->stream->Write(Ok("dallas"));
  EXPECT_TRUE(AnsweredIn(client, milliseconds(50), "dallas"));
}

TEST_F(Hedge, AllSilentEndsWithTheResponseTimeout) {
  for (const auto* at : {"10.1.0.1:80", "10.2.0.1:80", "10.3.0.1:80"}) Hang(at);
  Peer& client = Send(kGet);
  Run(milliseconds(3000));
  EXPECT_TRUE(client.received.starts_with("HTTP/1.1 504 ")) << client.received;
  EXPECT_EQ(world.AccessLines().size(), 1u);
  EXPECT_FALSE(Usable(0));
  EXPECT_TRUE(Usable(2));  // there was no other to go to
}

TEST_F(Hedge, AServerThatAnswersNobodyIsInDoubtForAll) {
  Hang("10.1.0.1:80");
  world.Serve("10.2.0.1:80", Answer(Ok("dallas")));
  std::vector<Peer*> clients;
  for (int i = 0; i < 40; ++i) clients.push_back(&Send(kGet));
  Run(milliseconds(150));  // far more than the budget, which stops storms, would let go elsewhere
  for (const Peer* client : clients) EXPECT_TRUE(client->received.ends_with("dallas"));
  EXPECT_FALSE(Usable(0));
  EXPECT_TRUE(AnsweredIn(Send(kGet), milliseconds(20), "dallas"));
}

TEST_F(Hedge, AServerThatIsSlowForOneRequestIsNot) {
  ServeButX();
  Peer& slow = Send(kGet);
  Run(milliseconds(50));
  EXPECT_TRUE(AnsweredIn(Send(kFast), milliseconds(20), "atlanta"));
  EXPECT_TRUE(AnsweredIn(slow, milliseconds(60), "dallas"));
  EXPECT_TRUE(Usable(0));
}

TEST_F(Hedge, WhatMayNotBeSentTwiceIsNot) {
  Hang("10.1.0.1:80");
  Server& dallas = world.Serve("10.2.0.1:80", Answer(Ok("dallas")));
  Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
  Send("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
  // More than is kept, and less than whole.
  Send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n" + std::string(70'000, 'x'));
  Send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf");
  Run(milliseconds(1500));
  EXPECT_EQ(dallas.peers.size(), 0u);
  EXPECT_EQ(Count("hedges_total", "atlanta"), 0);
}

TEST_F(Hedge, ABodyGoesWithEachCopy) {
  Hang("10.1.0.1:80");
  Server& dallas = world.Serve("10.2.0.1:80", [](Peer& peer) {
    if (peer.received.ends_with("body!")) peer.stream->Write(Ok("dallas"));
  });
  EXPECT_TRUE(AnsweredIn(Send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nbody!"),
                         milliseconds(200), "dallas"));
  EXPECT_TRUE(dallas.received().ends_with("body!"));
}

TEST_F(Hedge, AClientThatLeavesEndsEveryCopy) {
  Server& atlanta = Hang("10.1.0.1:80");
  Server& dallas = Hang("10.2.0.1:80");
  Hang("10.3.0.1:80");
  Peer& client = Send(kGet);
  Run(milliseconds(150));
  client.stream->Reset();
  Run(milliseconds(50));
  EXPECT_TRUE(atlanta.peers[0]->closed());
  EXPECT_TRUE(dallas.peers[0]->closed());
}

struct HedgeBudget : Hedge {
  HedgeBudget() : Hedge("hedge_after: 100ms, budget: 0%") {}
};

TEST_F(HedgeBudget, IsThatOfRetries) {
  ServeButX();
  std::vector<Peer*> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(&Send(kGet));
  Run(milliseconds(50));
  EXPECT_TRUE(AnsweredIn(Send(kFast), milliseconds(20), "atlanta"));
  Run(milliseconds(530));
  const auto answered = std::count_if(clients.begin(), clients.end(), [](const Peer* client) {
    return client->received.ends_with("dallas");
  });
  EXPECT_EQ(answered, 10);
  EXPECT_EQ(Count("hedges_total", "atlanta"), 10);
}

struct RetryBudget : Hedge {
  RetryBudget() : Hedge("hedge_after: off, budget: 20%") {}
};

TEST_F(RetryBudget, IsAShareOfWhatASecondSees) {
  world.Serve("10.1.0.1:80", [](Peer& peer) {
    if (!peer.received.ends_with("\r\n\r\n")) return;
    const std::string request = std::exchange(peer.received, {});
    request.starts_with("GET /fast ") ? peer.stream->Write(Ok("atlanta")) : peer.stream->Reset();
  });
  world.Serve("10.2.0.1:80", Answer(Ok("dallas")));
  std::vector<Peer*> slow;
  for (int i = 0; i < 15; ++i) slow.push_back(&world.Connect("192.0.2.1", "10.0.0.1:80"));
  std::vector<Peer*> fast;
  for (int i = 0; i < 100; ++i) fast.push_back(&Send(kFast));
  Run(milliseconds(100));
  for (Peer* client : slow) client->stream->Write(kGet);
  Run(milliseconds(50));
  for (const Peer* client : slow) EXPECT_TRUE(client->received.ends_with("dallas"));
}

struct HedgeByP99 : Hedge {
  HedgeByP99() : Hedge("hedge_after: p99") {}
};

TEST_F(HedgeByP99, FollowsTheEndpointsOwnTimesOnceThereAreEnough) {
  Peer* open = nullptr;
  Server& atlanta = world.Serve("10.1.0.1:80", [&open](Peer& peer) { open = &peer; });
  world.Serve("10.2.0.1:80", Answer(Ok("dallas")));
  const auto answer_after = [&](Peer& client, Duration time) {
    Run(time);
    open->stream->Write(Ok("atlanta"));
    return AnsweredIn(client, milliseconds(10), "atlanta");
  };
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(answer_after(Send(kGet), milliseconds(40)));
  ASSERT_EQ(Count("hedges_total", "atlanta"), 0);
  Peer& client = Send(kGet);
  Run(milliseconds(30));
  EXPECT_EQ(Count("hedges_total", "atlanta"), 0);
  EXPECT_TRUE(AnsweredIn(client, milliseconds(40), "dallas"));
  EXPECT_GT(atlanta.peers.size(), 0u);
}

struct HedgeByFastP99 : Hedge {
  HedgeByFastP99() : Hedge("hedge_after: p99") {}
};

TEST_F(HedgeByFastP99, HasAFloor) {
  std::string body = "atlanta";
  world.Serve("10.1.0.1:80", [&body](Peer& peer) {
    if (body.empty() || !peer.received.ends_with("\r\n\r\n")) return;
    peer.stream->Write(Ok(body));
  });
  world.Serve("10.2.0.1:80", Answer(Ok("dallas")));
  for (int i = 0; i < 120; ++i) ASSERT_TRUE(AnsweredIn(Send(kGet), milliseconds(50), "atlanta"));
  body.clear();
  Peer& client = Send(kGet);
  EXPECT_FALSE(AnsweredIn(client, milliseconds(9), "dallas"));
  EXPECT_TRUE(AnsweredIn(client, milliseconds(30), "dallas"));
}

// A site of two servers, of which both hang.
struct HungSite : Hedge {
  explicit HungSite(std::string_view retries = "hedge_after: 100ms") : Hedge(retries) {
    std::string yaml = Config(retries);
    const std::string_view one = "\"10.1.0.1:80\"";
    yaml.insert(yaml.find(one) + one.size(), ", \"10.1.0.2:80\"");
    world.Load(yaml);
    for (const auto* at : {"10.1.0.1:80", "10.1.0.2:80"}) Hang(at);
    world.Serve("10.2.0.1:80", Answer(Ok("dallas")));
  }
  // What the slowest of `count` clients waits, who come one after the other, every 3 ms.
  Duration Slowest(int count) {
    std::vector<std::pair<Peer*, MonotonicTime>> waiting;
    Duration slowest{};
    const auto watch = [&] {
      Run(milliseconds(1));
      std::erase_if(waiting, [&](const auto& each) {
        if (!each.first->received.ends_with("dallas")) return false;
        slowest = std::max(slowest, world.net.Now() - each.second);
        return true;
      });
    };
    for (int i = 0; i < count; ++i) {
      waiting.emplace_back(&Send(kGet), world.net.Now());  // takes 2 ms, until it is connected
      watch();
    }
    for (int i = 0; i < 5000 && !waiting.empty(); ++i) watch();
    for (const auto& each : waiting) ADD_FAILURE() << "not answered: " << each.first->received;
    return slowest;
  }
};

TEST_F(HungSite, CostsNobodyMoreThanOneWait) {
  EXPECT_LE(Slowest(150), milliseconds(115));
  EXPECT_FALSE(Usable(0));
  EXPECT_FALSE(Usable(1));
  EXPECT_TRUE(AnsweredIn(Send(kGet), milliseconds(20), "dallas"));
}

TEST_F(HungSite, CostsNoMoreWhoAskedAsOthersWereStillAnswered) {
  bool hung = false;
  for (const size_t server : {0, 1}) world.servers[server]->Close();
  for (const auto* at : {"10.1.0.1:80", "10.1.0.2:80"}) {
    world.Serve(at, [&hung](Peer& peer) {
      const bool fast = peer.received.starts_with("GET /fast ");
      if (!hung && fast && peer.received.ends_with("\r\n\r\n")) peer.stream->Write(Ok("atlanta"));
    });
  }
  std::vector<Peer*> slow{&Send(kGet), &Send(kGet)};
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(AnsweredIn(Send(kFast), milliseconds(10), "atlanta"));
  hung = true;
  for (int i = 0; i < 10; ++i) slow.push_back(&Send(kGet));
  Run(milliseconds(115));
  for (const Peer* client : slow) EXPECT_TRUE(client->received.ends_with("dallas"));
}

struct HungSiteHedgeOff : HungSite {
  HungSiteHedgeOff() : HungSite("hedge_after: off, budget: 0%") {}
};

TEST_F(HungSiteHedgeOff, CostsNobodyMoreThanOneResponseTimeoutWhateverTheBudget) {
  EXPECT_LE(Slowest(900), milliseconds(2015));
  EXPECT_FALSE(Usable(0));
  EXPECT_FALSE(Usable(1));
}

TEST_F(HungSiteHedgeOff, IsInDoubtForAllEvenWhereNothingMayBeSentAgain) {
  Peer& client = Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
  Run(milliseconds(2100));
  EXPECT_TRUE(client.received.starts_with("HTTP/1.1 504 ")) << client.received;
  EXPECT_NE(Usable(0), Usable(1));
}

TEST_F(HedgeBudget, HoldsForTimeoutsOfAServerThatAnswersOthers) {
  ServeButX();
  world.Load(Config("hedge_after: off, budget: 0%"));
  std::vector<Peer*> clients;
  for (int i = 0; i < 40; ++i) clients.push_back(&Send(kGet));
  for (int i = 0; i < 31; ++i) {
    Run(milliseconds(50));
    EXPECT_TRUE(AnsweredIn(Send(kFast), milliseconds(20), "atlanta"));
  }
  Run(milliseconds(300));
  const auto answered = std::count_if(clients.begin(), clients.end(), [](const Peer* client) {
    return client->received.ends_with("dallas");
  });
  EXPECT_GE(answered, 10);
  EXPECT_LE(answered, 20) << "a second may end amid them";
  EXPECT_FALSE(Usable(0)) << "what fails so often is ejected";
}

TEST_F(HungSiteHedgeOff, WhoseNetworkSwallowsAllCostsNoBudgetEither) {
  for (const size_t server : {0, 1}) world.servers[server]->Close();
  for (const auto* at : {"10.1.0.1:80", "10.1.0.2:80"}) world.Serve(at, Answer(Ok("atlanta")));
  std::vector<Peer*> clients;
  for (int i = 0; i < 40; ++i) clients.push_back(&world.Connect("192.0.2.1", "10.0.0.1:80"));
  for (Peer* client : clients) client->stream->Write(kGet);
  Run(milliseconds(100));
  for (const auto* at : {"10.1.0.1:80", "10.1.0.2:80"}) world.net.BlackHole(At(at));
  for (size_t i = 0; i < 20; ++i) clients[i]->stream->Write(kGet);
  Run(milliseconds(150));
  for (size_t i = 20; i < 40; ++i) clients[i]->stream->Write(kGet);
  Run(milliseconds(180));  // those that came later need not find it out for themselves
  for (const Peer* client : clients) EXPECT_TRUE(client->received.ends_with("dallas"));
}

struct HedgeOff : Hedge {
  HedgeOff() : Hedge("hedge_after: off") {}
};

TEST_F(HedgeOff, NothingStartsTwice) {
  Hang("10.1.0.1:80");
  Server& dallas = world.Serve("10.2.0.1:80", Answer(Ok("dallas")));
  Send(kGet);
  Run(milliseconds(1900));
  EXPECT_EQ(dallas.peers.size(), 0u);
}

struct HedgeHttp2 : Hedge {
  HedgeHttp2() : Hedge("hedge_after: 100ms", "    backend: {protocol: http2}\n") {
    world.Serve("10.1.0.1:80", atlanta.script());
    world.Serve("10.2.0.1:80", dallas.script());
    world.Serve("10.3.0.1:80", tokyo.script());
  }
  Http2Server atlanta, dallas, tokyo;
};

TEST_F(HedgeHttp2, TheLoserIsResetAndItsConnectionLivesOn) {
  dallas.on_request = [](Http2Server::Request& request) { request.Answer("dallas"); };
  atlanta.on_request = [](Http2Server::Request& request) {
    if (request.log.find("/fast ") != std::string::npos) request.Answer("atlanta");
  };
  Peer& client = Send(kGet);
  Run(milliseconds(50));
  EXPECT_TRUE(AnsweredIn(Send(kFast), milliseconds(20), "atlanta"));
  EXPECT_TRUE(AnsweredIn(client, milliseconds(200), "dallas"));
  Run(milliseconds(50));
  ASSERT_EQ(atlanta.requests.size(), 2u);
  EXPECT_TRUE(atlanta.requests.front().closed);
  EXPECT_NE(atlanta.requests.front().log.find("closed 8"), std::string::npos);  // CANCEL
  atlanta.on_request = [](Http2Server::Request& request) { request.Answer("atlanta"); };
  EXPECT_TRUE(AnsweredIn(Send(kGet), milliseconds(50), "atlanta"));
  EXPECT_EQ(world.servers[0]->peers.size(), 1u);
}

TEST_F(HedgeHttp2, TheFirstMayStillAnswer) {
  Peer& client = Send(kGet);
  Run(milliseconds(150));
  ASSERT_EQ(dallas.requests.size(), 1u);
  atlanta.requests.front().Answer("atlanta");
  EXPECT_TRUE(AnsweredIn(client, milliseconds(50), "atlanta"));
  Run(milliseconds(50));
  EXPECT_TRUE(dallas.requests.front().closed);
}

TEST(HedgeRecovery, NeverGoesToAnotherSiteThanTheActiveOne) {
  World world(R"(
regions:
  south:
    sites:
      atlanta: {latitude: 33, longitude: -84, services: {db: ["10.1.0.1:80", "10.1.0.2:80"]}}
      dallas: {latitude: 32, longitude: -96, services: {db: ["10.2.0.1:80"]}}
services:
  db:
    mode: disaster-recovery
    primary: atlanta
    standby: dallas
    failover: {automatic: false}
    retries: {hedge_after: 50ms, attempts: 5}
    timeouts: {response: 1s}
listeners:
  http: {bind: "10.0.0.1:80", service: db}
)");
  world.registry.Service("db").Publish(
      {health::Admission::kRoute, world.registry.Site("atlanta").ordinal, 1}, "a test",
      world.net.Now());
  Server& one = world.Serve("10.1.0.1:80", [](Peer&) {});
  Server& two = world.Serve("10.1.0.2:80", [](Peer&) {});
  Server& dallas = world.Serve("10.2.0.1:80", Answer(Ok("dallas")));
  world.Connect("192.0.2.1", "10.0.0.1:80").stream->Write(kGet);
  world.net.RunFor(milliseconds(900));
  EXPECT_EQ(one.peers.size() + two.peers.size(), 2u);
  EXPECT_EQ(dallas.peers.size(), 0u);
}

}  // namespace
}  // namespace meridian::fakes
