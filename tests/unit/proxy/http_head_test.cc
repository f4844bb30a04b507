// The heads that Meridian writes, byte for byte, and who it takes the client to be.
#include "proxy/http_head.h"

#include <gtest/gtest.h>

#include "proxy/client_address.h"
#include "proxy/session_key.h"

namespace meridian::proxy {
namespace {

struct Parsed {
  explicit Parsed(std::string text) : bytes(std::move(text)), parser(Kind(), {}) {
    if (Kind() == codec::Http1Parser::Kind::kResponse) parser.ExpectResponseTo("GET");
    const auto result = parser.ParseHead(bytes, head);
    EXPECT_TRUE(result.has_value() && result->progress == codec::Progress::kDone) << bytes;
  }
  codec::Http1Parser::Kind Kind() const {
    return bytes.starts_with("HTTP/") ? codec::Http1Parser::Kind::kResponse
                                      : codec::Http1Parser::Kind::kRequest;
  }
  std::string bytes;
  codec::Head head;
  codec::Http1Parser parser;
};

std::string Forwarded(const std::string& request, bool trusted = false) {
  const Parsed parsed(request);
  Forwarding forwarding;
  forwarding.peer = *net::IpAddress::Parse("192.0.2.7");
  forwarding.peer_trusted = trusted;
  forwarding.authority = "10.0.0.1:80";
  forwarding.correlation = {{0xa1, 0xb2}, 0xc3};
  std::string out;
  AppendRequestHead(parsed.head, forwarding, out);
  return out;
}

// What ends a head that nobody has named yet.
constexpr std::string_view kNamed =
    "X-Request-Id: 00000000000000a100000000000000b2\r\n"
    "traceparent: 00-00000000000000a100000000000000b3-00000000000000c3-00\r\n";

TEST(RequestHead, DropsHopByHopFieldsAndThoseThatConnectionNames) {
  EXPECT_EQ(Forwarded("GET /a?b HTTP/1.1\r\nHost: x.test\r\nConnection: close, X-Secret\r\n"
                      "X-Secret: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\nAccept: */*\r\n\r\n"),
            "GET /a?b HTTP/1.1\r\nHost: x.test\r\nAccept: */*\r\nX-Forwarded-For: 192.0.2.7\r\n"
            "Forwarded: for=192.0.2.7;host=\"x.test\";proto=http\r\n"
            "X-Forwarded-Proto: http\r\nX-Forwarded-Host: x.test\r\n" +
                std::string(kNamed));
}

TEST(RequestHead, UntrustedClaimsAreStrippedAndTrustedOnesExtended) {
  const std::string request =
      "GET / HTTP/1.1\r\nHost: x.test\r\nX-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: "
      "https\r\n"
      "Meridian-Site: forged\r\nForwarded: for=1.2.3.4\r\n\r\n";
  EXPECT_EQ(Forwarded(request),
            "GET / HTTP/1.1\r\nHost: x.test\r\nX-Forwarded-For: 192.0.2.7\r\n"
            "Forwarded: for=192.0.2.7;host=\"x.test\";proto=http\r\nX-Forwarded-Proto: http\r\n"
            "X-Forwarded-Host: x.test\r\n" +
                std::string(kNamed));
  EXPECT_EQ(Forwarded(request, true),
            "GET / HTTP/1.1\r\nHost: x.test\r\nX-Forwarded-Proto: https\r\n"
            "X-Forwarded-For: 203.0.113.9, 192.0.2.7\r\n"
            "Forwarded: for=1.2.3.4, for=192.0.2.7;host=\"x.test\";proto=http\r\n"
            "X-Forwarded-Host: x.test\r\n" +
                std::string(kNamed));
}

TEST(RequestHead, ATraceGoesOnAndARequestIdOfATrustedPeerToo) {
  constexpr std::string_view kTrace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  const std::string request =
      "GET / HTTP/1.1\r\nHost: x\r\nX-Request-Id: abc-1\r\nTraceparent: " + std::string(kTrace) +
      "\r\nTracestate: a=1\r\ntracestate: b=2\r\n\r\n";
  const std::string trace =
      "traceparent: " + std::string(kTrace) + "\r\ntracestate: a=1\r\ntracestate: b=2\r\n";
  EXPECT_TRUE(Forwarded(request, true).ends_with("X-Request-Id: abc-1\r\n" + trace));
  EXPECT_TRUE(
      Forwarded(request).ends_with("X-Request-Id: 00000000000000a100000000000000b2\r\n" + trace));
}

TEST(RequestHead, WhatNamesNothingOrTwoIsBegunAnew) {
  for (const std::string_view fields :
       {"X-Request-Id: a b\r\ntraceparent: 1\r\ntracestate: a=1\r\n",
        "X-Request-Id: a\r\nX-Request-Id: b\r\n",
        "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n"
        "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4737-00f067aa0ba902b7-01\r\n"}) {
    const std::string head =
        Forwarded("GET / HTTP/1.1\r\nHost: x\r\n" + std::string(fields) + "\r\n", true);
    EXPECT_TRUE(head.ends_with(kNamed)) << head;
  }
}

TEST(RequestHead, FramingIsWrittenAnew) {
  EXPECT_NE(Forwarded("POST / HTTP/1.1\r\nHost: x\r\ncontent-length: 5\r\n\r\n")
                .find("Content-Length: 5\r\n"),
            std::string::npos);
  EXPECT_NE(Forwarded("POST / HTTP/1.1\r\nHost: x\r\ntransfer-encoding: chunked\r\n\r\n")
                .find("Transfer-Encoding: chunked\r\n"),
            std::string::npos);
}

TEST(RequestHead, AbsoluteFormBecomesOriginFormWithTheTargetsHost) {
  EXPECT_TRUE(Forwarded("GET http://a.test:81/p HTTP/1.1\r\nHost: a.test:81\r\n\r\n")
                  .starts_with("GET /p HTTP/1.1\r\nHost: a.test:81\r\n"));
}

TEST(RequestHead, UpgradeIsSaidAgain) {
  EXPECT_NE(
      Forwarded("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
          .find("Connection: upgrade\r\nUpgrade: websocket\r\n"),
      std::string::npos);
}

TEST(RequestHead, LeavesOutWhatAnotherCouldTakeForOurFields) {
  const std::string out = Forwarded(
      "GET / HTTP/1.1\r\nHost: x\r\nX_Forwarded_For: 1\r\nX_Client_Cert_Subject: CN=a\r\n"
      "Meridian_Site: b\r\nContent_Length: 5\r\nX_Other: kept\r\n\r\n",
      true);
  EXPECT_TRUE(out.starts_with("GET / HTTP/1.1\r\nHost: x\r\nX_Other: kept\r\nX-Forwarded-For: 192"))
      << out;
}

TEST(RequestHead, ExpectsNothingForAClientOfHttp10) {
  const std::string fields = "Host: x\r\nExpect: 100-continue\r\n\r\n";
  EXPECT_EQ(Forwarded("POST / HTTP/1.0\r\n" + fields).find("Expect"), std::string::npos);
  EXPECT_NE(Forwarded("POST / HTTP/1.1\r\n" + fields).find("Expect: 100-continue\r\n"),
            std::string::npos);
}

TEST(RequestHead, AddsOurNameToViaWhereThereIsOne) {
  const auto via = [](const std::string& request, bool http2) {
    const Parsed parsed(request);
    Forwarding forwarding;
    forwarding.via = "edge";
    forwarding.http2 = http2;
    std::string out;
    AppendRequestHead(parsed.head, forwarding, out);
    return out.substr(out.find("Via: "), out.find("X-Forwarded-For") - out.find("Via: "));
  };
  EXPECT_EQ(via("GET / HTTP/1.1\r\nHost: x\r\nVia: 1.0 a\r\n\r\n", false),
            "Via: 1.0 a\r\nVia: 1.1 edge\r\n");
  EXPECT_EQ(via("GET / HTTP/1.0\r\n\r\n", false), "Via: 1.0 edge\r\n");
  EXPECT_EQ(via("GET / HTTP/1.1\r\nHost: x\r\n\r\n", true), "Via: 2 edge\r\n");
  EXPECT_EQ(Forwarded("GET / HTTP/1.1\r\nHost: x\r\n\r\n").find("Via"), std::string::npos);
}

TEST(RequestHead, ATunnelsTargetIsItsAuthority) {
  const std::string head = Forwarded(
      "CONNECT x.test:443 HTTP/1.1\r\nHost: other\r\nConnection: upgrade\r\nUpgrade: "
      "websocket\r\n\r\n");
  EXPECT_TRUE(head.starts_with("CONNECT x.test:443 HTTP/1.1\r\nHost: x.test:443\r\n")) << head;
  EXPECT_EQ(head.find("pgrade"), std::string::npos) << head;
}

TEST(RequestHead, ForHttp2) {
  constexpr std::string_view kAttempt = "Meridian-Site: a\r\n\r\n";
  const auto read = [&](std::string_view head, bool websocket) {
    std::vector<codec::Field> fields;
    ReadHttp2Fields({.head = head, .attempt = kAttempt, .websocket = websocket}, fields);
    std::string text;
    for (const codec::Field& field : fields)
      text.append(field.name).append("=").append(field.value).append(" ");
    return text;
  };
  EXPECT_EQ(read("GET /a HTTP/1.1\r\nHost: x\r\nA: b\r\n", false),
            ":method=GET :authority=x :scheme=http :path=/a A=b Meridian-Site=a ");
  EXPECT_EQ(read("CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n", false),
            ":method=CONNECT :authority=x:443 Meridian-Site=a ");
  EXPECT_EQ(read("GET /a HTTP/1.1\r\nHost: x\r\nSec-Websocket-KEY: k\r\nConnection: upgrade\r\n"
                 "Upgrade: websocket\r\n",
                 true),
            ":method=CONNECT :authority=x :protocol=websocket :scheme=http :path=/a "
            "Meridian-Site=a ");
}

TEST(ResponseHead, NamesSiteAndReasonAndSetsTheCookie) {
  const Parsed parsed(
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\nMeridian-Site: "
      "no\r\n\r\n");
  ResponseEdit edit;
  edit.site = "dallas";
  edit.reason = "nearest";
  edit.set_cookie = "m=1; Path=/";
  edit.via = "1.1 edge";
  std::string out;
  AppendResponseHead(parsed.head, edit, out);
  EXPECT_EQ(out,
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nMeridian-Site: dallas\r\nMeridian-Reason: "
            "nearest\r\n"
            "Set-Cookie: m=1; Path=/\r\nVia: 1.1 edge\r\n\r\n");
}

TEST(ErrorResponse, HasReasonBodyAndLength) {
  std::string out;
  AppendError(Failure::kAllDown, {}, true, false, out);
  EXPECT_EQ(out,
            "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nContent-Length: 41\r\n"
            "Meridian-Reason: all-down\r\nRetry-After: 1\r\nConnection: close\r\n\r\n"
            "every site that could serve this is down\n");
}

net::IpAddress Client(const std::string& fields, std::string_view peer) {
  const Parsed parsed("GET / HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n");
  const std::vector<net::Prefix> trusted{*net::Prefix::Parse("10.0.0.0/8")};
  return ClientOf(parsed.head, *net::IpAddress::Parse(peer), trusted);
}

TEST(ClientAddress, IsTheRightmostUntrustedOne) {
  const auto ip = [](std::string_view text) { return *net::IpAddress::Parse(text); };
  EXPECT_EQ(Client("X-Forwarded-For: 1.1.1.1, 2.2.2.2, 10.0.0.9\r\n", "10.0.0.1"), ip("2.2.2.2"));
  EXPECT_EQ(Client("X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 3.3.3.3\r\n", "10.0.0.1"),
            ip("3.3.3.3"));
  EXPECT_EQ(Client("X-Forwarded-For: [2001:db8::1]:443\r\n", "10.0.0.1"), ip("2001:db8::1"));
  EXPECT_EQ(Client("X-Forwarded-For: 10.1.1.1\r\n", "10.0.0.1"), ip("10.1.1.1"));
}

TEST(ClientAddress, AnUntrustedPeerSpeaksOnlyForItself) {
  EXPECT_EQ(Client("X-Forwarded-For: 1.1.1.1\r\n", "192.0.2.1"),
            *net::IpAddress::Parse("192.0.2.1"));
}

TEST(ClientAddress, IsReadFromForwardedWhereThereIsNoOtherList) {
  const auto ip = [](std::string_view text) { return *net::IpAddress::Parse(text); };
  EXPECT_EQ(
      Client("Forwarded: for=1.1.1.1, for=\"[2001:db8::1]:443\";proto=https, For=10.0.0.9\r\n",
             "10.0.0.1"),
      ip("2001:db8::1"));
  EXPECT_EQ(Client("Forwarded: for=1.1.1.1\r\nForwarded: for=3.3.3.3\r\n", "10.0.0.1"),
            ip("3.3.3.3"));
  EXPECT_EQ(Client("Forwarded: for=_hidden\r\n", "10.0.0.1"), ip("10.0.0.1"));
  EXPECT_EQ(Client("Forwarded: for=1.1.1.1\r\nX-Forwarded-For: 2.2.2.2\r\n", "10.0.0.1"),
            ip("2.2.2.2"));
  EXPECT_EQ(Client("Forwarded: for=1.1.1.1\r\n", "192.0.2.1"), ip("192.0.2.1"));
}

TEST(ClientAddress, GarbageEndsAtTheLastGoodAddress) {
  EXPECT_EQ(Client("X-Forwarded-For: 1.1.1.1, unknown, 10.2.2.2\r\n", "10.0.0.1"),
            *net::IpAddress::Parse("10.2.2.2"));
}

TEST(CookieValue, FindsTheNamedOneAmongOthers) {
  const Parsed parsed(
      "GET / HTTP/1.1\r\nHost: x\r\nCookie: a=1; meridianx=2; meridian=three; b\r\n\r\n");
  EXPECT_EQ(CookieValue(parsed.head, "meridian"), "three");
  EXPECT_EQ(CookieValue(parsed.head, "c"), "");
}

}  // namespace
}  // namespace meridian::proxy
