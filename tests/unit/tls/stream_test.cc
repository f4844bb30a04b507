// The TLS stream as a stream: handshakes over any segmentation, data both ways, backpressure, every
// way to end, and what each end is told.
#include "unit/tls/tls_pair.h"

namespace meridian::tls {
namespace {

struct TlsStreams : ::testing::TestWithParam<int> {
  const Shared& shared = Shared::Get();
  std::shared_ptr<const ServerContext> server = ServerOf(shared.Server());
  std::shared_ptr<const ClientContext> client = ClientOf(shared.Client(), GetParam());
};
INSTANTIATE_TEST_SUITE_P(Versions, TlsStreams, ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& version) {
                           return version.param == TLS1_2_VERSION ? "Tls12" : "Tls13";
                         });

TEST_P(TlsStreams, ShakesHandsAndCarriesBytesBothWays) {
  Pair pair(server, client);
  ASSERT_TRUE(pair.Establish());
  const Version version = GetParam() == TLS1_2_VERSION ? Version::kTls12 : Version::kTls13;
  EXPECT_EQ(pair.client->version(), version);
  EXPECT_EQ(pair.server->version(), version);
  EXPECT_FALSE(pair.server->resumed());
  EXPECT_EQ(pair.server->alpn(), "");
  pair.client->Write("ping");
  ASSERT_TRUE(pair.Until([&] { return pair.server_told.received == "ping"; }));
  const std::string_view slices[] = {"po", "", "ng"};
  pair.server->Write(slices);
  ASSERT_TRUE(pair.Until([&] { return pair.client_told.received == "pong"; }));
}

TEST_P(TlsStreams, AnySegmentationGivesTheSameBytes) {
  const std::string bytes = Pattern(100'000);
  for (const size_t segment : {1u, 2u, 5u, 6u, 100u, 1000u, 70'000u}) {
    SCOPED_TRACE(segment);
    fakes::MemoryNetOptions options;
    options.segment = segment;
    options.latency = Duration(1000);
    Pair pair(server, client, options);
    ASSERT_TRUE(pair.Establish());
    const size_t size = segment < 10 ? 20'000 : bytes.size();
    pair.client->Write(std::string_view(bytes).substr(0, size));
    pair.server->Write(std::string_view(bytes).substr(0, size));
    ASSERT_TRUE(pair.Until([&] {
      return pair.server_told.received.size() >= size && pair.client_told.received.size() >= size;
    }));
    EXPECT_EQ(pair.server_told.received, bytes.substr(0, size));
    EXPECT_EQ(pair.client_told.received, bytes.substr(0, size));
  }
}

TEST_P(TlsStreams, SlicesOfEverySizeArriveInOrder) {
  Pair pair(server, client);
  ASSERT_TRUE(pair.Establish());
  std::string expected;
  for (const size_t size : {1u, 16383u, 16384u, 16385u, 40'000u, 32'768u, 70'000u}) {
    const std::string bytes = Pattern(size);
    const std::string_view slices[] = {"head ", bytes, "", bytes, " tail"};
    pair.server->Write(slices);
    for (const std::string_view slice : slices) expected += slice;
  }
  ASSERT_TRUE(pair.Until([&] { return pair.client_told.received.size() >= expected.size(); }));
  EXPECT_EQ(pair.client_told.received, expected);
  EXPECT_EQ(pair.server->pending_bytes(), 0u);
  EXPECT_GT(pair.server_told.drains, 0);
}

TEST_P(TlsStreams, WhatIsWrittenBeforeTheHandshakeFollowsIt) {
  Pair pair(server, client);
  pair.client->Write("early ");
  pair.client->Write("bird");
  EXPECT_EQ(pair.client->pending_bytes(), 10u);
  pair.client->FinishWriting();
  ASSERT_TRUE(pair.Until([&] { return pair.server_told.ends > 0; }));
  EXPECT_EQ(pair.server_told.received, "early bird");
  EXPECT_EQ(pair.client_told.drains, 1);
  pair.server->Write("worm");
  ASSERT_TRUE(pair.Until([&] { return pair.client_told.received == "worm"; }));
}

TEST_P(TlsStreams, AReaderThatStopsHoldsTheWriterBack) {
  Pair pair(server, client);
  ASSERT_TRUE(pair.Establish());
  const std::string bytes = Pattern(600'000);
  size_t told = 0;
  pair.server_told.on_read = [&](std::string_view piece) {
    told += piece.size();
    pair.server->StopReading();
  };
  pair.client->Write(bytes);
  pair.Settle();
  EXPECT_GT(pair.client->pending_bytes(), 100'000u);
  EXPECT_LE(told, 64u * 1024);
  for (int turn = 0; turn < 1000 && told < bytes.size(); ++turn) {
    const size_t before = told;
    pair.server->StartReading();
    pair.Settle();
    ASSERT_LE(told - before, 64u * 1024);
  }
  EXPECT_EQ(pair.server_told.received, bytes);
  EXPECT_EQ(pair.client_told.drains, 1);
}

TEST_P(TlsStreams, EachDirectionEndsByItself) {
  Pair pair(server, client);
  ASSERT_TRUE(pair.Establish());
  pair.client->Write("question");
  pair.client->FinishWriting();
  ASSERT_TRUE(pair.Until([&] { return pair.server_told.ends == 1; }));
  EXPECT_EQ(pair.server_told.received, "question");
  EXPECT_EQ(pair.client_told.ends, 0);
  pair.server->Write("answer");
  pair.server->FinishWriting();
  ASSERT_TRUE(pair.Until([&] { return pair.client_told.ends == 1; }));
  EXPECT_EQ(pair.client_told.received, "answer");
  EXPECT_FALSE(pair.client_told.error || pair.server_told.error);
}

TEST_P(TlsStreams, TheEndWaitsForAReader) {
  Pair pair(server, client);
  ASSERT_TRUE(pair.Establish());
  pair.server->StopReading();
  pair.client->Write("last");
  pair.client->FinishWriting();
  pair.Settle();
  EXPECT_EQ(pair.server_told.ends, 0);
  pair.server->StartReading();
  pair.Settle();
  EXPECT_EQ(pair.server_told.received, "last");
  EXPECT_EQ(pair.server_told.ends, 1);
}

TEST_P(TlsStreams, StoppingInsideOnReadPutsTheEndOff) {
  Pair pair(server, client);
  ASSERT_TRUE(pair.Establish());
  pair.server_told.on_read = [&](std::string_view) { pair.server->StopReading(); };
  pair.client->Write("last");
  pair.client->FinishWriting();
  pair.Settle();
  EXPECT_EQ(pair.server_told.received, "last");
  EXPECT_EQ(pair.server_told.ends, 0);
  pair.server->StartReading();
  pair.Settle();
  EXPECT_EQ(pair.server_told.ends, 1);
}

TEST_P(TlsStreams, DestroyingSendsWhatIsPendingAndSaysClose) {
  Pair pair(server, client);
  ASSERT_TRUE(pair.Establish());
  const std::string bytes = Pattern(300'000);
  pair.server->Write(bytes);
  pair.server.reset();
  ASSERT_TRUE(pair.Until([&] { return pair.client_told.ends == 1 || pair.client_told.error; }));
  EXPECT_FALSE(pair.client_told.error);
  EXPECT_EQ(pair.client_told.received, bytes);
}

TEST_P(TlsStreams, ItMayBeDestroyedInsideAnyCall) {
  {
    Pair pair(server, client);
    pair.client_told.on_connected = [&] { pair.client.reset(); };
    pair.Until([&] { return pair.server_told.ends > 0 || pair.server_told.error; });
    EXPECT_EQ(pair.client, nullptr);
  }
  {
    Pair pair(server, client);
    ASSERT_TRUE(pair.Establish());
    pair.server_told.on_read = [&](std::string_view) { pair.server.reset(); };
    pair.client->Write("bytes");
    ASSERT_TRUE(pair.Until([&] { return pair.client_told.ends == 1; }));
    EXPECT_EQ(pair.server, nullptr);
  }
}

TEST_P(TlsStreams, AResetIsAnError) {
  Pair pair(server, client);
  ASSERT_TRUE(pair.Establish());
  pair.client->Reset();
  ASSERT_TRUE(pair.Until([&] { return pair.server_told.error.has_value(); }));
  EXPECT_EQ(pair.server_told.error->code, ErrorCode::kReset);
  EXPECT_EQ(pair.server_told.ends, 0);
}

TEST_P(TlsStreams, WithoutAHandlerNothingIsReadOrLost) {
  Pair pair(server, client);
  ASSERT_TRUE(pair.Establish());
  pair.server->SetHandler(nullptr);
  pair.client->Write("for somebody");
  pair.Settle();
  EXPECT_EQ(pair.server_told.received, "");
  pair.server->SetHandler(&pair.server_told);
  pair.Settle();
  EXPECT_EQ(pair.server_told.received, "for somebody");
}

TEST_P(TlsStreams, PeerAndLocalAreThoseOfTheInnerStream) {
  Pair pair(server, client);
  ASSERT_TRUE(pair.Establish());
  EXPECT_EQ(pair.client->peer().ToString(), "10.0.0.1:443");
  EXPECT_EQ(pair.server->peer().ip().ToString(), "10.0.0.2");
}

}  // namespace
}  // namespace meridian::tls
