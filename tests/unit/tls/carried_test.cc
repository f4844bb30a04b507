// Two ends whose bytes the test carries by hand: every split of every flight, every byte broken,
// and the stream cut at every place.
#include <deque>

#include "unit/tls/tls_pair.h"

namespace meridian::tls {
namespace {

// A stream that keeps what is written and is told what the test says.
class Carried final : public net::Stream {
 public:
  void SetHandler(net::StreamHandler* handler) override { told = handler; }
  void StartReading() override { reading = true; }
  void StopReading() override { reading = false; }
  void Write(std::span<const std::string_view> slices) override {
    ++writes;
    for (const std::string_view slice : slices) sent.append(slice);
  }
  size_t pending_bytes() const override { return 0; }
  void FinishWriting() override { finished = true; }
  void Reset() override {}
  net::Address peer() const override { return address; }
  net::Address local() const override { return address; }

  net::StreamHandler* told = nullptr;
  std::string sent;
  int writes = 0;
  bool reading = false, finished = false;
  net::Address address = *net::Address::Parse("10.0.0.1:443");
};

// A loop that gives one Carried to whoever connects.
class OneStreamLoop final : public net::Loop {
 public:
  Result<net::StreamPtr> Connect(const net::Address&, const net::ConnectOptions&,
                                 net::StreamHandler& handler) override {
    auto made = std::make_unique<Carried>();
    made->told = &handler;
    stream = made.get();
    return made;
  }
  Result<std::unique_ptr<net::Listener>> Listen(const net::Address&, const net::ListenOptions&,
                                                net::AcceptHandler&) override {
    return Fail(ErrorCode::kUnsupported, "listen");
  }
  Result<std::unique_ptr<net::DatagramListener>> ListenDatagrams(const net::Address&,
                                                                 const net::DatagramListenOptions&,
                                                                 net::DatagramHandler&) override {
    return Fail(ErrorCode::kUnsupported, "listen");
  }
  Result<std::unique_ptr<net::DatagramSocket>> ConnectDatagrams(const net::Address&,
                                                                net::DatagramHandler&) override {
    return Fail(ErrorCode::kUnsupported, "connect");
  }
  void Arm(net::Timer& timer, Duration delay) override { wheel.Arm(timer, now, delay); }
  void AtTurnEnd(net::TurnTask&) override {}
  void Post(std::function<void()>) override {}
  MonotonicTime Now() const override { return now; }
  WallTime WallNow() const override { return {}; }
  void Turn() {
    now += std::chrono::milliseconds(2);
    wheel.Advance(now);
  }

  Carried* stream = nullptr;
  MonotonicTime now{};
  net::TimerWheel wheel{now};
};

struct Ends {
  explicit Ends(int version = 0)
      : client_context(ClientOf(Shared::Get().Client(), version)),
        space(loop),
        server_context(ServerOf(Shared::Get().Server())) {
    Restart();
  }
  void Restart() {
    client.reset();
    server.reset();
    client_told = Recorder();
    server_told = Recorder();
    ConnectInput input;
    input.to = *net::Address::Parse("10.0.0.1:443");
    input.context = client_context;
    client = std::move(*Connect(space, loop, input, client_told));
    client_end = loop.stream;
    client->StartReading();
    auto made = std::make_unique<Carried>();
    server_end = made.get();
    server = Accept(space, server_context, std::move(made));
    server->SetHandler(&server_told);
    server->StartReading();
    client_end->told->OnConnected();
  }
  static void Give(Carried& to, std::string_view bytes) {
    if (!bytes.empty()) to.told->OnRead(bytes);
  }
  // Carries one flight, in two pieces.
  static size_t Carry(Carried& from, Carried& to, size_t split) {
    const std::string flight = std::exchange(from.sent, {});
    const size_t at = std::min(split, flight.size());
    Give(to, std::string_view(flight).substr(0, at));
    Give(to, std::string_view(flight).substr(at));
    return flight.size();
  }
  bool established() const { return client_told.connected == 1 && server_told.connected == 1; }

  std::shared_ptr<const ClientContext> client_context;
  OneStreamLoop loop;
  Workspace space;
  std::shared_ptr<const ServerContext> server_context;
  Recorder client_told, server_told;
  StreamPtr client, server;
  Carried *client_end = nullptr, *server_end = nullptr;
};

TEST(CarriedTls, AHandshakeStandsEverySplitOfEveryFlight) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Ends ends(version);
    size_t longest = 1;
    for (size_t split = 0; split < longest; split += split < 600 ? 1 : 37) {
      ends.Restart();
      for (int flight = 0; flight < 4 && !ends.established(); ++flight) {
        longest = std::max(longest, Ends::Carry(*ends.client_end, *ends.server_end, split));
        longest = std::max(longest, Ends::Carry(*ends.server_end, *ends.client_end, split));
      }
      ASSERT_TRUE(ends.established()) << "split at " << split;
      ends.client->Write("x");
      Ends::Carry(*ends.client_end, *ends.server_end, split);
      ASSERT_EQ(ends.server_told.received, "x") << "split at " << split;
    }
  }
}

TEST(CarriedTls, EachFlightIsOneWrite) {
  Ends ends(TLS1_3_VERSION);
  EXPECT_EQ(ends.client_end->writes, 1);
  Ends::Carry(*ends.client_end, *ends.server_end, 0);
  EXPECT_EQ(ends.server_end->writes, 1);
  Ends::Carry(*ends.server_end, *ends.client_end, 0);
  EXPECT_EQ(ends.client_end->writes, 2);
  Ends::Carry(*ends.client_end, *ends.server_end, 0);
  ASSERT_TRUE(ends.established());
  EXPECT_EQ(ends.server_end->writes, 2);  // both tickets
  const std::string body = Pattern(60'000);
  const std::string_view slices[] = {"head", body};
  ends.server->Write(slices);
  EXPECT_EQ(ends.server_end->writes, 3);
}

TEST(CarriedTls, ABrokenByteAnywhereIsAnErrorAndNeverData) {
  Ends ends(TLS1_3_VERSION);
  Ends::Carry(*ends.client_end, *ends.server_end, 0);
  Ends::Carry(*ends.server_end, *ends.client_end, 0);
  Ends::Carry(*ends.client_end, *ends.server_end, 0);
  ends.client_end->sent.clear();
  ends.client->Write("bytes that are sealed");
  const size_t length = ends.client_end->sent.size();
  for (size_t at = 0; at < length; ++at) {
    ends.Restart();
    Ends::Carry(*ends.client_end, *ends.server_end, 0);
    Ends::Carry(*ends.server_end, *ends.client_end, 0);
    Ends::Carry(*ends.client_end, *ends.server_end, 0);
    ASSERT_TRUE(ends.established());
    ends.client->Write("bytes that are sealed");
    ends.client_end->sent[at] = static_cast<char>(ends.client_end->sent[at] ^ 0x10);
    Ends::Carry(*ends.client_end, *ends.server_end, 0);
    EXPECT_EQ(ends.server_told.received, "") << at;
    if (at == 3 || at == 4) continue;  // the record's length: it may only be longer now
    ASSERT_TRUE(ends.server_told.error) << at;
    EXPECT_EQ(ends.server_told.error->code, ErrorCode::kMalformed);
    EXPECT_LT(ends.server_told.error->system, 0);
  }
}

TEST(CarriedTls, AnEndWithoutCloseNotifyIsAnErrorAndWithItIsNone) {
  Ends ends(TLS1_3_VERSION);
  const auto establish = [&] {
    ends.Restart();
    Ends::Carry(*ends.client_end, *ends.server_end, 0);
    Ends::Carry(*ends.server_end, *ends.client_end, 0);
    Ends::Carry(*ends.client_end, *ends.server_end, 0);
  };
  establish();
  ends.server_end->told->OnEnd();
  ASSERT_TRUE(ends.server_told.error);
  EXPECT_EQ(ends.server_told.error->code, ErrorCode::kReset);
  EXPECT_EQ(ends.server_told.ends, 0);

  establish();
  ends.client->FinishWriting();
  EXPECT_TRUE(ends.client_end->finished);
  Ends::Carry(*ends.client_end, *ends.server_end, 0);
  EXPECT_EQ(ends.server_told.ends, 1);
  ends.server_end->told->OnEnd();
  EXPECT_EQ(ends.server_told.ends, 1);
  EXPECT_FALSE(ends.server_told.error);

  establish();  // the end comes while nobody reads, with bytes before it
  ends.server->StopReading();
  ends.client->Write("cut");
  Ends::Carry(*ends.client_end, *ends.server_end, 0);
  ends.server_end->told->OnEnd();
  EXPECT_FALSE(ends.server_told.error);
  ends.server->StartReading();
  ends.loop.Turn();
  EXPECT_EQ(ends.server_told.received, "cut");
  ASSERT_TRUE(ends.server_told.error);
  EXPECT_EQ(ends.server_told.error->code, ErrorCode::kReset);
}

TEST(CarriedTls, AHandshakeCutShortAnywhereIsAnError) {
  Ends ends(TLS1_3_VERSION);
  const std::string hello = ends.client_end->sent;
  for (const size_t at : {size_t{0}, size_t{1}, size_t{5}, hello.size() / 2, hello.size()}) {
    ends.Restart();
    Ends::Give(*ends.server_end, std::string_view(ends.client_end->sent).substr(0, at));
    ends.server_end->told->OnEnd();
    ASSERT_TRUE(ends.server_told.error) << at;
    EXPECT_EQ(FailureOf(*ends.server_told.error), HandshakeFailure::kClosed);
  }
}

TEST(CarriedTls, WhatIsNotTlsIsRefusedByName) {
  Ends ends;
  Ends::Give(*ends.server_end, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  ASSERT_TRUE(ends.server_told.error);
  EXPECT_EQ(FailureOf(*ends.server_told.error), HandshakeFailure::kNotTls);
  EXPECT_EQ(ends.server_told.connected, 0);
  ends.Restart();
  Ends::Give(*ends.server_end, std::string(100, '\0'));
  ASSERT_TRUE(ends.server_told.error);
  EXPECT_EQ(ends.server_told.error->code, ErrorCode::kMalformed);
}

TEST(CarriedTls, BytesReadBeforeAreTheBeginning) {
  Ends ends;
  auto made = std::make_unique<Carried>();
  Carried& end = *made;
  ends.server = Accept(ends.space, ends.server_context, std::move(made),
                       std::string_view(ends.client_end->sent).substr(0, 100));
  ends.server->SetHandler(&ends.server_told);
  ends.loop.Turn();
  Ends::Give(end, std::string_view(ends.client_end->sent).substr(100));
  Ends::Carry(end, *ends.client_end, 0);
  EXPECT_EQ(ends.client_told.connected, 1);
}

TEST(CarriedTls, RenegotiationIsRefused) {
  Ends ends(TLS1_2_VERSION);
  Ends::Carry(*ends.client_end, *ends.server_end, 0);
  Ends::Carry(*ends.server_end, *ends.client_end, 0);
  Ends::Carry(*ends.client_end, *ends.server_end, 0);
  Ends::Carry(*ends.server_end, *ends.client_end, 0);
  ASSERT_TRUE(ends.established());
  EXPECT_NE(
      SSL_CTX_get_options(ends.server_context->state().default_context()) & SSL_OP_NO_RENEGOTIATION,
      0u);
}

}  // namespace
}  // namespace meridian::tls
