// TLS on both sides of a whole worker in memory: clients of http and tcp listeners, backends that
// are verified, pooled and resumed, and what is counted of all that.
#include <meridian/tls/stream.h>

#include <gtest/gtest.h>

#include "testing/certificates.h"
#include "testing/http2_client.h"
#include "testing/world.h"

namespace meridian::fakes {
namespace {

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
constexpr std::string_view kGet = "GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n";

// Certificates for all tests of the program.
struct Files {
  Files() {
    server = folder.Issue("server", {.subject = "server", .names = {"a.test"}});
    other = folder.Issue("other", {.subject = "other", .names = {"b.test"}});
    client = folder.Issue("client", {.subject = "Ada", .names = {}});
    backend = folder.Issue("backend", {.subject = "backend", .names = {"app.internal"}});
  }
  static Files& Get() {
    static Files files;
    return files;
  }
  CertificateFolder folder;
  Issued server, other, client, backend;
};

std::string CertificateYaml(const Issued& issued) {
  return "{certificate: '" + issued.certificate + "', key: '" + issued.key + "'}";
}

struct TlsSetup {
  std::string listener_tls = {};  // further keys of the listeners' tls
  std::string backend = {};       // further keys of the service
  std::string plain = {};         // of the other service
  std::string certificates = "[" + CertificateYaml(Files::Get().server) + "]";
};

std::string ConfigOf(const TlsSetup& setup) {
  const std::string tls = "tls: {certificates: " + setup.certificates + setup.listener_tls + "}";
  return R"(
process: {state_directory: /nonexistent}
regions:
  east: {sites: {atlanta: {latitude: 1, longitude: 1, services: {web: ["10.1.0.1:80"], plain: ["10.1.0.1:80"]}}}}
services:
  web:
    session: {by: cookie}
    timeouts: {connect: 2s, response: 10s, idle: 20s}
    retries: {attempts: 0}
    outliers: {consecutive_errors: 1000}
)" + setup.backend +
         R"(
  plain: {outliers: {consecutive_errors: 1000})" +
         setup.plain + R"(}
listeners:
  https:
    bind: "10.0.0.1:443"
    service: web
    trusted_proxies: [198.51.100.0/24]
    proxy_protocol: accept
    limits: {header_timeout: 3s}
    )" + tls +
         R"(
  relay: {bind: "10.0.0.1:444", protocol: tcp, service: plain, )" +
         tls + R"(}
  named: {bind: "10.0.0.1:445", protocol: tcp, routes: [{sni: a.test, service: plain}], )" +
         tls + R"(}
  closed: {bind: "10.0.0.1:446", protocol: tcp, service: plain, deny: {network: [192.0.2.0/24]}, )" +
         tls + R"(}
  http: {bind: "10.0.0.1:80", service: web}
  direct: {bind: "10.0.0.1:81", service: plain}
admin: {socket: /nonexistent/admin.sock}
)";
}

struct TlsProxy : testing::Test {
  explicit TlsProxy(const TlsSetup& setup = {})
      : world(ConfigOf(setup)),
        client_loop(world.net.AddLoop(Ip("192.0.2.1"))),
        space(client_loop) {}
  ~TlsProxy() override { world.clients.clear(); }

  std::shared_ptr<const tls::ClientContext> ClientContext(const Issued* own = nullptr,
                                                          const std::string& name = "a.test") {
    tls::ClientOptions options;
    options.server_name = name;
    options.ca = Files::Get().folder.authority().certificate;
    if (own != nullptr) {
      options.certificate = own->certificate;
      options.key = own->key;
    }
    tls::Problems problems;
    auto context = tls::ClientContext::Create(options, problems);
    EXPECT_TRUE(context);
    return context;
  }
  // For clients that ask for a name, offer a protocol, and trust anyone.
  static std::shared_ptr<const tls::ClientContext> Trusting(const std::string& name,
                                                            const std::string& protocol = {}) {
    tls::ClientOptions options;
    options.server_name = name;
    options.verify = false;
    if (!protocol.empty()) options.alpn = {protocol};
    tls::Problems problems;
    return tls::ClientContext::Create(options, problems);
  }
  // A client that has shaken hands, or failed to.
  Peer& Connect(std::string_view to = "10.0.0.1:443",
                std::shared_ptr<const tls::ClientContext> context = nullptr,
                std::shared_ptr<tls::SessionSlot> sessions = nullptr) {
    world.clients.push_back(std::make_unique<Peer>());
    Peer& peer = *world.clients.back();
    tls::ConnectInput input{At(to), {}, context ? context : ClientContext(), std::move(sessions)};
    peer.stream = std::move(*tls::Connect(space, client_loop, input, peer));
    world.net.RunUntil([&] { return peer.connected || peer.failed; }, std::chrono::seconds(5));
    return peer;
  }
  Server& Serve(Server::Script script = Answer(std::string(kOk))) {
    return world.Serve("10.1.0.1:80", std::move(script));
  }
  double Metric(const std::string& key) { return MetricMap(world.metrics)[key]; }
  static tls::Stream& Tls(Peer& peer) { return static_cast<tls::Stream&>(*peer.stream); }

  World world;
  MemoryLoop& client_loop;
  tls::Workspace space;
};

TEST_F(TlsProxy, ARequestByHttpsSaysSoAndItsCookieIsSecure) {
  Server& server = Serve();
  Peer& peer = Connect();
  ASSERT_TRUE(peer.connected);
  EXPECT_EQ(Tls(peer).version(), tls::Version::kTls13);
  const std::string answer = world.Ask(peer, kGet);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\nok"));
  EXPECT_NE(answer.find("; SameSite=Lax; Secure\r\n"), std::string::npos) << answer;
  EXPECT_NE(server.received().find("X-Forwarded-Proto: https\r\n"), std::string::npos);
  const std::string plain = world.Ask(kGet);
  EXPECT_EQ(plain.find("Secure"), std::string::npos);
  EXPECT_EQ(Metric("meridian_tls_handshakes_total{listener=https,result=full}"), 1);
  EXPECT_EQ(Metric("meridian_tls_connections_total{listener=https,version=1.3}"), 1);
}

TEST_F(TlsProxy, KeepsAliveAndAnswersRequestsInARow) {
  Serve();
  Peer& peer = Connect();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(world.Ask(peer, kGet).ends_with("ok"));
  const std::string both = world.Ask(peer, std::string(kGet) + std::string(kGet));
  EXPECT_EQ(both.find("HTTP/1.1 200", 10) != std::string::npos, true);
  const std::string last =
      world.Ask(peer, "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(last.ends_with("ok"));
  EXPECT_TRUE(peer.ended);
  EXPECT_FALSE(peer.failed);
}

struct OnlyHttp2 : TlsProxy {
  OnlyHttp2() : TlsProxy({.listener_tls = ", alpn: [h2]"}) {}
};

TEST_F(OnlyHttp2, IsSpokenWhereTheHandshakeSettledOnIt) {
  Server& server = Serve();
  Peer& peer = Connect("10.0.0.1:443", Trusting("a.test", "h2"));
  ASSERT_TRUE(peer.connected);
  EXPECT_EQ(Tls(peer).alpn(), "h2");
  Http2Peer client(peer);
  auto& answer = client.Raw(
      {{":method", "GET"}, {":scheme", "https"}, {":authority", "a.test"}, {":path", "/"}});
  world.net.RunUntil([&] { return answer.ended; }, std::chrono::seconds(2));
  EXPECT_TRUE(answer.log.starts_with("200 ")) << answer.log;
  EXPECT_NE(server.received().find("X-Forwarded-Proto: https\r\n"), std::string::npos);
}

TEST_F(OnlyHttp2, Http1BehindItIsClosed) {
  Server& server = Serve();
  Peer& peer = Connect("10.0.0.1:443", Trusting("a.test", "h2"));
  world.Ask(peer, kGet);
  EXPECT_TRUE(peer.closed());
  EXPECT_EQ(server.received(), "");
}

TEST_F(TlsProxy, Http2IsNotTakenWhereTheHandshakeSettledOnNothing) {
  Server& server = Serve();
  Peer& peer = Connect();
  EXPECT_EQ(Tls(peer).alpn(), "");
  const std::string answer = world.Ask(peer, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 ")) << answer;
  EXPECT_EQ(server.received(), "");
}

TEST_F(TlsProxy, SessionsAreResumed) {
  Serve();
  const auto context = ClientContext();
  const auto slot = std::make_shared<tls::SessionSlot>();
  world.Ask(Connect("10.0.0.1:443", context, slot), kGet);
  Peer& second = Connect("10.0.0.1:443", context, slot);
  EXPECT_TRUE(world.Ask(second, kGet).ends_with("ok"));
  EXPECT_TRUE(Tls(second).resumed());
  EXPECT_EQ(Metric("meridian_tls_handshakes_total{listener=https,result=resumed}"), 1);
  EXPECT_EQ(Metric("meridian_tls_handshakes_total{listener=https,result=full}"), 1);
}

TEST_F(TlsProxy, AClientsOwnWordOnItsCertificateIsStripped) {
  Server& server = Serve();
  constexpr std::string_view kClaim =
      "GET /x HTTP/1.1\r\nHost: a.test\r\nX-Client-Cert-Subject: CN=root\r\n\r\n";
  world.Ask(Connect(), kClaim);
  world.Ask(kClaim);
  EXPECT_EQ(server.received().find("CN=root"), std::string::npos);
}

TEST_F(TlsProxy, ATcpListenerRelaysWhatIsInside) {
  Server& server = Serve([](Peer& peer) {
    if (peer.received == "hello") peer.stream->Write("echo hello");
  });
  Peer& peer = Connect("10.0.0.1:444");
  ASSERT_TRUE(peer.connected);
  EXPECT_EQ(world.Ask(peer, "hello"), "echo hello");
  EXPECT_EQ(server.received(), "hello");
  peer.stream->FinishWriting();
  world.net.RunUntil([&] { return server.peers[0]->ended; }, std::chrono::seconds(1));
  EXPECT_TRUE(server.peers[0]->ended);
  server.peers[0]->stream->Write(" bye");
  server.peers[0]->stream->FinishWriting();
  world.net.RunUntil([&] { return peer.ended; }, std::chrono::seconds(1));
  EXPECT_EQ(peer.received, "echo hello bye");
  EXPECT_FALSE(peer.failed);
}

TEST_F(TlsProxy, ATcpListenerIsRoutedByTheNameOfTheHandshake) {
  Server& server = Serve([](Peer&) {});
  Peer& peer = Connect("10.0.0.1:445", Trusting("A.test."));
  ASSERT_TRUE(peer.connected);
  world.Ask(peer, "hello");
  EXPECT_EQ(server.received(), "hello");
  Peer& stranger = Connect("10.0.0.1:445", Trusting("b.test"));
  world.net.RunUntil([&] { return stranger.closed(); }, std::chrono::seconds(1));
  EXPECT_TRUE(stranger.failed);
  EXPECT_EQ(server.peers.size(), 1u);
}

TEST_F(TlsProxy, WhoIsNotAdmittedToATcpListenerShakesNoHands) {
  Peer& peer = Connect("10.0.0.1:446");
  EXPECT_FALSE(peer.connected);
  EXPECT_TRUE(peer.failed);
  EXPECT_EQ(Metric("meridian_failures_total{listener=closed,reason=denied}"), 1);
}

TEST_F(TlsProxy, WhatIsCutShortInsideTlsIsAResetForTheBackend) {
  Server& server = Serve([](Peer&) {});
  Peer& raw = world.Connect("192.0.2.1", "10.0.0.1:444");
  raw.stream.reset();
  Peer& peer = Connect("10.0.0.1:444");
  world.Ask(peer, "hello");
  peer.stream->Reset();
  world.net.RunUntil([&] { return server.peers[0]->closed(); }, std::chrono::seconds(1));
  ASSERT_TRUE(server.peers[0]->failed);
}

TEST_F(TlsProxy, AProxyHeaderStandsBeforeTheHandshake) {
  Server& server = Serve();
  // The header and the handshake go over one stream: a loop that writes the header first.
  struct Prefixing final : net::Loop {
    explicit Prefixing(net::Loop& loop) : inner(loop) {}
    void AtTurnEnd(net::TurnTask& task) override { inner.AtTurnEnd(task); }
    Result<net::StreamPtr> Connect(const net::Address& to, const net::ConnectOptions& options,
                                   net::StreamHandler& handler) override {
      auto stream = inner.Connect(to, options, handler);
      (*stream)->Write("PROXY TCP4 203.0.113.7 10.0.0.1 1000 443\r\n");
      return stream;
    }
    Result<std::unique_ptr<net::Listener>> Listen(const net::Address& at,
                                                  const net::ListenOptions& options,
                                                  net::AcceptHandler& handler) override {
      return inner.Listen(at, options, handler);
    }
    Result<std::unique_ptr<net::DatagramListener>> ListenDatagrams(
        const net::Address&, const net::DatagramListenOptions&, net::DatagramHandler&) override {
      return Fail(ErrorCode::kUnsupported, "listen");
    }
    Result<std::unique_ptr<net::DatagramSocket>> ConnectDatagrams(const net::Address&,
                                                                  net::DatagramHandler&) override {
      return Fail(ErrorCode::kUnsupported, "connect");
    }
    void Arm(net::Timer& timer, Duration delay) override { inner.Arm(timer, delay); }
    void Post(std::function<void()> task) override { inner.Post(std::move(task)); }
    MonotonicTime Now() const override { return inner.Now(); }
    WallTime WallNow() const override { return inner.WallNow(); }
    net::Loop& inner;
  };
  MemoryLoop& trusted = world.net.AddLoop(Ip("198.51.100.1"));
  Prefixing loop(trusted);
  world.clients.push_back(std::make_unique<Peer>());
  Peer& peer = *world.clients.back();
  tls::ConnectInput input{At("10.0.0.1:443"), {}, ClientContext(), nullptr};
  peer.stream = std::move(*tls::Connect(space, loop, input, peer));
  world.net.RunUntil([&] { return peer.connected || peer.failed; }, std::chrono::seconds(5));
  ASSERT_TRUE(peer.connected);
  EXPECT_TRUE(world.Ask(peer, kGet).ends_with("ok"));
  EXPECT_NE(server.received().find("X-Forwarded-For: 203.0.113.7\r\n"), std::string::npos);
}

TEST_F(TlsProxy, WhatIsNotTlsIsClosedAndCounted) {
  Peer& peer = world.Connect("192.0.2.1", "10.0.0.1:443");
  world.Ask(peer, kGet);
  EXPECT_TRUE(peer.closed());
  EXPECT_EQ(Metric("meridian_tls_handshake_failures_total{listener=https,reason=not-tls}"), 1);
  EXPECT_EQ(world.workers[0]->clients(), 0u);
}

TEST_F(TlsProxy, AHandshakeHasUntilTheHeaderTimeout) {
  Peer& silent = world.Connect("192.0.2.1", "10.0.0.1:443");
  Peer& slow = world.Connect("192.0.2.1", "10.0.0.1:443");
  slow.stream->Write("\x16\x03");
  world.net.RunFor(std::chrono::milliseconds(2900));
  EXPECT_FALSE(silent.closed() || slow.closed());
  world.net.RunFor(std::chrono::milliseconds(300));
  EXPECT_TRUE(silent.closed() && slow.closed());
  EXPECT_EQ(Metric("meridian_tls_handshake_failures_total{listener=https,reason=timeout}"), 2);
}

TEST_F(TlsProxy, HandshakesAreBoundedInNumberAndSilenceDoesNotCount) {
  Serve();
  std::vector<Peer*> silent;
  for (int i = 0; i < 1100; ++i) silent.push_back(&world.Connect("192.0.2.1", "10.0.0.1:443"));
  EXPECT_TRUE(world.Ask(Connect(), kGet).ends_with("ok"));
  for (Peer* peer : silent) peer->stream->Write("\x16\x03\x01");
  world.net.RunFor(std::chrono::milliseconds(100));
  const size_t refused = static_cast<size_t>(
      std::count_if(silent.begin(), silent.end(), [](Peer* peer) { return peer->closed(); }));
  EXPECT_EQ(refused, 1100u - 1024);
  EXPECT_EQ(Metric("meridian_tls_handshake_failures_total{listener=https,reason=overload}"),
            refused);
  EXPECT_TRUE(Connect().failed);
  world.net.RunFor(std::chrono::seconds(4));
  EXPECT_TRUE(world.Ask(Connect(), kGet).ends_with("ok"));
}

TEST_F(TlsProxy, AReloadChangesTheCertificateForNewConnectionsOnly) {
  Serve();
  Peer& before = Connect();
  ASSERT_TRUE(before.connected);
  TlsSetup next;
  next.certificates = "[" + CertificateYaml(Files::Get().other) + "]";
  world.Load(ConfigOf(next));
  EXPECT_TRUE(world.Ask(before, kGet).ends_with("ok"));
  EXPECT_TRUE(Connect().failed);
  EXPECT_TRUE(
      world.Ask(Connect("10.0.0.1:443", ClientContext(nullptr, "b.test")), kGet).ends_with("ok"));
}

struct MutualTls : TlsProxy {
  MutualTls()
      : TlsProxy({.listener_tls =
                      ", client_ca: '" + Files::Get().folder.authority().certificate + "'"}) {}
};

TEST_F(MutualTls, TheSubjectIsForwarded) {
  Server& server = Serve();
  Peer& peer = Connect("10.0.0.1:443", ClientContext(&Files::Get().client));
  world.Ask(peer, "GET /x HTTP/1.1\r\nHost: a.test\r\nX-Client-Cert-Subject: CN=root\r\n\r\n");
  EXPECT_NE(server.received().find("X-Client-Cert-Subject: CN=Ada\r\n"), std::string::npos);
  EXPECT_EQ(server.received().find("CN=root"), std::string::npos);
}

TEST_F(MutualTls, WithoutACertificateNoRequestIsTaken) {
  Server& server = Serve();
  Peer& peer = Connect();
  world.Ask(peer, kGet);
  EXPECT_TRUE(peer.failed);
  EXPECT_EQ(server.received(), "");
  EXPECT_EQ(Metric("meridian_tls_handshake_failures_total{listener=https,reason=no-certificate}"),
            1);
}

struct BackendTls : TlsProxy {
  static TlsSetup Of(const std::string& keys) {
    return {.backend = "    backend: {tls: {ca: '" + Files::Get().folder.authority().certificate +
                       "', " + keys + "}}"};
  }
  explicit BackendTls(const std::string& keys = "server_name: app.internal")
      : BackendTls(Of(keys)) {}
  explicit BackendTls(const TlsSetup& setup)
      : TlsProxy(setup), server_space(world.net.AddLoop(Ip("10.1.0.1"))) {
    tls::Problems problems;
    tls::ServerOptions options;
    options.certificates = {{Files::Get().backend.certificate, Files::Get().backend.key, {}}};
    context = tls::ServerContext::Create(options, problems);
  }
  ~BackendTls() override {
    world.workers.clear();
    world.net.RunFor(std::chrono::milliseconds(10));
    world.servers.clear();
  }
  Server& ServeTls(Server::Script script = Answer(std::string(kOk))) {
    Server& server = Serve(std::move(script));
    server.wrap = [this](net::StreamPtr stream) {
      tls::StreamPtr made = tls::Accept(server_space, context, std::move(stream));
      streams.push_back(made.get());
      return made;
    };
    return server;
  }

  tls::Workspace server_space;
  std::shared_ptr<const tls::ServerContext> context;
  std::vector<tls::Stream*> streams;
};

TEST_F(BackendTls, IsVerifiedPooledAndResumed) {
  Server& server = ServeTls();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(world.Ask(kGet).ends_with("ok"));
  EXPECT_EQ(server.peers.size(), 1u);
  EXPECT_EQ(Metric("meridian_backend_tls_handshakes_total{service=web,site=atlanta,result=full}"),
            1);
  EXPECT_EQ(Metric("meridian_backend_reused_total{service=web,site=atlanta}"), 2);
  server.peers[0]->stream.reset();
  world.net.RunFor(std::chrono::milliseconds(50));
  EXPECT_TRUE(world.Ask(kGet).ends_with("ok"));
  ASSERT_EQ(streams.size(), 2u);
  EXPECT_TRUE(streams[1]->resumed());
  EXPECT_EQ(
      Metric("meridian_backend_tls_handshakes_total{service=web,site=atlanta,result=resumed}"), 1);
}

TEST_F(BackendTls, ConnectionsOfTwoKindsAreNotMixedUp) {
  Server& server = ServeTls();
  EXPECT_TRUE(world.Ask(kGet).ends_with("ok"));
  server.wrap = nullptr;
  EXPECT_TRUE(world.Ask(kGet, "10.0.0.1:81").ends_with("ok"));
  EXPECT_EQ(server.peers.size(), 2u);
  EXPECT_TRUE(world.Ask(kGet).ends_with("ok"));
  EXPECT_TRUE(world.Ask(kGet, "10.0.0.1:81").ends_with("ok"));
  EXPECT_EQ(server.peers.size(), 2u);
}

TEST_F(BackendTls, PooledConnectionsOutliveAReloadThatDoesNotChangeThem) {
  Server& server = ServeTls();
  world.Ask(kGet);
  world.Load(ConfigOf(Of("server_name: app.internal")));
  EXPECT_TRUE(world.Ask(kGet).ends_with("ok"));
  EXPECT_EQ(server.peers.size(), 1u);
  world.Load(ConfigOf(Of("server_name: app.internal, verify: false")));
  EXPECT_TRUE(world.Ask(kGet).ends_with("ok"));
  EXPECT_EQ(server.peers.size(), 2u);
}

struct WrongBackend : BackendTls {
  WrongBackend() : BackendTls("server_name: elsewhere.internal") {}
};

TEST_F(WrongBackend, IsAConnectFailureWithItsOwnReason) {
  Server& server = ServeTls();
  const std::string answer = world.Ask(kGet);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 502 ")) << answer;
  EXPECT_NE(answer.find("Meridian-Reason: backend-tls\r\n"), std::string::npos);
  EXPECT_EQ(server.received(), "");
  EXPECT_EQ(
      Metric("meridian_backend_tls_handshakes_total{service=web,site=atlanta,result=untrusted}"),
      1);
  EXPECT_EQ(Metric("meridian_backend_connect_failures_total{service=web,site=atlanta}"), 1);
}

TEST_F(BackendTls, APlainServerIsOneToo) {
  Serve([](Peer& peer) { peer.stream->Write("HTTP/1.1 400 Bad Request\r\n\r\n"); });
  EXPECT_NE(world.Ask(kGet).find("Meridian-Reason: backend-tls\r\n"), std::string::npos);
  EXPECT_EQ(Metric("meridian_backend_tls_handshakes_total{service=web,site=atlanta,result=failed}"),
            1);
}

TEST_F(BackendTls, AServerThatNeverShakesHandsIsAConnectTimeout) {
  Serve([](Peer&) {});
  Peer& peer = world.Connect("192.0.2.1", "10.0.0.1:80");
  peer.stream->Write(kGet);
  world.net.RunUntil([&] { return !peer.received.empty(); }, std::chrono::seconds(5));
  EXPECT_NE(peer.received.find("Meridian-Reason: connect-timeout\r\n"), std::string::npos);
}

struct RelayedTls : BackendTls {
  static TlsSetup Of() {
    return {.plain = ", backend: {tls: {server_name: app.internal, ca: '" +
                     Files::Get().folder.authority().certificate + "'}}"};
  }
  RelayedTls() : BackendTls(Of()) {}
};

TEST_F(RelayedTls, ATcpListenerSpeaksItOnBothSides) {
  Server& server = ServeTls([](Peer& peer) {
    if (peer.received == "hello") peer.stream->Write("echo hello");
  });
  Peer& peer = Connect("10.0.0.1:444");
  ASSERT_TRUE(peer.connected);
  EXPECT_EQ(world.Ask(peer, "hello"), "echo hello");
  peer.stream->FinishWriting();
  world.net.RunUntil([&] { return server.peers[0]->ended; }, std::chrono::seconds(1));
  EXPECT_TRUE(server.peers[0]->ended);
  server.peers[0]->stream->Reset();
  world.net.RunUntil([&] { return peer.closed(); }, std::chrono::seconds(1));
  EXPECT_TRUE(peer.failed);
}

TEST_F(BackendTls, ALargeBodyGoesThroughBothWays) {
  Server& server = ServeTls([](Peer& peer) {  // answers when all is there
    if (peer.received.ends_with("bbbe")) peer.stream->Write(kOk);
  });
  const std::string body = std::string(699'999, 'b') + "e";
  Peer& peer = Connect();
  const std::string answer =
      world.Ask(peer, "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 700000\r\n\r\n" + body);
  EXPECT_TRUE(answer.ends_with("ok")) << answer;
  EXPECT_NE(server.received().find(body), std::string::npos);
}

}  // namespace
}  // namespace meridian::fakes
