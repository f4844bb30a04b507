// HTTP through a whole worker in memory: what reaches the backend and what the client gets, byte by
// byte where it matters.
#include <gtest/gtest.h>

#include "testing/world.h"

namespace meridian::fakes {
namespace {

constexpr std::string_view kConfig = R"(
process: {state_directory: /nonexistent}
geo: {default: {latitude: 33, longitude: -84, country: US, continent: NA}}
regions:
  east: {sites: {atlanta: {latitude: 33.7, longitude: -84.4, services: {web: ["10.1.0.1:80", "10.1.0.2:80"]}}}}
  south: {sites: {dallas: {latitude: 32.8, longitude: -96.8, services: {web: ["10.2.0.1:80"]}}}}
services:
  web:
    balance: round-robin
    timeouts: {connect: 2s, response: 10s, idle: 20s}
    outliers: {eject_for: 5s}
listeners:
  http:
    bind: "10.0.0.1:80"
    protocol: http
    routes: [{host: "*", path: /, service: web}]
    trusted_proxies: [198.51.100.0/24]
    limits: {header_timeout: 3s, header_size: 8KiB, body_size: 1MiB}
admin: {socket: /nonexistent/admin.sock}
)";

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
constexpr std::string_view kGet = "GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n";

struct HttpSession : testing::Test {
  explicit HttpSession(const MemoryNetOptions& options = {}) : world(kConfig, options) {}

  void ServeAll(std::string_view response) {
    for (const auto* at : {"10.1.0.1:80", "10.1.0.2:80", "10.2.0.1:80"}) {
      servers.push_back(&world.Serve(at, Answer(std::string(response))));
    }
  }
  size_t BackendConnections() const {
    size_t count = 0;
    for (const Server* server : servers) count += server->peers.size();
    return count;
  }

  World world;
  std::vector<Server*> servers;
};

TEST_F(HttpSession, AnswersWithTheBackendsBodyAndTheSite) {
  ServeAll(kOk);
  const std::string answer = world.Ask(kGet);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_NE(answer.find("Meridian-Site: atlanta\r\n"), std::string::npos);
  EXPECT_NE(answer.find("Meridian-Reason: nearest\r\n"), std::string::npos);
  EXPECT_TRUE(answer.ends_with("\r\n\r\nok"));
}

TEST_F(HttpSession, KeepsBothConnectionsForTheNextRequest) {
  ServeAll(kOk);
  Peer& client = world.Connect("192.0.2.1", "10.0.0.1:80");
  for (int i = 0; i < 6; ++i) EXPECT_TRUE(world.Ask(client, kGet).ends_with("ok"));
  EXPECT_FALSE(client.closed());
  EXPECT_EQ(BackendConnections(), 2u);  // one to each of the nearest site's endpoints
}

TEST_F(HttpSession, PipelinedRequestsAreAnsweredInOrder) {
  // The first request's answer is held back: the second must wait for it.
  Peer* slow = nullptr;
  world.Serve("10.1.0.1:80", [&](Peer& peer) { slow = &peer; });
  world.Serve("10.1.0.2:80", [&](Peer& peer) { slow = &peer; });
  Peer& client = world.Connect("192.0.2.1", "10.0.0.1:80");
  client.stream->Write("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
  world.net.RunFor(std::chrono::seconds(1));
  ASSERT_NE(slow, nullptr);
  EXPECT_EQ(slow->received.find("/2"), std::string::npos);
  const auto answer = [&](std::string_view body) {
    Peer* peer = std::exchange(slow, nullptr);
    peer->stream->Write("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + std::string(body));
    world.net.RunFor(std::chrono::seconds(1));
  };
  answer("A");
  ASSERT_NE(slow, nullptr);
  answer("B");
  EXPECT_LT(client.received.find("\r\n\r\nA"), client.received.find("\r\n\r\nB"));
}

TEST_F(HttpSession, RequestBodiesArriveAsSentAndChunkedOnesAreFramedAnew) {
  Server& server = world.Serve("10.1.0.1:80", [](Peer& peer) {
    if (peer.received.ends_with("hello") || peer.received.ends_with("Digest: x\r\n\r\n"))
      peer.stream->Write(kOk);
  });
  world.net.Refuse(At("10.1.0.2:80"));
  EXPECT_TRUE(
      world.Ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello").ends_with("ok"));
  EXPECT_TRUE(world
                  .Ask("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "5;ext=1\r\nhello\r\n0\r\nTrailer: x\r\nDigest: x\r\n\r\n")
                  .ends_with("ok"));
  const std::string received = server.received();
  EXPECT_NE(received.find("Content-Length: 5\r\n"), std::string::npos) << received;
  EXPECT_NE(received.find("\r\n\r\n5\r\nhello\r\n0\r\nDigest: x\r\n\r\n"), std::string::npos)
      << received;
  EXPECT_EQ(received.find("ext=1"), std::string::npos);
}

TEST_F(HttpSession, TrailersPassBothWays) {
  Server& server = world.Serve("10.1.0.1:80", [](Peer& peer) {
    if (peer.received.ends_with("X-Sum: 1\r\n\r\n"))
      peer.stream->Write(
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Status: "
          "good\r\nContent-Length: 9\r\n\r\n");
  });
  world.net.Refuse(At("10.1.0.2:80"));
  const std::string answer = world.Ask(
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5\r\nhello\r\n0\r\nHost: evil\r\nX-Sum: 1\r\n\r\n");
  EXPECT_TRUE(answer.ends_with("\r\n\r\n2\r\nok\r\n0\r\nX-Status: good\r\n\r\n")) << answer;
  EXPECT_TRUE(server.received().find("5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n") != std::string::npos)
      << server.received();
}

TEST_F(HttpSession, AResponseUntilCloseBecomesChunkedForAnHttp11Client) {
  const auto script = [](Peer& peer) {
    if (!peer.received.ends_with("\r\n\r\n")) return;
    peer.stream->Write("HTTP/1.1 200 OK\r\n\r\nall of it");
    peer.stream->FinishWriting();
  };
  world.Serve("10.1.0.1:80", script);
  world.Serve("10.1.0.2:80", script);
  Peer& client = world.Connect("192.0.2.1", "10.0.0.1:80");
  const std::string answer = world.Ask(client, kGet);
  EXPECT_NE(answer.find("Transfer-Encoding: chunked"), std::string::npos) << answer;
  // One chunk for each piece that was read; their sum is the body.
  std::string body;
  for (size_t at = answer.find("\r\n\r\n") + 4, size = 1; size > 0 && at < answer.size();) {
    size = std::stoul(answer.substr(at), nullptr, 16);
    at = answer.find("\r\n", at) + 2;
    body += answer.substr(at, size);
    at += size + 2;
  }
  EXPECT_EQ(body, "all of it") << answer;
  EXPECT_TRUE(answer.ends_with("0\r\n\r\n")) << answer;
  EXPECT_FALSE(client.closed());
}

TEST_F(HttpSession, AnHttp10ClientGetsAnUnframedBodyAndTheEnd) {
  ServeAll("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n");
  Peer& client = world.Connect("192.0.2.1", "10.0.0.1:80");
  const std::string answer = world.Ask(client, "GET / HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(answer.ends_with("\r\n\r\nok")) << answer;
  EXPECT_EQ(answer.find("chunked"), std::string::npos);
  EXPECT_TRUE(client.closed());
}

TEST_F(HttpSession, HeadHasNoBodyButItsLength) {
  ServeAll("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
  Peer& client = world.Connect("192.0.2.1", "10.0.0.1:80");
  for (int i = 0; i < 2; ++i) {
    const std::string answer = world.Ask(client, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_NE(answer.find("Content-Length: 1000\r\n"), std::string::npos) << answer;
    EXPECT_TRUE(answer.ends_with("\r\n\r\n"));
  }
}

TEST_F(HttpSession, ExpectContinueIsAnsweredByTheBackend) {
  const auto script = [](Peer& peer) {
    if (peer.received.ends_with("\r\n\r\n")) peer.stream->Write("HTTP/1.1 100 Continue\r\n\r\n");
    if (peer.received.ends_with("body!")) peer.stream->Write(kOk);
  };
  world.Serve("10.1.0.1:80", script);
  world.Serve("10.1.0.2:80", script);
  Peer& client = world.Connect("192.0.2.1", "10.0.0.1:80");
  EXPECT_EQ(
      world.Ask(client,
                "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"),
      "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_TRUE(world.Ask(client, "body!").ends_with("ok"));
}

TEST_F(HttpSession, InterimResponsesWithoutEndAreMalformed) {
  int count = 0;
  const auto flood = [&count](Peer& peer) {
    std::string text;
    for (int i = 0; i < count; ++i) text += "HTTP/1.1 102 Processing\r\n\r\n";
    peer.received.clear();
    peer.stream->Write(text + std::string(kOk));
  };
  for (const auto* at : {"10.1.0.1:80", "10.1.0.2:80", "10.2.0.1:80"}) world.Serve(at, flood);
  const std::string post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
  count = 32;
  EXPECT_TRUE(world.Ask(post).ends_with("ok"));
  count = 33;
  EXPECT_NE(world.Ask(post).find("HTTP/1.1 502 Bad Gateway\r\n"), std::string::npos);
}

TEST_F(HttpSession, AnUpgradeBecomesATunnelBothWays) {
  bool upgraded = false;
  const auto script = [&](Peer& peer) {
    if (upgraded) return peer.stream->Write(std::exchange(peer.received, {}));
    if (!peer.received.ends_with("\r\n\r\n")) return;
    EXPECT_NE(peer.received.find("Connection: upgrade\r\nUpgrade: websocket\r\n"),
              std::string::npos);
    upgraded = true;
    peer.received.clear();
    peer.stream->Write(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhi");
  };
  world.Serve("10.1.0.1:80", script);
  world.Serve("10.1.0.2:80", script);
  Peer& client = world.Connect("192.0.2.1", "10.0.0.1:80");
  const std::string head = world.Ask(
      client, "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  EXPECT_TRUE(head.starts_with("HTTP/1.1 101 ")) << head;
  EXPECT_TRUE(head.ends_with("\r\n\r\nhi")) << head;
  const std::string frame("\x81\x00raw", 5);
  EXPECT_EQ(world.Ask(client, frame), frame);
  client.stream->FinishWriting();
  world.net.RunFor(std::chrono::seconds(1));
  world.servers[0]->peers.clear();
  world.servers[1]->peers.clear();
  world.net.RunFor(std::chrono::seconds(1));
  EXPECT_TRUE(client.closed());
}

TEST_F(HttpSession, TunnelsAtADeadSiteEndOneAfterTheOther) {
  std::string yaml(kConfig);
  yaml.replace(yaml.find("    balance: round-robin"), 24,
               "    health_check: port\n    on_down: close");
  yaml += "health_checks: {port: {type: tcp}}\n";
  World one(yaml);
  for (const char* at : {"10.1.0.1:80", "10.1.0.2:80"}) {
    one.Serve(at, Answer("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                         "Upgrade: irc\r\n\r\nhi"));
  }
  const auto tell = [&one](health::Probe verdict) {
    for (const char* at : {"10.1.0.1:80", "10.1.0.2:80"}) {
      one.registry.SetProbe(one.registry.Endpoint("atlanta", at, "port"), verdict, one.net.Now());
    }
    one.workers[0]->HealthChanged();
  };
  tell(health::Probe::kUp);
  std::vector<Peer*> clients;
  for (int i = 0; i < 40; ++i) {
    clients.push_back(&one.Connect("192.0.2.1", "10.0.0.1:80"));
    EXPECT_TRUE(one.Ask(*clients.back(),
                        "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: irc\r\n\r\n")
                    .ends_with("hi"));
  }
  const auto gone = [&clients] {
    return std::count_if(clients.begin(), clients.end(), [](Peer* peer) { return peer->closed(); });
  };
  tell(health::Probe::kDown);
  one.net.RunFor(std::chrono::milliseconds(10));
  tell(health::Probe::kDown);  // told again: each keeps its turn
  EXPECT_GE(gone(), 1);
  EXPECT_LT(gone(), 40);
  one.net.RunFor(std::chrono::seconds(3));
  EXPECT_EQ(gone(), 40);
}

TEST_F(HttpSession, AClientThatEndsBeforeItsTunnelBeginsEndsTheBackendsSideToo) {
  ServeAll("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: irc\r\n\r\nhi");
  Peer& client = world.Connect("192.0.2.1", "10.0.0.1:80");
  client.stream->Write(
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: irc\r\n\r\nbye");
  client.stream->FinishWriting();
  world.net.RunFor(std::chrono::seconds(1));
  EXPECT_TRUE(client.received.ends_with("\r\n\r\nhi")) << client.received;
  size_t ended = 0;
  for (const Server* server : servers) {
    for (const auto& peer : server->peers) ended += peer->ended && peer->received.ends_with("bye");
  }
  EXPECT_EQ(ended, 1u);
}

TEST_F(HttpSession, ADeadEndpointsRequestGoesToTheNextAndOnlyTheFirstPays) {
  ServeAll(kOk);
  world.net.Kill(At("10.1.0.1:80"));
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(world.Ask(kGet).ends_with("ok"));
  EXPECT_EQ(
      MetricMap(world.metrics)["meridian_backend_connect_failures_total{service=web,site=atlanta}"],
      1);
}

TEST_F(HttpSession, WithoutConnectAmongTheRetriesAFailedConnectIsTheEnd) {
  ServeAll(kOk);
  std::string changed(kConfig);
  changed.replace(changed.find("balance: round-robin"), 20, "retries: {on: [reset]}");
  world.Load(changed);
  world.net.Kill(At("10.1.0.1:80"));
  world.net.Kill(At("10.1.0.2:80"));
  EXPECT_TRUE(world.Ask(kGet).starts_with("HTTP/1.1 502 "));
  EXPECT_TRUE(servers[2]->peers.empty());
}

TEST_F(HttpSession, ADeadSitesRequestGoesToTheNextSite) {
  ServeAll(kOk);
  world.net.Kill(At("10.1.0.1:80"));
  world.net.Kill(At("10.1.0.2:80"));
  const std::string answer = world.Ask(kGet);
  EXPECT_NE(answer.find("Meridian-Site: dallas\r\n"), std::string::npos) << answer;
  EXPECT_NE(answer.find("Meridian-Reason: failover\r\n"), std::string::npos) << answer;
}

TEST_F(HttpSession, ABlackHoledSiteCostsTheRaceDelayOnly) {
  ServeAll(kOk);
  world.net.BlackHole(At("10.1.0.1:80"));
  world.net.BlackHole(At("10.1.0.2:80"));
  Peer& client = world.Connect("192.0.2.1", "10.0.0.1:80");
  const MonotonicTime start = world.net.Now();
  client.stream->Write(kGet);
  ASSERT_TRUE(
      world.net.RunUntil([&] { return client.received.ends_with("ok"); }, std::chrono::seconds(5)));
  EXPECT_LE(world.net.Now() - start, std::chrono::milliseconds(450));
  // Now it is known: the next client does not wait.
  Peer& second = world.Connect("192.0.2.1", "10.0.0.1:80");
  const MonotonicTime again = world.net.Now();
  second.stream->Write(kGet);
  ASSERT_TRUE(
      world.net.RunUntil([&] { return second.received.ends_with("ok"); }, std::chrono::seconds(5)));
  EXPECT_LE(world.net.Now() - again, std::chrono::milliseconds(20));
}

TEST_F(HttpSession, APooledConnectionIntoABlackHoleCostsLittle) {
  ServeAll(kOk);
  Peer& client = world.Connect("192.0.2.1", "10.0.0.1:80");
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(world.Ask(client, kGet).ends_with("ok"));
  world.net.BlackHole(At("10.1.0.1:80"));
  world.net.BlackHole(At("10.1.0.2:80"));
  client.received.clear();
  const MonotonicTime start = world.net.Now();
  client.stream->Write(kGet);
  ASSERT_TRUE(
      world.net.RunUntil([&] { return client.received.ends_with("ok"); }, std::chrono::seconds(5)));
  EXPECT_LE(world.net.Now() - start, std::chrono::milliseconds(600));
  EXPECT_NE(client.received.find("Meridian-Site: dallas"), std::string::npos);
}

TEST_F(HttpSession, ASlowServerIsNotTakenForADeadPath) {
  Peer* waiting = nullptr;
  const auto script = [&](Peer& peer) { waiting = &peer; };
  const Server& first = world.Serve("10.1.0.1:80", script);
  const Server& second = world.Serve("10.1.0.2:80", script);
  Peer& client = world.Connect("192.0.2.1", "10.0.0.1:80");
  client.stream->Write(kGet);
  world.net.RunFor(std::chrono::seconds(8));
  ASSERT_EQ(first.peers.size() + second.peers.size(), 1u);
  waiting->stream->Write(kOk);
  world.net.RunFor(std::chrono::seconds(1));
  EXPECT_TRUE(client.received.ends_with("ok"));
}

TEST_F(HttpSession, WithNothingLeftTheClientIsToldWhy) {
  for (const auto* at : {"10.1.0.1:80", "10.1.0.2:80", "10.2.0.1:80"}) world.net.Refuse(At(at));
  Peer& client = world.Connect("192.0.2.1", "10.0.0.1:80");
  const std::string answer = world.Ask(client, kGet);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 502 Bad Gateway\r\n")) << answer;
  EXPECT_NE(answer.find("Meridian-Reason: connect-failed\r\n"), std::string::npos) << answer;
  EXPECT_FALSE(client.closed());  // the request was whole: the connection can go on
}

TEST_F(HttpSession, AResetBeforeTheResponseIsRetriedForIdempotentMethodsOnly) {
  int seen = 0;
  const auto script = [&](Peer& peer) {
    if (++seen == 1) {
      peer.stream->Reset();
      peer.stream.reset();
    } else {
      peer.stream->Write(kOk);
    }
  };
  for (const auto* at : {"10.1.0.1:80", "10.1.0.2:80", "10.2.0.1:80"}) world.Serve(at, script);
  EXPECT_TRUE(world.Ask(kGet).ends_with("ok"));
  seen = 0;
  const std::string answer = world.Ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 502 ")) << answer;
  EXPECT_EQ(seen, 1);
}

TEST_F(HttpSession, AGatewayStatusIsRetriedElsewhereAndTheLastOneIsPassedOn) {
  world.Serve("10.1.0.1:80", Answer("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"));
  world.Serve("10.1.0.2:80", Answer("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"));
  Server& last = world.Serve("10.2.0.1:80", Answer(std::string(kOk)));
  EXPECT_TRUE(world.Ask(kGet).ends_with("ok"));
  last.Close();
  last.peers.clear();
  const std::string answer = world.Ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 50")) << answer;
}

TEST_F(HttpSession, AStalePooledConnectionIsReplacedUnseen) {
  ServeAll(kOk);
  Peer& client = world.Connect("192.0.2.1", "10.0.0.1:80");
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(world.Ask(client, kGet).ends_with("ok"));
  // The backend resets its idle connections at the very moment of the next request.
  for (Server* server : servers) {
    for (auto& peer : server->peers) {
      if (peer->stream) peer->stream->Reset();
      peer->stream.reset();
    }
  }
  EXPECT_TRUE(world.Ask(client, kGet).ends_with("ok"));
  EXPECT_EQ(MetricMap(world.metrics)["meridian_requests_total{service=web,site=,code=5xx}"], 0);
}

TEST_F(HttpSession, ASilentBackendEndsIn504AfterItsTime) {
  for (const auto* at : {"10.1.0.1:80", "10.1.0.2:80", "10.2.0.1:80"})
    world.Serve(at, [](Peer&) {});
  Peer& client = world.Connect("192.0.2.1", "10.0.0.1:80");
  client.stream->Write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  const MonotonicTime start = world.net.Now();
  ASSERT_TRUE(
      world.net.RunUntil([&] { return !client.received.empty(); }, std::chrono::seconds(30)));
  EXPECT_TRUE(client.received.starts_with("HTTP/1.1 504 Gateway Timeout\r\n")) << client.received;
  EXPECT_NEAR(std::chrono::duration<double>(world.net.Now() - start).count(), 10, 0.1);
}

TEST_F(HttpSession, ACutResponseResetsTheClient) {
  const auto script = [](Peer& peer) {
    if (!peer.received.ends_with("\r\n\r\n")) return;
    peer.stream->Write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
    peer.stream->FinishWriting();
  };
  world.Serve("10.1.0.1:80", script);
  world.Serve("10.1.0.2:80", script);
  Peer& client = world.Connect("192.0.2.1", "10.0.0.1:80");
  world.Ask(client, kGet);
  EXPECT_TRUE(client.failed.has_value());
}

TEST_F(HttpSession, AmbiguousRequestsAreRefusedAndNeverForwarded) {
  ServeAll(kOk);
  for (const std::string_view request : {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: "
                                         "5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                                         "GET / HTTP/1.1\r\nHost: a\r\nX : 1\r\n\r\n",
                                         "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n y\r\n\r\n",
                                         "GET / HTTP/1.1\nHost: a\n\n", "GET / HTTP/1.1\r\n\r\n"}) {
    Peer& client = world.Connect("192.0.2.1", "10.0.0.1:80");
    const std::string answer = world.Ask(client, request);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 Bad Request\r\n")) << answer;
    EXPECT_TRUE(client.closed()) << request;
  }
  EXPECT_EQ(BackendConnections(), 0u);
}

TEST_F(HttpSession, ABadChunkMidwayEndsBothSidesWithoutASecondRequest) {
  ServeAll(kOk);
  const std::string answer = world.Ask(
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nZ\r\nGET /smuggled "
      "HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 ")) << answer;
  for (const Server* server : servers)
    EXPECT_EQ(server->received().find("smuggled"), std::string::npos);
}

TEST_F(HttpSession, LimitsHaveTheirOwnStatus) {
  ServeAll(kOk);
  EXPECT_TRUE(world.Ask("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(9000, 'x') + "\r\n\r\n")
                  .starts_with("HTTP/1.1 431 "));
  EXPECT_TRUE(world.Ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n")
                  .starts_with("HTTP/1.1 413 "));
}

TEST_F(HttpSession, ASlowHeadIsEndedAfterItsTime) {
  ServeAll(kOk);
  Peer& client = world.Connect("192.0.2.1", "10.0.0.1:80");
  client.stream->Write("GET / HTTP/1.1\r\nHo");
  ASSERT_TRUE(world.net.RunUntil([&] { return client.closed(); }, std::chrono::seconds(10)));
  EXPECT_TRUE(client.received.starts_with("HTTP/1.1 408 ")) << client.received;
}

TEST_F(HttpSession, AHalfClosedClientStillGetsItsAnswer) {
  ServeAll(kOk);
  Peer& client = world.Connect("192.0.2.1", "10.0.0.1:80");
  client.stream->Write(kGet);
  client.stream->FinishWriting();
  world.net.RunFor(std::chrono::seconds(1));
  EXPECT_TRUE(client.received.ends_with("ok"));
  EXPECT_TRUE(client.ended);
}

TEST_F(HttpSession, AReloadTouchesNoConnectionAndTheNextRequestSeesIt) {
  ServeAll(kOk);
  Peer& client = world.Connect("192.0.2.1", "10.0.0.1:80");
  EXPECT_NE(world.Ask(client, kGet).find("Meridian-Site: atlanta"), std::string::npos);
  std::string changed(kConfig);
  const std::string before = "atlanta: {latitude: 33.7, longitude: -84.4,";
  changed.replace(changed.find(before), before.size(),
                  "atlanta: {latitude: -33.7, longitude: 100,");
  world.Load(changed);
  EXPECT_NE(world.Ask(client, kGet).find("Meridian-Site: dallas"), std::string::npos);
  EXPECT_FALSE(client.closed());
}

TEST_F(HttpSession, DrainFinishesWhatIsUnderWayAndClosesTheIdle) {
  Peer* held = nullptr;
  world.Serve("10.1.0.1:80", [&](Peer& peer) { held = &peer; });
  world.Serve("10.1.0.2:80", [&](Peer& peer) { held = &peer; });
  Peer& idle = world.Connect("192.0.2.1", "10.0.0.1:80");
  Peer& busy = world.Connect("192.0.2.1", "10.0.0.1:80");
  busy.stream->Write(kGet);
  world.net.RunFor(std::chrono::milliseconds(100));
  bool done = false;
  world.workers[0]->Drain([&] { done = true; });
  world.net.RunFor(std::chrono::milliseconds(100));
  EXPECT_TRUE(idle.closed());
  EXPECT_FALSE(busy.closed());
  EXPECT_FALSE(done);
  held->stream->Write(kOk);
  world.net.RunFor(std::chrono::milliseconds(100));
  EXPECT_NE(busy.received.find("Connection: close"), std::string::npos) << busy.received;
  EXPECT_TRUE(busy.closed());
  EXPECT_TRUE(done);
}

// Big bodies both ways through small windows: nothing is lost, and a slow reader bounds what is
// held.
struct SmallWindows : HttpSession {
  static MemoryNetOptions Options() {
    MemoryNetOptions options;
    options.seed = 7;
    options.capacity = 4096;
    options.segment = 777;
    return options;
  }
  SmallWindows() : HttpSession(Options()) {}
};

TEST_F(SmallWindows, LargeBodiesPassUnchangedBothWays) {
  std::string body;
  for (int i = 0; body.size() < 300'000; ++i) body += std::to_string(i) + ",";
  const auto script = [&](Peer& peer) {
    if (!peer.received.ends_with("END")) return;
    const std::string back = peer.received.substr(peer.received.find("\r\n\r\n") + 4);
    peer.stream->Write("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(back.size()) +
                       "\r\n\r\n" + back);
  };
  world.Serve("10.1.0.1:80", script);
  world.Serve("10.1.0.2:80", script);
  const std::string sent = body + "END";
  Peer& client = world.Connect("192.0.2.1", "10.0.0.1:80");
  client.stream->Write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " +
                       std::to_string(sent.size()) + "\r\n\r\n" + sent);
  ASSERT_TRUE(world.net.RunUntil([&] { return client.received.ends_with("END"); },
                                 std::chrono::seconds(60)));
  EXPECT_EQ(client.received.substr(client.received.find("\r\n\r\n") + 4), sent);
}

}  // namespace
}  // namespace meridian::fakes
