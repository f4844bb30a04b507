// What heads mean, their limits, and what reading one costs.
#include <gtest/gtest.h>
#include <meridian/base/text.h>

#include "http1_events.h"
#include "testing/allocations.h"

namespace meridian::codec {
namespace {

using Kind = Http1Parser::Kind;

// A browser's, as a benchmark would take it.
constexpr std::string_view kBrowser =
    "GET /path/to/some/page?with=query&and=more HTTP/1.1\r\n"
    "Host: www.example.com\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Firefox/115.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8\r\n"
    "Accept-Language: en-US,en;q=0.5\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n"
    "Referer: https://www.example.com/some/other/page\r\n"
    "Connection: keep-alive\r\n"
    "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; consent=yes\r\n"
    "Upgrade-Insecure-Requests: 1\r\n"
    "Sec-Fetch-Dest: document\r\n"
    "Sec-Fetch-Mode: navigate\r\n"
    "Sec-Fetch-Site: same-origin\r\n"
    "\r\n";

class Http1Head : public testing::Test {
 protected:
  // The head of `bytes`, which must be a whole one.
  const Head& Read(std::string_view bytes, Kind kind = Kind::kRequest) {
    Http1Parser parser(kind, {});
    const Result<HeadResult> result = parser.ParseHead(bytes, head_);
    EXPECT_TRUE(result.has_value()) << Describe(result.error()) << "\n" << bytes;
    if (!result) return head_;
    EXPECT_EQ(result->progress, Progress::kDone);
    EXPECT_EQ(result->consumed, bytes.size());
    return head_;
  }
  const Head& Request(std::string fields, std::string start = "GET / HTTP/1.1") {
    bytes_ = start + "\r\nHost: a\r\n" + fields + "\r\n";
    return Read(bytes_);
  }

  std::string bytes_;
  Head head_;
};

TEST_F(Http1Head, OfABrowserIsReadWhole) {
  const Head& head = Read(kBrowser);
  EXPECT_EQ(head.method, "GET");
  EXPECT_EQ(head.target, "/path/to/some/page?with=query&and=more");
  EXPECT_EQ(head.path, head.target);
  EXPECT_EQ(head.host, "www.example.com");
  EXPECT_EQ(head.minor, 1);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_FALSE(head.upgrade);
  EXPECT_EQ(head.framing, Framing::kNone);
  EXPECT_EQ(head.field_count, 12u);
  EXPECT_EQ(head.Find("accept-language")->value, "en-US,en;q=0.5");
  EXPECT_TRUE(head.Find(FieldId::kCookie)->value.starts_with("session="));
  EXPECT_EQ(head.Find("absent"), nullptr);
  EXPECT_EQ(head.Find(FieldId::kVia), nullptr);
}

TEST_F(Http1Head, EveryViewPointsIntoTheBytes) {
  const Conversation conversation{.on_head = [](const Head& head, std::string_view bytes,
                                                size_t consumed) {
    const auto inside = [&](std::string_view view) {
      return view.data() == nullptr ||
             (view.data() >= bytes.data() && view.data() + view.size() <= bytes.data() + consumed);
    };
    for (const auto view :
         {head.method, head.target, head.path, head.host, head.authority, head.reason}) {
      EXPECT_TRUE(inside(view)) << view;
    }
    for (const Field& field : head)
      EXPECT_TRUE(inside(field.name) && inside(field.value)) << field.name;
  }};
  conversation.Tell(kBrowser);
  conversation.Tell("GET http://a HTTP/1.1\r\nHost: b\r\nEmpty:\r\nSpaces:   \r\n\r\n");
  conversation.Tell("OPTIONS * HTTP/1.0\r\n\r\n");
}

TEST_F(Http1Head, IsTheSameAtEverySplitPoint) {
  const std::string bytes =
      "\r\n" + std::string(kBrowser) +
      "POST http://b:8080/x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
      "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
  const Conversation conversation;
  const std::string whole = conversation.Tell(bytes);
  ASSERT_EQ(whole.find("refused"), std::string::npos) << whole;
  for (size_t cut = 1; cut < bytes.size(); ++cut) {
    ASSERT_EQ(conversation.Tell(bytes, std::span(&cut, 1)), whole) << "cut at " << cut;
  }
}

TEST_F(Http1Head, FieldsThatTheProxyActsOnAreRecognisedInAnyCase) {
  const std::pair<std::string_view, FieldId> known[] = {
      {"connection", FieldId::kConnection},
      {"Content-Length", FieldId::kContentLength},
      {"COOKIE", FieldId::kCookie},
      {"Expect", FieldId::kExpect},
      {"Forwarded", FieldId::kForwarded},
      {"Keep-Alive", FieldId::kKeepAlive},
      {"Proxy-Authenticate", FieldId::kProxyAuthenticate},
      {"Proxy-Authorization", FieldId::kProxyAuthorization},
      {"Proxy-Connection", FieldId::kProxyConnection},
      {"Set-Cookie", FieldId::kSetCookie},
      {"tE", FieldId::kTe},
      {"Trailer", FieldId::kTrailer},
      {"Upgrade", FieldId::kUpgrade},
      {"Via", FieldId::kVia},
      {"X-Forwarded-For", FieldId::kXForwardedFor},
      {"X-Forwarded-Host", FieldId::kXForwardedHost},
      {"X-Forwarded-Proto", FieldId::kXForwardedProto},
      {"x-request-ID", FieldId::kXRequestId},
      {"traceparent", FieldId::kTraceparent},
      {"TraceState", FieldId::kTracestate},
      {"Meridian-Site", FieldId::kMeridian},
      {"meridian-Epoch", FieldId::kMeridian},
      {"Meridian", FieldId::kOther},
      {"Hosts", FieldId::kOther},
      {"X-Forwarded-Fox", FieldId::kOther},
      {"Tea", FieldId::kOther},
      {"Keep_Alive", FieldId::kImitation},
  };
  for (const auto& [name, id] : known) {
    EXPECT_EQ(Request(std::string(name) + ": 1\r\n").fields[1].id, id) << name;
  }
  EXPECT_EQ(Read("GET / HTTP/1.1\r\nhOST: a\r\nTRANSFER-encoding: chunked\r\n\r\n").fields[1].id,
            FieldId::kTransferEncoding);
  EXPECT_EQ(head_.fields[0].id, FieldId::kHost);
}

TEST_F(Http1Head, HopByHopAreThoseByNatureAndThoseThatConnectionNames) {
  const Head& head = Request(
      "Private: 1\r\nConnection: close, PRIVATE,other\r\nOther: 2\r\nPublic: 3\r\nKeep-Alive: x\r\n"
      "TE: trailers\r\nTrailer: x\r\nTransfer-Encoding: chunked\r\nUpgrade: x\r\nProxy-Connection: "
      "x\r\nProxy-Authorization: x\r\nProxy-Authenticate: x\r\n",
      "POST / HTTP/1.1");
  std::string kept;
  for (const Field& field : head) {
    if (!field.hop_by_hop) kept += std::string(field.name) + " ";
  }
  EXPECT_EQ(kept, "Host Public ");
}

TEST_F(Http1Head, ConnectionsPersistByVersionAndOption) {
  EXPECT_TRUE(Request("").keep_alive);
  EXPECT_FALSE(Request("Connection: Close\r\n").keep_alive);
  EXPECT_FALSE(Request("Connection: keep-alive\r\nConnection: close\r\n").keep_alive);
  EXPECT_FALSE(Request("", "GET / HTTP/1.0").keep_alive);
  EXPECT_TRUE(Request("Connection: Keep-Alive\r\n", "GET / HTTP/1.0").keep_alive);
}

TEST_F(Http1Head, UpgradeNeedsOptionFieldAndVersion) {
  EXPECT_TRUE(Request("Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n").upgrade);
  EXPECT_FALSE(Request("Upgrade: websocket\r\n").upgrade);
  EXPECT_FALSE(Request("Connection: upgrade\r\n").upgrade);
  EXPECT_FALSE(Request("Connection: upgrade\r\nUpgrade: x\r\n", "GET / HTTP/1.0").upgrade);
  EXPECT_TRUE(
      Read("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", Kind::kResponse).upgrade);
}

// HTTP and TLS would be read by nobody on their way (RFC 9113 section 3.1 has no h2c any more).
TEST_F(Http1Head, UpgradeIsToOneProtocolThatMayBeTunnelled) {
  const auto upgrade = [this](const std::string& fields) {
    return Request("Connection: upgrade\r\n" + fields).upgrade;
  };
  EXPECT_TRUE(upgrade("Upgrade: websocket\r\n"));
  EXPECT_TRUE(upgrade("Upgrade: IRC/6.9\r\n"));
  for (const char* other : {"h2c", "H2C", "h2", "HTTP/2.0", "TLS/1.2", "websocket, h2c", "h2c/1",
                            "websocket, irc", "", "web socket", "a/b/c", "/1"}) {
    EXPECT_FALSE(upgrade(std::string("Upgrade: ") + other + "\r\n")) << other;
  }
  EXPECT_FALSE(upgrade("Upgrade: websocket\r\nUpgrade: h2c\r\n"));
  EXPECT_FALSE(upgrade("Upgrade: a\r\nUpgrade: b\r\nUpgrade: c\r\n"));
}

// "X_Forwarded_For" and "X-Forwarded-For" are one variable of CGI, WSGI and their like.
TEST_F(Http1Head, UnderscoresMakeAnImitationOfWhatWeActOn) {
  for (const char* name : {"Content_Length", "transfer_encoding", "Transfer-Encoding_",
                           "X_Forwarded_For", "X-Forwarded_Host", "X_FORWARDED-PROTO",
                           "Meridian_Site", "X_Client_Cert_Subject", "X_Request_Id"}) {
    const Head& head = Request(std::string(name) + ": 5\r\n");
    const bool other = std::string_view(name).ends_with('_');
    EXPECT_EQ(head.fields[1].id, other ? FieldId::kOther : FieldId::kImitation) << name;
    EXPECT_EQ(head.framing, Framing::kNone) << name;
  }
}

TEST_F(Http1Head, ConnectionMayNotNameWhatProxiesTellBackends) {
  for (const char* name : {"X-Forwarded-Port", "x-forwarded-for", "X-Forwarded-Prefix", "X-Real-IP",
                           "X-Client-Cert-Subject"}) {
    const std::string bytes =
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: " + std::string(name) + "\r\n\r\n";
    Http1Parser parser(Kind::kRequest, {});
    const auto result = parser.ParseHead(bytes, head_);
    ASSERT_FALSE(result.has_value()) << name;
    EXPECT_STREQ(result.error().context, "connection-names-end-to-end-field");
  }
}

TEST_F(Http1Head, ExpectMeansSomethingSinceHttp11Only) {
  EXPECT_TRUE(Request("Expect: 100-Continue\r\n").expect_continue);
  EXPECT_FALSE(Request("Expect: 200-ok\r\n").expect_continue);
  EXPECT_FALSE(Request("Expect: 100-continue\r\n", "GET / HTTP/1.0").expect_continue);
}

TEST_F(Http1Head, TargetsTakeTheirThreeForms) {
  struct {
    std::string_view target, path, host, authority;
  } const cases[] = {
      {"/", "/", "a", "a"},
      {"//x?y", "//x?y", "a", "a"},
      {"/%00|{}\"<>", "/%00|{}\"<>", "a", "a"},
      {"http://b", "/", "b", "b"},
      {"HTTP://B:81/x?y", "/x?y", "B", "B:81"},
      {"https://[2001:db8::1]:443/", "/", "[2001:db8::1]", "[2001:db8::1]:443"},
  };
  for (const auto& each : cases) {
    const Head& head = Request("", "GET " + std::string(each.target) + " HTTP/1.1");
    EXPECT_EQ(head.path, each.path);
    EXPECT_EQ(head.host, each.host);
    EXPECT_EQ(head.authority, each.authority);
  }
  EXPECT_EQ(Request("", "OPTIONS * HTTP/1.1").path, "*");
}

TEST_F(Http1Head, HostLosesItsPort) {
  EXPECT_EQ(Read("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n").host, "[::1]");
  EXPECT_EQ(head_.authority, "[::1]:80");
  EXPECT_EQ(Read("GET / HTTP/1.1\r\nHost: example.com.:8080 \r\n\r\n").host, "example.com.");
  EXPECT_EQ(Read("GET / HTTP/1.0\r\n\r\n").host, "");
}

TEST_F(Http1Head, ResponsesHaveStatusAndReason) {
  EXPECT_EQ(Read("HTTP/1.1 404 Not Found\r\n\r\n", Kind::kResponse).status, 404);
  EXPECT_EQ(head_.reason, "Not Found");
  EXPECT_EQ(Read("HTTP/1.0 200\r\n\r\n", Kind::kResponse).reason, "");
  EXPECT_EQ(head_.minor, 0);
}

TEST_F(Http1Head, BlamesWhoSentIt) {
  Http1Parser requests(Kind::kRequest, {}), responses(Kind::kResponse, {});
  EXPECT_EQ(requests.ParseHead("\x16", head_).error().side, Side::kClient);
  EXPECT_EQ(responses.ParseHead("X", head_).error().side, Side::kBackend);
}

TEST_F(Http1Head, ConnectNamesAnAuthority) {
  constexpr std::string_view kBytes = "CONNECT a.test:443 HTTP/1.1\r\nHost: b\r\n\r\nhello";
  const auto parsed = Http1Parser(Kind::kRequest, {}).ParseHead(kBytes, head_);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->consumed, kBytes.size() - 5);
  EXPECT_EQ(head_.authority, "a.test:443");
  EXPECT_EQ(head_.host, "a.test");
  EXPECT_EQ(head_.path, "");
  EXPECT_EQ(head_.framing, Framing::kNone);
  EXPECT_TRUE(head_.upgrade);
}

TEST_F(Http1Head, RefusalsSayWhetherItIsSyntaxOrBeyondUs) {
  const auto code = [this](std::string_view bytes) {
    return Http1Parser(Kind::kRequest, {}).ParseHead(bytes, head_).error().code;
  };
  EXPECT_EQ(code("GET / HTTP/3.0\r\n"), ErrorCode::kUnsupported);
  EXPECT_EQ(code("GET / HTTP/x\r\n"), ErrorCode::kMalformed);
  EXPECT_EQ(code("BREW / HTTP/1.1\r\nHost: a\r\n\r\n"), ErrorCode::kUnsupported);
  EXPECT_EQ(code("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
            ErrorCode::kUnsupported);
  EXPECT_EQ(code("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n"),
            ErrorCode::kMalformed);
}

TEST_F(Http1Head, IsRefusedAtItsLimitBeforeItsEndIsSeen) {
  const std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  const auto limit = static_cast<uint32_t>(bytes.size());
  Http1Parser exact(Kind::kRequest, {.head_bytes = limit});
  EXPECT_EQ(exact.ParseHead(bytes, head_)->progress, Progress::kDone);
  Http1Parser smaller(Kind::kRequest, {.head_bytes = limit - 1});
  EXPECT_EQ(smaller.ParseHead(bytes.substr(0, limit - 2), head_)->progress, Progress::kNeedMore);
  const auto refused = smaller.ParseHead(bytes.substr(0, limit - 1), head_);
  EXPECT_EQ(refused.error().code, ErrorCode::kTooLarge);
  EXPECT_STREQ(refused.error().context, "head-too-large");
}

TEST_F(Http1Head, HasNoMoreFieldsThanItsLimit) {
  for (const uint32_t limit : {2u, kMaxFields}) {
    std::string fields = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (uint32_t i = 1; i < limit; ++i) fields += "X: y\r\n";
    Http1Parser parser(Kind::kRequest, {.fields = limit});
    ASSERT_EQ(parser.ParseHead(fields + "\r\n", head_)->progress, Progress::kDone);
    EXPECT_EQ(head_.field_count, limit);
    ASSERT_TRUE(parser.ParseBody("")->done);
    const auto refused = parser.ParseHead(fields + "X: y\r\n", head_);
    EXPECT_EQ(refused.error().code, ErrorCode::kTooLarge);
    EXPECT_STREQ(refused.error().context, "too-many-fields");
  }
}

TEST_F(Http1Head, ReadingAllocatesNothing) {
  Http1Parser parser(Kind::kRequest, {});
  const fakes::Allocations allocations;
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(parser.ParseHead(kBrowser.substr(0, 100), head_).has_value());
    ASSERT_TRUE(parser.ParseHead(kBrowser, head_).has_value());
    ASSERT_TRUE(parser.ParseBody("").has_value());
  }
  EXPECT_EQ(allocations.count(), 0u);
}

// Looking from the start each time would read 8 · 10^12 bytes here: the test would not end.
TEST_F(Http1Head, ThatComesByteByByteIsLookedAtOnce) {
  constexpr uint32_t kSize = 4 << 20;
  std::string bytes = "GET /";
  bytes.append(kSize - bytes.size(), 'x');
  Http1Parser parser(Kind::kRequest, {.head_bytes = kSize});
  for (size_t size = 0; size < bytes.size(); ++size) {
    const auto result = parser.ParseHead(std::string_view(bytes.data(), size), head_);
    ASSERT_TRUE(result && result->progress == Progress::kNeedMore);
  }
  EXPECT_STREQ(parser.ParseHead(bytes, head_).error().context, "head-too-large");
}

}  // namespace
}  // namespace meridian::codec
