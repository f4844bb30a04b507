// HTTP/2 clients through a whole worker in memory: what the HTTP/1.1 backend receives, what the
// client gets, and what is held meanwhile.
#include <gtest/gtest.h>

#include "testing/http2_client.h"
#include "testing/world.h"

namespace meridian::fakes {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view kConfig = R"(
process: {state_directory: /nonexistent}
geo: {default: {latitude: 33, longitude: -84, country: US, continent: NA}}
regions:
  east: {sites: {atlanta: {latitude: 33.7, longitude: -84.4, services: {web: ["10.1.0.1:80", "10.1.0.2:80"]}}}}
services:
  web:
    balance: round-robin
    timeouts: {connect: 2s, response: 10s, idle: 20s}
    outliers: {eject_for: 5s}
listeners:
  http:
    bind: "10.0.0.1:80"
    protocol: http
    routes: [{host: "*", path: /, service: web}, {host: "none.test", path: /none, service: web}]
    limits: {header_timeout: 3s, header_size: 8KiB, body_size: 1MiB}
admin: {socket: /nonexistent/admin.sock}
)";

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: b\r\n\r\nok";

struct Http2Session : testing::Test {
  Http2Session() : world(kConfig) {}

  void ServeAll(const Server::Script& script) {
    for (const auto* at : {"10.1.0.1:80", "10.1.0.2:80"})
      servers.push_back(&world.Serve(at, script));
  }
  void ServeAll(std::string_view response) { ServeAll(Answer(std::string(response))); }
  Http2Peer& Connect() {
    clients.push_back(std::make_unique<Http2Peer>(world.Connect("192.0.2.1", "10.0.0.1:80")));
    return *clients.back();
  }
  void Settle() { world.net.RunUntilIdle(seconds(5)); }
  std::string received() const {
    std::string all;
    for (const Server* server : servers) all += server->received();
    return all;
  }
  double Failures(const std::string& reason) {
    return MetricMap(world.metrics)["meridian_failures_total{listener=http,reason=" + reason + "}"];
  }
  double Faults(const std::string& reason) {
    return MetricMap(
        world.metrics)["meridian_http2_faults_total{listener=http,reason=" + reason + "}"];
  }

  World world;
  std::vector<Server*> servers;
  std::vector<std::unique_ptr<Http2Peer>> clients;
};

TEST_F(Http2Session, ARequestIsTheBackendsAsAnyOther) {
  ServeAll(kOk);
  Http2Peer& client = Connect();
  auto& answer =
      client.Get("/x?y=z", {{"x-forwarded-for", "1.2.3.4"}, {"cookie", "a=1"}, {"cookie", "b=2"}});
  Settle();
  EXPECT_EQ(answer.log,
            "200 content-length=2 x-a=b meridian-site=atlanta meridian-reason=nearest\nok\nend\n");
  const std::string request = received();
  EXPECT_TRUE(request.starts_with(
      "GET /x?y=z HTTP/1.1\r\nHost: a.test\r\ncookie: a=1; b=2\r\nX-Forwarded-For: 192.0.2.1\r\n"
      "Forwarded: for=192.0.2.1;host=\"a.test\";proto=http\r\nX-Forwarded-Proto: http\r\n"
      "X-Forwarded-Host: a.test\r\nX-Request-Id: "))
      << request;
  EXPECT_TRUE(request.ends_with("-00\r\nMeridian-Site: atlanta\r\nMeridian-Reason: nearest|\n\r\n"))
      << request;
}

TEST_F(Http2Session, ThePrefaceMayComeInPieces) {
  ServeAll(kOk);
  Http2Peer& client = Connect();
  client.byte_by_byte = true;
  auto& answer = client.Get("/");
  Settle();
  EXPECT_TRUE(answer.log.ends_with("\nok\nend\n")) << answer.log;
}

TEST_F(Http2Session, ManyStreamsAreUnderWayAtOnce) {
  std::vector<Peer*> waiting;
  ServeAll([&](Peer& peer) {
    if (peer.received.ends_with("\r\n\r\n")) waiting.push_back(&peer);
  });
  Http2Peer& client = Connect();
  std::vector<Http2Peer::Answer*> answers;
  for (int i = 0; i < 100; ++i) answers.push_back(&client.Get("/" + std::to_string(i)));
  Settle();
  ASSERT_EQ(waiting.size(), 100u);
  // Answered in the other order, each gets its own.
  for (auto peer = waiting.rbegin(); peer != waiting.rend(); ++peer) {
    const std::string& request = (*peer)->received;
    const std::string path = request.substr(4, request.find(" HTTP") - 4);
    (*peer)->stream->Write("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(path.size()) +
                           "\r\n\r\n" + path);
  }
  Settle();
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(answers[i]->log.ends_with("\n/" + std::to_string(i) + "\nend\n"));
  }
}

TEST_F(Http2Session, ABurstsConnectionsServeTheNextBurstAndAreThenTrimmed) {
  world.Load(
      std::string(kConfig).insert(kConfig.find("    timeouts:"), "    backend: {max_idle: 3}\n"));
  ServeAll(kOk);
  Http2Peer& client = Connect();
  const auto opened = [this] { return servers[0]->peers.size() + servers[1]->peers.size(); };
  for (int burst = 0; burst < 5; ++burst) {
    for (int i = 0; i < 40; ++i) client.Get("/");
    Settle();
  }
  EXPECT_EQ(opened(), 40u);
  world.net.RunFor(seconds(4));
  size_t open = 0;
  for (const Server* server : servers) {
    for (const auto& peer : server->peers) open += !peer->closed();
  }
  EXPECT_EQ(open, 6u) << "max_idle for each endpoint";
}

TEST_F(Http2Session, ABodyGoesWithItsLengthOrInChunks) {
  ServeAll(kOk);
  Http2Peer& client = Connect();
  auto& known = client.Post("/known", "hello", {{"content-length", "5"}});
  Settle();
  auto& unknown = client.Post("/unknown", "hello", {});
  Settle();
  EXPECT_TRUE(known.log.ends_with("\nok\nend\n"));
  EXPECT_TRUE(unknown.log.ends_with("\nok\nend\n"));
  EXPECT_NE(received().find("Content-Length: 5\r\n"), std::string::npos);
  EXPECT_NE(received().find("|\n\r\nhello"), std::string::npos);
  EXPECT_NE(received().find("Transfer-Encoding: chunked\r\n"), std::string::npos);
  EXPECT_NE(received().find("o\r\n0|\n"), std::string::npos);
}

TEST_F(Http2Session, TrailersPassBothWays) {
  ServeAll([](Peer& peer) {
    if (!peer.received.ends_with("x-sum: 1\r\n\r\n")) return;
    peer.stream->Write(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nGrpc-Status: 0\r\n"
        "Set-Cookie: a\r\n\r\n");
  });
  Http2Peer& client = Connect();
  auto& answer = client.Post("/", "hello", {}, false);
  client.EndWithTrailers(answer, {{"x-sum", "1"}, {"host", "evil"}});
  Settle();
  EXPECT_TRUE(answer.log.ends_with("\nok\nend grpc-status=0\n")) << answer.log;
  EXPECT_NE(received().find("5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n"), std::string::npos)
      << received();
}

TEST_F(Http2Session, ResponsesOfAllFramingsEndTheStream) {
  Http2Peer& client = Connect();
  std::string response;
  bool closes = false;
  ServeAll([&](Peer& peer) {
    if (!peer.received.ends_with("\r\n\r\n")) return;
    peer.received.clear();
    peer.stream->Write(response);
    if (closes) peer.stream->FinishWriting();
  });
  const auto ask = [&](std::string_view method, std::string_view text, bool close = false) {
    response = text;
    closes = close;
    auto& answer = client.Ask(method, "/");
    Settle();
    return answer.log.substr(0, 3) + answer.log.substr(answer.log.find('\n'));
  };
  EXPECT_EQ(
      ask("GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
      "200\nabc\nend\n");
  EXPECT_EQ(ask("GET", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc", true), "200\nabc\nend\n");
  EXPECT_EQ(ask("GET", "HTTP/1.1 204 No Content\r\n\r\n"), "204\nend\n");
  EXPECT_EQ(ask("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n"), "304\nend\n");
  EXPECT_EQ(ask("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"), "200\nend\n");
  EXPECT_EQ(ask("GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), "200\nend\n");
  EXPECT_EQ(ask("GET",
                "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "
                "1\r\n\r\na"),
            "103\n200 content-length=1 meridian-site=atlanta meridian-reason=nearest\na\nend\n");
}

TEST_F(Http2Session, ContinueReachesTheClientBeforeItsBody) {
  ServeAll([](Peer& peer) {
    if (peer.received.ends_with("\r\n\r\n")) peer.stream->Write("HTTP/1.1 100 Continue\r\n\r\n");
    if (peer.received.ends_with("hello")) peer.stream->Write(kOk);
  });
  Http2Peer& client = Connect();
  auto& answer =
      client.Ask("POST", "/", {{"expect", "100-continue"}, {"content-length", "5"}}, false);
  Settle();
  EXPECT_EQ(answer.log, "100\n");
  client.SendBody(answer, "hello", true);
  Settle();
  EXPECT_TRUE(answer.log.ends_with("\nok\nend\n")) << answer.log;
}

TEST_F(Http2Session, RefusalsAreAnsweredOnTheStream) {
  ServeAll(kOk);
  Http2Peer& client = Connect();
  auto& bad = client.Get("/a#b");
  auto& large = client.Get("/", {{"x-large", std::string(9000, 'x')}});
  auto& connect = client.Raw({{":method", "CONNECT"}, {":authority", "a.test:1"}});
  auto& body = client.Post("/", "", {{"content-length", "1048577"}}, false);
  auto& good = client.Get("/good");
  Settle();
  EXPECT_TRUE(
      bad.log.starts_with("400 content-type=text/plain content-length=51 "
                          "meridian-reason=bad-request\n"))
      << bad.log;
  EXPECT_TRUE(large.log.starts_with("431 ")) << large.log;
  EXPECT_TRUE(connect.log.starts_with("501 ")) << connect.log;
  EXPECT_TRUE(body.log.starts_with("413 ")) << body.log;
  EXPECT_TRUE(good.log.ends_with("\nok\nend\n")) << good.log;
  EXPECT_EQ(Failures("bad-request"), 1);
  EXPECT_EQ(Failures("header-too-large"), 1);
  EXPECT_EQ(Failures("unsupported"), 1);
  EXPECT_EQ(Failures("body-too-large"), 1);
}

TEST_F(Http2Session, ABodyThatGrowsTooLargeIsRefused) {
  ServeAll([](Peer&) {});
  Http2Peer& client = Connect();
  auto& answer = client.Post("/", std::string(1200 * 1024, 'x'), {});
  Settle();
  EXPECT_TRUE(answer.log.starts_with("413 ")) << answer.log;
}

TEST_F(Http2Session, AFailedAttemptIsMadeAgainElsewhere) {
  world.Serve("10.1.0.1:80", [](Peer& peer) { peer.stream->Reset(); });
  servers.push_back(&world.Serve("10.1.0.2:80", Answer(std::string(kOk))));
  Http2Peer& client = Connect();
  for (int i = 0; i < 4; ++i) {
    auto& answer = client.Get("/");
    Settle();
    EXPECT_TRUE(answer.log.ends_with("\nok\nend\n")) << answer.log;
  }
  EXPECT_EQ(Failures("backend-reset"), 0);
}

TEST_F(Http2Session, WithNoServerTheAnswerSaysSo) {
  Http2Peer& client = Connect();
  auto& answer = client.Get("/");
  Settle();
  EXPECT_TRUE(
      answer.log.starts_with("502 content-type=text/plain content-length=27 "
                             "meridian-reason=connect-failed\n"))
      << answer.log;
}

TEST_F(Http2Session, AResponseCutShortResetsTheStreamOnly) {
  ServeAll([](Peer& peer) {
    if (!peer.received.ends_with("\r\n\r\n")) return;
    peer.stream->Write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
    peer.stream->FinishWriting();
  });
  Http2Peer& client = Connect();
  auto& answer = client.Get("/");
  Settle();
  EXPECT_TRUE(answer.log.ends_with("closed 2\n")) << answer.log;
  EXPECT_FALSE(client.peer().closed());
  EXPECT_EQ(Failures("backend-reset"), 1);
}

TEST_F(Http2Session, AResetBehindItsHeadCostsNoBackendAnything) {
  ServeAll(kOk);
  Peer& client = world.Connect("192.0.2.1", "10.0.0.1:80");
  std::string bytes = h2::Hello();
  for (uint32_t id = 1; id < 101; id += 2) {
    bytes += h2::GetRequest(id) + h2::Frame(h2::kRstStream, 0, id, h2::Number(8, 4));
  }
  client.stream->Write(bytes);
  Settle();
  EXPECT_EQ(received(), "");
  EXPECT_EQ(Failures("client-gone"), 50);
}

TEST_F(Http2Session, AFloodEndsTheConnectionAndIsCounted) {
  ServeAll([](Peer&) {});
  Peer& client = world.Connect("192.0.2.1", "10.0.0.1:80");
  client.stream->Write(h2::Hello() + h2::GetRequest(1));
  Settle();
  for (int i = 0; i < 200; ++i) client.stream->Write(h2::Frame(h2::kPing, 0, 0, "12345678"));
  world.net.RunFor(seconds(3));
  EXPECT_TRUE(client.closed());
  const auto frames = h2::Split(client.received);
  EXPECT_EQ(frames.back().type, h2::kGoAway);
  EXPECT_EQ(frames.back().code(), 11u);
  EXPECT_EQ(Faults("pings"), 1);
  EXPECT_EQ(world.metrics.active(), 0u) << "its requests are given up";
  EXPECT_EQ(world.workers[0]->clients(), 0u);
}

TEST_F(Http2Session, ASlowReaderHoldsABoundedBuffer) {
  constexpr size_t kBody = 64 * 1024 * 1024;
  size_t sent = 0;
  Peer* backend = nullptr;
  const std::string chunk(64 * 1024, 'x');
  ServeAll([&](Peer& peer) {
    if (!peer.received.ends_with("\r\n\r\n")) return;
    backend = &peer;
    peer.stream->Write("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(kBody) + "\r\n\r\n");
  });
  Http2Peer& client = Connect();
  client.consumes = false;
  auto& answer = client.Get("/");
  size_t most = 0;
  for (size_t steps = 0; answer.body_bytes < kBody && steps < 100'000; ++steps) {
    if (backend != nullptr && sent < kBody && backend->stream->pending_bytes() == 0) {
      backend->stream->Write(chunk);
      sent += chunk.size();
    }
    world.net.RunFor(milliseconds(1));
    most = std::max(most, sent - answer.body_bytes);
    if (steps % 4 == 0) client.Consume(answer);
  }
  EXPECT_EQ(answer.body_bytes, kBody);
  // The backend's and the client's kernels (64 KiB each way), a read, the client's window.
  EXPECT_LE(most, 512u * 1024);
}

TEST_F(Http2Session, ASlowBackendHoldsABoundedBuffer) {
  Peer* backend = nullptr;
  ServeAll([&](Peer& peer) {
    if (backend == nullptr) peer.stream->StopReading();
    backend = &peer;
  });
  Http2Peer& client = Connect();
  const std::string body(1000 * 1024, 'x');
  auto& answer = client.Post("/", body, {});
  world.net.RunFor(seconds(1));
  ASSERT_NE(backend, nullptr);
  const size_t unsent = client.pending_bytes(answer);
  EXPECT_GE(unsent, body.size() - 512 * 1024) << "more than that has left the client";
  backend->stream->StartReading();
  world.net.RunFor(seconds(1));
  EXPECT_EQ(client.pending_bytes(answer), 0u);
}

TEST_F(Http2Session, AWebSocketIsAnUpgradeBehind) {
  Peer* backend = nullptr;
  ServeAll([&](Peer& peer) {
    if (backend == nullptr && peer.received.ends_with("\r\n\r\n")) {
      backend = &peer;
      peer.stream->Write(
          "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
          "Sec-WebSocket-Accept: x\r\nSec-WebSocket-Protocol: chat\r\n\r\nhello");
    }
  });
  Http2Peer& client = Connect();
  auto& answer = client.Raw({{":method", "CONNECT"},
                             {":protocol", "websocket"},
                             {":scheme", "http"},
                             {":authority", "a.test"},
                             {":path", "/chat"},
                             {"sec-websocket-version", "13"}},
                            false);
  client.SendBody(answer, "early", false);
  Settle();
  ASSERT_NE(backend, nullptr);
  EXPECT_NE(backend->received.find("Connection: upgrade\r\nUpgrade: websocket\r\n"),
            std::string::npos);
  EXPECT_EQ(answer.log, "200 sec-websocket-protocol=chat\nhello");
  EXPECT_TRUE(backend->received.ends_with("\r\n\r\nearly")) << backend->received;
  client.SendBody(answer, "there", true);
  Settle();
  EXPECT_TRUE(backend->received.ends_with("earlythere"));
  EXPECT_TRUE(backend->ended);
  backend->stream->Write("bye");
  backend->stream->FinishWriting();
  Settle();
  EXPECT_EQ(answer.log, "200 sec-websocket-protocol=chat\nhellobye\nend\n");
  EXPECT_EQ(world.metrics.active(), 0u);
}

TEST_F(Http2Session, TunnelsAtADeadSiteEndOneAfterTheOther) {
  std::string yaml(kConfig);
  yaml.replace(yaml.find("    balance: round-robin"), 24,
               "    health_check: port\n    on_down: close");
  yaml += "health_checks: {port: {type: tcp}}\n";
  world.Load(yaml);
  ServeAll([](Peer& peer) {
    if (!peer.received.ends_with("\r\n\r\n")) return;
    peer.received.clear();
    peer.stream->Write(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Accept: x\r\n\r\nhi");
  });
  const auto tell = [this](health::Probe verdict) {
    for (const char* at : {"10.1.0.1:80", "10.1.0.2:80"}) {
      auto& endpoint = world.registry.Endpoint("atlanta", at, "port");
      world.registry.SetProbe(endpoint, verdict, world.net.Now());
    }
    world.workers[0]->HealthChanged();
  };
  tell(health::Probe::kUp);
  Http2Peer& client = Connect();
  std::vector<Http2Peer::Answer*> tunnels;
  for (int i = 0; i < 40; ++i) {
    tunnels.push_back(&client.Raw({{":method", "CONNECT"},
                                   {":protocol", "websocket"},
                                   {":scheme", "http"},
                                   {":authority", "a.test"},
                                   {":path", "/"},
                                   {"sec-websocket-version", "13"}},
                                  false));
  }
  world.net.RunFor(seconds(1));
  const auto gone = [&tunnels] {
    return std::count_if(tunnels.begin(), tunnels.end(), [](const Http2Peer::Answer* tunnel) {
      return tunnel->log.find("closed") != std::string::npos;
    });
  };
  for (const auto* tunnel : tunnels) EXPECT_EQ(tunnel->log, "200\nhi");
  tell(health::Probe::kDown);
  world.net.RunFor(milliseconds(10));
  tell(health::Probe::kDown);  // told again: each keeps its turn
  EXPECT_GE(gone(), 1);
  EXPECT_LT(gone(), 20);
  world.net.RunFor(milliseconds(15));
  EXPECT_LT(gone(), 40);
  world.net.RunFor(seconds(3));
  EXPECT_EQ(gone(), 40);
  EXPECT_EQ(world.metrics.active(), 0u);
}

TEST_F(Http2Session, DrainLetsWhatIsUnderWayFinish) {
  std::vector<Peer*> waiting;
  ServeAll([&](Peer& peer) {
    if (peer.received.ends_with("\r\n\r\n")) waiting.push_back(&peer);
  });
  Http2Peer& client = Connect();
  auto& answer = client.Get("/");
  Settle();
  ASSERT_EQ(waiting.size(), 1u);
  bool empty = false;
  world.workers[0]->Drain([&] { empty = true; });
  world.net.RunFor(seconds(2));
  EXPECT_TRUE(client.refuses_more());
  EXPECT_FALSE(empty);
  waiting[0]->stream->Write(kOk);
  world.net.RunFor(seconds(2));
  EXPECT_TRUE(answer.log.ends_with("\nok\nend\n")) << answer.log;
  EXPECT_TRUE(client.peer().closed());
  EXPECT_TRUE(empty);
}

TEST_F(Http2Session, AnIdleConnectionEndsWithGoAway) {
  ServeAll(kOk);
  Http2Peer& client = Connect();
  client.Get("/");
  Settle();
  world.net.RunFor(seconds(19));
  EXPECT_FALSE(client.peer().closed());
  world.net.RunFor(seconds(3));
  EXPECT_TRUE(client.peer().closed());
  EXPECT_TRUE(client.refuses_more());
  EXPECT_EQ(world.workers[0]->clients(), 0u);
}

TEST_F(Http2Session, AHeadThatDoesNotComeWholeIsGivenUp) {
  Peer& client = world.Connect("192.0.2.1", "10.0.0.1:80");
  client.stream->Write(h2::Hello() + h2::Frame(h2::kHeaders, 0, 1, h2::Block(h2::Get())));
  world.net.RunFor(seconds(6));
  EXPECT_TRUE(client.closed());
  EXPECT_EQ(Failures("header-timeout"), 1);
}

TEST_F(Http2Session, AClientThatLeavesTakesItsRequestsAlong) {
  ServeAll([](Peer&) {});
  Http2Peer& client = Connect();
  client.Get("/");
  client.Get("/");
  Settle();
  EXPECT_EQ(world.metrics.active(), 2u);
  client.peer().stream->Reset();
  Settle();
  EXPECT_EQ(world.metrics.active(), 0u);
  EXPECT_EQ(Failures("client-gone"), 2);
}

}  // namespace
}  // namespace meridian::fakes
