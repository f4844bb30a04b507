// Requests over HTTP/2: what comes out is what was sent, however it was cut, and what HTTP/1.1
// could not say is refused.
#include "unit/codec/http2_events.h"

namespace meridian::codec {
namespace {

using namespace fakes;
using Role = Http2Connection::Role;

// The log is the same at every split point.
void ExpectLog(const std::string& bytes, const std::string& log) {
  RecordingEnd whole;
  EXPECT_EQ(whole.Log(bytes), log);
  const std::string sent = whole.Take();
  for (size_t at = 0; at <= bytes.size(); ++at) {
    RecordingEnd parts;
    // An exact copy, so that AddressSanitizer sees a read past it.
    parts.Receive(std::string(bytes, 0, at));
    parts.Receive(std::string(bytes, at));
    ASSERT_EQ(parts.log, log) << "split at " << at;
    ASSERT_EQ(parts.Take(), sent) << "split at " << at;
  }
}

TEST(Http2Preface, IsRecognisedAsSoonAsItIsWhole) {
  EXPECT_EQ(ReadHttp2Preface(h2::kPreface), Http2Preface::kYes);
  EXPECT_EQ(ReadHttp2Preface(h2::Hello()), Http2Preface::kYes);
  for (size_t size = 0; size < h2::kPreface.size(); ++size) {
    EXPECT_EQ(ReadHttp2Preface(h2::kPreface.substr(0, size)), Http2Preface::kMaybe);
    EXPECT_EQ(ReadHttp2Preface(std::string(h2::kPreface.substr(0, size)) + "x"), Http2Preface::kNo);
  }
}

TEST(Http2Request, ComesOutAsItWasSent) {
  ExpectLog(h2::Hello() + h2::GetRequest(1, "/a?b=c"), "GET a.test/a?b=c end\n");
}

TEST(Http2Request, BringsFieldsBodyAndTrailers) {
  h2::Fields fields = h2::Get("/upload");
  fields[0].second = "POST";
  fields.insert(fields.end(), {{"te", "trailers"}, {"x-a", "1"}, {"content-length", "6"}});
  ExpectLog(h2::Hello() + h2::Headers(1, fields, h2::kEndHeaders) +
                h2::Frame(h2::kData, 0, 1, "abc") + h2::Frame(h2::kData, h2::kNone, 1, "def") +
                h2::Headers(1, {{"x-sum", "7"}}, h2::kEndStream | h2::kEndHeaders),
            "POST a.test/upload length=6 ~te=trailers x-a=1 content-length=6\n"
            "body abcdef\nend x-sum=7\n");
}

TEST(Http2Request, WithoutLengthHasABodyOfUnknownLength) {
  RecordingEnd server;
  h2::Fields fields = h2::Get();
  fields[0].second = "PUT";
  server.Receive(h2::Hello() + h2::Headers(1, fields, h2::kEndHeaders) +
                 h2::Frame(h2::kData, h2::kEndStream, 1, "abc"));
  EXPECT_EQ(server.log, "PUT a.test/\nbody abc\nend\n");
}

TEST(Http2Request, CookiesInPiecesBecomeOne) {
  h2::Fields fields = h2::Get();
  fields.insert(fields.end(), {{"cookie", "a=1"}, {"x", "y"}, {"cookie", "b=2"}, {"cookie", "c"}});
  ExpectLog(h2::Hello() + h2::Headers(1, fields, h2::kEndStream | h2::kEndHeaders),
            "GET a.test/ cookie=a=1; b=2; c x=y end\n");
}

TEST(Http2Request, HeadMayComeInContinuations) {
  const std::string block = h2::Block(h2::Get("/long"));
  std::string bytes = h2::Hello() + h2::Frame(h2::kHeaders, h2::kEndStream, 1, block.substr(0, 5));
  bytes += h2::Frame(h2::kContinuation, 0, 1, block.substr(5, 9));
  bytes += h2::Frame(h2::kContinuation, h2::kEndHeaders, 1, block.substr(14));
  ExpectLog(bytes, "GET a.test/long end\n");
}

TEST(Http2Request, HostStandsInForAuthority) {
  const h2::Fields fields = {
      {":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {"host", "b.test:81"}};
  ExpectLog(h2::Hello() + h2::Headers(1, fields, h2::kEndStream | h2::kEndHeaders),
            "GET b.test:81/ host=b.test:81 end\n");
}

TEST(Http2Request, AWebSocketIsOpenedAsHttp1Does) {
  h2::Fields fields = h2::Get("/chat");
  fields[0].second = "CONNECT";
  fields.insert(fields.end(), {{":protocol", "websocket"}, {"sec-websocket-version", "13"}});
  RecordingEnd server;
  server.Receive(h2::Hello() + h2::Headers(1, fields, h2::kEndHeaders));
  const std::string key = "Sec-WebSocket-Key=";
  ASSERT_TRUE(
      server.log.starts_with("GET a.test/chat sec-websocket-version=13 ~Upgrade=websocket " + key))
      << server.log;
  EXPECT_TRUE(server.log.ends_with("==\n"));
  EXPECT_EQ(server.log.size() - server.log.find(key) - key.size(), 25u);
  fields[4].second = "other";
  server.log.clear();
  server.Receive(h2::Headers(3, fields, h2::kEndHeaders));
  EXPECT_EQ(server.log, "refused unsupported connect\n");
}

TEST(Http2Request, AsteriskIsForOptions) {
  h2::Fields fields = h2::Get("*");
  fields[0].second = "OPTIONS";
  RecordingEnd server;
  server.Receive(h2::Hello() + h2::Headers(1, fields, h2::kEndStream | h2::kEndHeaders));
  EXPECT_EQ(server.log, "OPTIONS a.test* end\n");
}

// One request with these fields instead of a plain GET's, and then a good one: what is wrong costs
// the stream, not the connection.
struct Case {
  const char* name;
  h2::Fields fields;
  const char* log;  // "malformed": reset by nghttp2
};

h2::Fields With(const h2::Fields& more) {
  h2::Fields fields = h2::Get();
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}
h2::Fields Changed(size_t at, std::string_view value) {
  h2::Fields fields = h2::Get();
  fields[at].second = value;
  return fields;
}
h2::Fields Without(size_t at) {
  h2::Fields fields = h2::Get();
  fields.erase(fields.begin() + static_cast<ptrdiff_t>(at));
  return fields;
}

using namespace std::string_view_literals;

const Case kCases[] = {
    {"no method", Without(0), "malformed\n"},
    {"no scheme", Without(1), "malformed\n"},
    {"no path", Without(2), "malformed\n"},
    {"no authority", Without(3), "malformed\n"},
    {"two methods", With({{":method", "GET"}}), "malformed\n"},
    {"two paths", With({{":path", "/b"}}), "malformed\n"},
    {"pseudo behind a field", {{":method", "GET"}, {"a", "b"}, {":path", "/"}}, "malformed\n"},
    {"unknown pseudo", With({{":x", "y"}}), "malformed\n"},
    {"status", With({{":status", "200"}}), "malformed\n"},
    {"empty path", Changed(2, ""), "malformed\n"},
    {"upper case", With({{"X-A", "b"}}), "malformed\n"},
    {"space in a name", With({{"a b", "c"}}), "malformed\n"},
    {"colon in a name", With({{"a:", "c"}}), "malformed\n"},
    {"empty name", With({{"", "c"}}), "malformed\n"},
    {"CR in a value", With({{"a", "b\rc"}}), "malformed\n"},
    {"LF in a value", With({{"a", "b\nTransfer-Encoding: chunked"}}), "malformed\n"},
    {"NUL in a value", With({{"a", "b\0c"sv}}), "malformed\n"},
    {"space before a value", With({{"a", " b"}}), "malformed\n"},
    {"space behind a value", With({{"a", "b "}}), "malformed\n"},
    {"connection", With({{"connection", "x"}}), "malformed\n"},
    {"keep-alive", With({{"keep-alive", "1"}}), "malformed\n"},
    {"proxy-connection", With({{"proxy-connection", "x"}}), "malformed\n"},
    {"transfer-encoding", With({{"transfer-encoding", "chunked"}}), "malformed\n"},
    {"upgrade", With({{"upgrade", "h2c"}}), "malformed\n"},
    {"te gzip", With({{"te", "gzip"}}), "malformed\n"},
    {"two lengths", With({{"content-length", "0"}, {"content-length", "0"}}), "malformed\n"},
    {"bad length", With({{"content-length", "+1"}}), "malformed\n"},
    {"length without body", With({{"content-length", "3"}}), "malformed\n"},
    {"two hosts of one kind", With({{"host", "a.test"}, {"host", "a.test"}}), "malformed\n"},
    {"two hosts", With({{"host", "b.test"}}), "refused malformed two-hosts\n"},
    {"space in path", Changed(2, "/a b"), "malformed\n"},
    {"CR LF in path", Changed(2, "/ HTTP/1.1\r\nx: y"), "malformed\n"},
    {"fragment", Changed(2, "/a#b"), "refused malformed bad-target\n"},
    {"byte above 127 in path", Changed(2, "/\xc3\xa9"), "refused malformed bad-target\n"},
    {"absolute path", Changed(2, "http://b.test/"), "malformed\n"},
    {"asterisk for GET", Changed(2, "*"), "malformed\n"},
    {"other scheme", Changed(1, "ftp"), "refused malformed bad-scheme\n"},
    {"user information", Changed(3, "u@a.test"), "refused malformed bad-host\n"},
    {"bad port", Changed(3, "a.test:x"), "refused malformed bad-host\n"},
    {"space in authority", Changed(3, "a b"), "malformed\n"},
    {"space in method", Changed(0, "GET /b"), "malformed\n"},
    {"protocol without connect", With({{":protocol", "websocket"}}), "malformed\n"},
    {"a CONNECT that has ended",
     [] {
       h2::Fields fields = h2::Get();
       fields[0].second = "CONNECT";
       fields.emplace_back(":protocol", "websocket");
       return fields;
     }(),
     "refused unsupported connect\n"},
    {"connect",
     {{":method", "CONNECT"}, {":authority", "a.test:1"}},
     "refused unsupported connect\n"},
};

TEST(Http2Request, WhatIsWrongCostsTheStreamOnly) {
  for (const Case& wrong : kCases) {
    SCOPED_TRACE(wrong.name);
    RecordingEnd server;
    server.Receive(h2::Hello() + h2::Headers(1, wrong.fields, h2::kEndStream | h2::kEndHeaders));
    EXPECT_EQ(server.log, wrong.log);
    server.log.clear();
    server.Receive(h2::GetRequest(3));
    EXPECT_EQ(server.log, "GET a.test/ end\n");
    EXPECT_EQ(server.connection.fault(), Http2Fault::kNone);
  }
}

TEST(Http2Request, MoreOrLessBodyThanItsLengthIsReset) {
  for (const std::string_view body : {"ab", "abcd"}) {
    RecordingEnd server;
    h2::Fields fields = With({{"content-length", "3"}});
    fields[0].second = "POST";
    server.Receive(h2::Hello() + h2::Headers(1, fields, h2::kEndHeaders) +
                   h2::Frame(h2::kData, h2::kEndStream, 1, body));
    EXPECT_EQ(server.log.find("\nend"), std::string::npos) << server.log;
    server.Take();
    EXPECT_TRUE(server.log.ends_with("closed 1\n")) << server.log;
  }
}

TEST(Http2Request, TooLargeAHeadIsRefused) {
  Http2Limits limits;
  limits.head = {1024, 10};
  const std::string large(600, 'x');
  RecordingEnd server(Role::kServer, limits);
  server.Receive(
      h2::Hello() + h2::Headers(1, With({{"a", large}}), h2::kEndStream | h2::kEndHeaders) +
      h2::Headers(3, With({{"a", large}, {"b", large}}), h2::kEndStream | h2::kEndHeaders));
  EXPECT_EQ(server.log, "GET a.test/ a=" + large + " end\nrefused too-large head-too-large\n");
  server.log.clear();
  h2::Fields many = h2::Get();
  for (int i = 0; i < 11; ++i) many.emplace_back("a", "b");
  server.Receive(h2::Headers(5, many, h2::kEndStream | h2::kEndHeaders));
  EXPECT_EQ(server.log, "refused too-large head-too-large\n");
}

TEST(Http2Request, AStreamThatNobodyTakesMayBeSentAgain) {
  RecordingEnd server;
  server.refuse = true;
  server.Receive(h2::Hello() + h2::GetRequest(1));
  const auto sent = h2::Split(server.Take());
  ASSERT_EQ(sent.back().type, h2::kRstStream);
  EXPECT_EQ(sent.back().code(), 7u);
}

// What one end sends, the other gets, until both are still.
void Exchange(RecordingEnd& a, RecordingEnd& b) {
  for (int i = 0; i < 1000; ++i) {
    const std::string to_b = a.Take(), to_a = b.Take();
    if (to_b.empty() && to_a.empty()) return;
    b.Receive(to_b);
    a.Receive(to_a);
  }
  FAIL() << "they do not come to rest";
}

std::vector<Field> Fields(const h2::Fields& fields) {
  std::vector<Field> all;
  for (const auto& [name, value] : fields) all.push_back({name, value});
  return all;
}

TEST(Http2Response, GoesThroughBothEnds) {
  RecordingEnd client(Role::kClient), server;
  auto& request = client.AddStream();
  ASSERT_TRUE(client.connection.Request(request, Fields(h2::Get("/x")), true));
  Exchange(client, server);
  ASSERT_EQ(server.log, "GET a.test/x end\n");
  auto& stream = server.streams.front();
  server.connection.Respond(stream, 103, Fields({{"Link", "x"}}), false);
  server.connection.Respond(stream, 200, Fields({{"Content-Type", "text/plain"}}), false);
  const std::string_view body[] = {"hel", "lo"};
  server.connection.SendBody(stream, body, false);
  EXPECT_EQ(stream.pending_bytes(), 5u);
  Exchange(client, server);
  EXPECT_EQ(stream.pending_bytes(), 0u);
  EXPECT_EQ(stream.drained, 1);
  server.connection.AddTrailer(stream, "Grpc-Status", "0");
  server.connection.SendBody(stream, {}, true);
  Exchange(client, server);
  EXPECT_EQ(client.log,
            "status 103 link=x\nstatus 200 content-type=text/plain\nbody hello\n"
            "end grpc-status=0\nclosed 0\n");
  EXPECT_TRUE(server.log.ends_with("closed 0\n"));
  EXPECT_FALSE(stream.open());
  EXPECT_EQ(server.connection.streams(), 0u);
}

TEST(Http2Response, WithoutBodyIsOneFrame) {
  RecordingEnd server;
  server.Receive(h2::Hello() + h2::GetRequest(1));
  server.Take();
  server.connection.Respond(server.streams.front(), 204, {}, true);
  const auto sent = h2::Split(server.Take());
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].type, h2::kHeaders);
  EXPECT_EQ(sent[0].flags, h2::kEndStream | h2::kEndHeaders);
}

TEST(Http2Response, BeforeTheRequestsEndLeavesTheRestUnwanted) {
  RecordingEnd server;
  h2::Fields fields = h2::Get();
  fields[0].second = "POST";
  server.Receive(h2::Hello() + h2::Headers(1, fields, h2::kEndHeaders));
  server.connection.Respond(server.streams.front(), 413, {}, true);
  const auto sent = h2::Split(server.Take());
  ASSERT_EQ(sent.back().type, h2::kRstStream);
  EXPECT_EQ(sent.back().code(), 0u);
  EXPECT_TRUE(server.log.ends_with("closed 0\n"));
}

TEST(Http2Flow, TheWindowOpensOnlyForWhatWasConsumed) {
  Http2Limits limits;
  limits.stream_window = 65535;
  RecordingEnd client(Role::kClient), server(Role::kServer, limits);
  h2::Fields fields = h2::Get();
  fields[0].second = "POST";
  auto& request = client.AddStream();
  ASSERT_TRUE(client.connection.Request(request, Fields(fields), false));
  const std::string much(1'000'000, 'x');
  const std::string_view piece = much;
  client.connection.SendBody(request, std::span(&piece, 1), true);
  Exchange(client, server);
  auto& stream = server.streams.front();
  EXPECT_EQ(stream.body.size(), 65535u);
  for (int i = 0; i < 100 && stream.body.size() < much.size(); ++i) {
    const size_t before = stream.body.size();
    server.connection.Consumed(stream);
    Exchange(client, server);
    EXPECT_LE(stream.body.size() - before, 65535u);
  }
  EXPECT_EQ(stream.body, much);
}

TEST(Http2Flow, AStreamGoneLeavesTheConnectionsWindowOpen) {
  Http2Limits limits;
  limits.stream_window = limits.connection_window = 65535;
  RecordingEnd server(Role::kServer, limits);
  h2::Fields fields = h2::Get();
  fields[0].second = "POST";
  server.Receive(h2::Hello());
  const std::string data(16384, 'x');
  for (uint32_t id = 1; id < 101; id += 2) {
    server.Receive(h2::Headers(id, fields, h2::kEndHeaders) + h2::Frame(h2::kData, 0, id, data) +
                   h2::Frame(h2::kRstStream, 0, id, h2::Number(8, 4)));
    server.Take();
    ASSERT_EQ(server.connection.fault(), Http2Fault::kNone) << id;
  }
}

TEST(Http2Flow, TakeStopsWhenItHasEnough) {
  RecordingEnd server;
  server.Receive(h2::Hello() +
                 h2::Frame(h2::kSettings, 0, 0, h2::Number(4, 2) + h2::Number(1 << 30, 4)) +
                 h2::Frame(h2::kWindowUpdate, 0, 0, h2::Number(1 << 30, 4)) + h2::GetRequest(1));
  server.Take();
  auto& stream = server.streams.front();
  server.connection.Respond(stream, 200, {}, false);
  const std::string much(1'000'000, 'x');
  const std::string_view piece = much;
  server.connection.SendBody(stream, std::span(&piece, 1), true);
  size_t total = 0;
  while (server.connection.wants_output()) {
    const size_t size = server.Take(100'000).size();
    EXPECT_LE(size, 100'000u + 16'384u + 9u);
    ASSERT_GT(size, 0u);
    total += size;
  }
  EXPECT_GT(total, much.size());
  EXPECT_EQ(stream.pending_bytes(), 0u);
}

TEST(Http2Shutdown, ServesWhatIsOnItsWay) {
  RecordingEnd client(Role::kClient), server;
  Exchange(client, server);
  auto& first = client.AddStream();
  ASSERT_TRUE(client.connection.Request(first, Fields(h2::Get("/1")), true));
  server.connection.BeginShutdown();
  Exchange(client, server);
  EXPECT_EQ(server.log, "GET a.test/1 end\n");
  EXPECT_EQ(client.connection.room(), 0u);
  EXPECT_FALSE(server.connection.done());
  server.connection.Respond(server.streams.front(), 204, {}, true);
  Exchange(client, server);
  EXPECT_TRUE(server.connection.done());
  EXPECT_EQ(server.connection.fault(), Http2Fault::kNone);
}

}  // namespace
}  // namespace meridian::codec
