// What costs the peer little and us much: each has a budget, and who passes it is told to calm
// down. Frames by hand, as an attacker sends them.
#include "unit/codec/http2_events.h"

namespace meridian::codec {
namespace {

using namespace fakes;

constexpr uint32_t kCalm = 11;

// Sends `piece(i)` until the connection has had enough; how often that took (0: `most` did not).
size_t Flood(RecordingEnd& server, size_t most, const std::function<std::string(uint32_t)>& piece) {
  server.Receive(h2::Hello());
  for (uint32_t i = 0; i < most; ++i) {
    server.Receive(piece(i));
    if (server.connection.fault() != Http2Fault::kNone) return i + 1;
    server.Take();
  }
  return 0;
}

void ExpectCalm(RecordingEnd& server, Http2Fault fault) {
  EXPECT_STREQ(Name(server.connection.fault()), Name(fault));
  const auto sent = h2::Split(server.Take());
  ASSERT_FALSE(sent.empty());
  EXPECT_EQ(sent.back().type, h2::kGoAway);
  EXPECT_EQ(sent.back().code(), kCalm);
  EXPECT_TRUE(server.connection.done());
  const std::string log = server.log;
  server.Receive(h2::GetRequest(1001));
  EXPECT_EQ(server.log, log) << "nothing is read after that";
}

TEST(Http2Abuse, RapidResets) {
  RecordingEnd server;
  const size_t took = Flood(server, 2000, [](uint32_t i) {
    return h2::GetRequest(2 * i + 1) + h2::Frame(h2::kRstStream, 0, 2 * i + 1, h2::Number(8, 4));
  });
  EXPECT_GE(took, 100u);
  EXPECT_LE(took, 600u);
  ExpectCalm(server, Http2Fault::kResets);
}

TEST(Http2Abuse, RequestsThatMakeUsReset) {
  RecordingEnd server;
  server.Receive(h2::Hello());
  size_t took = 0;
  for (uint32_t i = 0; i < 2000 && server.connection.fault() == Http2Fault::kNone; ++i, ++took) {
    // A window past its bound is a stream error.
    server.Receive(h2::GetRequest(2 * i + 1) +
                   h2::Frame(h2::kWindowUpdate, 0, 2 * i + 1, h2::Number(0x7fffffff, 4)));
    server.Take();
  }
  EXPECT_LE(took, 600u);
  EXPECT_EQ(server.connection.fault(), Http2Fault::kResets);
}

TEST(Http2Abuse, MalformedRequestsOneAfterTheOther) {
  RecordingEnd server;
  server.Receive(h2::Hello());
  size_t took = 0;
  for (uint32_t i = 0; i < 2000 && server.connection.fault() == Http2Fault::kNone; ++i, ++took) {
    server.Receive(h2::Headers(2 * i + 1, {{":method", "GET"}}, h2::kEndStream | h2::kEndHeaders));
    server.Take();
  }
  EXPECT_LE(took, 600u);
  EXPECT_EQ(server.connection.fault(), Http2Fault::kResets);
}

TEST(Http2Abuse, Pings) {
  RecordingEnd server;
  const size_t took =
      Flood(server, 2000, [](uint32_t) { return h2::Frame(h2::kPing, 0, 0, "12345678"); });
  EXPECT_EQ(took, 101u);
  ExpectCalm(server, Http2Fault::kPings);
}

TEST(Http2Abuse, Settings) {
  RecordingEnd server;
  const size_t took = Flood(server, 2000, [](uint32_t) {
    return h2::Frame(h2::kSettings, 0, 0, h2::Number(3, 2) + h2::Number(7, 4));
  });
  EXPECT_EQ(took, 50u);  // the first came with the preface
  ExpectCalm(server, Http2Fault::kSettings);
}

TEST(Http2Abuse, EmptyDataFrames) {
  h2::Fields fields = h2::Get();
  fields[0].second = "POST";
  for (const bool padded : {false, true}) {
    RecordingEnd server;
    const std::string empty =
        padded ? h2::Frame(h2::kData, h2::kPadded, 1, std::string("\5\0\0\0\0\0", 6))
               : h2::Frame(h2::kData, 0, 1, "");
    const size_t took = Flood(server, 2000, [&](uint32_t i) {
      return i == 0 ? h2::Headers(1, fields, h2::kEndHeaders) : empty;
    });
    EXPECT_EQ(took, 102u);
    ExpectCalm(server, Http2Fault::kEmptyFrames);
  }
}

TEST(Http2Abuse, Continuations) {
  for (const std::string_view block : {"", "\0\1a\1b"}) {
    RecordingEnd server;
    const size_t took = Flood(server, 2000, [&](uint32_t i) {
      return i == 0 ? h2::Frame(h2::kHeaders, 0, 1, h2::Block(h2::Get()))
                    : h2::Frame(h2::kContinuation, 0, 1, block);
    });
    EXPECT_GT(took, 1u);
    EXPECT_LE(took, 12u);
    ExpectCalm(server, Http2Fault::kContinuations);
  }
}

TEST(Http2Abuse, WindowUpdates) {
  RecordingEnd server;
  const size_t took = Flood(
      server, 5000, [](uint32_t) { return h2::Frame(h2::kWindowUpdate, 0, 0, h2::Number(1, 4)); });
  EXPECT_EQ(took, 1001u);
  ExpectCalm(server, Http2Fault::kWindowUpdates);
}

TEST(Http2Abuse, Priorities) {
  RecordingEnd server;
  const size_t took = Flood(server, 5000, [](uint32_t) {
    return h2::Frame(h2::kPriority, 0, 1, std::string("\0\0\0\3\20", 5));
  });
  EXPECT_EQ(took, 501u);
  ExpectCalm(server, Http2Fault::kOtherFrames);
}

TEST(Http2Abuse, UnknownFramesAreReadPast) {
  RecordingEnd server;
  EXPECT_EQ(Flood(server, 5000, [](uint32_t) { return h2::Frame(200, 0, 1, "x"); }), 0u);
  server.Receive(h2::GetRequest(1));
  EXPECT_EQ(server.log, "GET a.test/ end\n");
}

TEST(Http2Abuse, BudgetsRefillWithTime) {
  RecordingEnd server;
  server.Receive(h2::Hello());
  MonotonicTime now(std::chrono::seconds(10));
  for (int i = 0; i < 2000; ++i) {
    now += std::chrono::milliseconds(100);
    server.Receive(h2::Frame(h2::kPing, 0, 0, "12345678"), now);
    server.Take();
  }
  EXPECT_EQ(server.connection.fault(), Http2Fault::kNone);
}

TEST(Http2Abuse, AProtocolErrorEndsTheConnection) {
  const std::string cases[] = {
      h2::Frame(h2::kData, 0, 1, "x"),                       // on an idle stream
      h2::Frame(h2::kPing, 0, 1, "12345678"),                // with a stream
      h2::Frame(h2::kPing, 0, 0, "1234"),                    // of the wrong size
      h2::Frame(h2::kSettings, 0, 0, "123"),                 // likewise
      h2::Frame(h2::kPushPromise, 4, 1, "1234"),             // from a client
      h2::Frame(h2::kContinuation, 4, 1, ""),                // behind nothing
      h2::Frame(h2::kData, 0, 0, std::string(20000, 'x')),   // larger than we allow
      h2::Frame(h2::kHeaders, 5, 2, h2::Block(h2::Get())),   // an even stream
      h2::Frame(h2::kHeaders, 5, 1, "\xff\xff\xff\xff"),     // no HPACK
      h2::Frame(h2::kWindowUpdate, 0, 0, h2::Number(0, 4)),  // of nothing
      h2::Frame(h2::kHeaders, 1, 1, h2::Block(h2::Get())) + h2::Frame(h2::kPing, 0, 0, "12345678"),
  };
  for (const std::string& bytes : cases) {
    RecordingEnd server;
    server.Receive(h2::Hello() + bytes);
    const auto sent = h2::Split(server.Take());
    ASSERT_FALSE(sent.empty());
    EXPECT_EQ(sent.back().type, h2::kGoAway) << testing::PrintToString(bytes.substr(0, 20));
    EXPECT_EQ(server.connection.fault(), Http2Fault::kProtocol);
    EXPECT_TRUE(server.connection.done());
  }
  RecordingEnd server;
  server.Receive("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(server.connection.fault(), Http2Fault::kProtocol);
}

TEST(Http2Abuse, MoreStreamsThanAdmittedAreAProtocolError) {
  Http2Limits limits;
  limits.streams = 4;
  RecordingEnd server(Http2Connection::Role::kServer, limits);
  server.Receive(h2::Hello());
  server.Take();
  server.Receive(h2::Frame(h2::kSettings, h2::kAck, 0, ""));
  for (uint32_t i = 0; i < 5; ++i) server.Receive(h2::GetRequest(2 * i + 1));
  EXPECT_EQ(server.streams.size(), 4u);
}

}  // namespace
}  // namespace meridian::codec
