// Where bodies end (RFC 9112 section 6.3), and what comes out of the three ways to send one.
#include <gtest/gtest.h>

#include "http1_events.h"
#include "testing/allocations.h"

namespace meridian::codec {
namespace {

using Kind = Http1Parser::Kind;

constexpr std::string_view kChunkedHead =
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

class Http1Body : public testing::Test {
 protected:
  Http1Parser After(std::string_view head, Kind kind = Kind::kRequest,
                    std::string_view method = "GET") {
    Http1Parser parser(kind, {});
    parser.ExpectResponseTo(method);
    const auto result = parser.ParseHead(head, head_);
    EXPECT_TRUE(result && result->progress == Progress::kDone) << head;
    return parser;
  }
  Framing FramingOf(std::string_view head, std::string_view method = "GET") {
    After(head, Kind::kResponse, method);
    return head_.framing;
  }

  Head head_;
};

TEST_F(Http1Body, WithoutOneTheMessageIsDoneAtOnce) {
  Http1Parser parser = After("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto result = parser.ParseBody("GET");
  EXPECT_TRUE(result->done);
  EXPECT_EQ(result->consumed, 0u);
}

TEST_F(Http1Body, OfLengthZeroIsDoneAtOnce) {
  Http1Parser parser = After("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(head_.framing, Framing::kLength);
  EXPECT_TRUE(parser.ParseBody("")->done);
}

TEST_F(Http1Body, OfALengthEndsThere) {
  Http1Parser parser = After("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(head_.content_length, 5u);
  auto result = parser.ParseBody("abc");
  EXPECT_EQ(result->data, "abc");
  EXPECT_FALSE(result->done);
  EXPECT_FALSE(parser.ParseBody("")->done);
  result = parser.ParseBody("deGET");
  EXPECT_EQ(result->data, "de");
  EXPECT_EQ(result->consumed, 2u);
  EXPECT_TRUE(result->done);
}

TEST_F(Http1Body, OfTheLargestLengthIsCounted) {
  Http1Parser parser =
      After("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551615\r\n\r\n");
  EXPECT_EQ(head_.content_length, UINT64_MAX);
  EXPECT_EQ(parser.ParseBody("abc")->consumed, 3u);
}

TEST_F(Http1Body, InChunksLosesItsFraming) {
  Http1Parser parser = After(kChunkedHead);
  constexpr std::string_view kBytes = "3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\nGET";
  auto result = parser.ParseBody(kBytes);
  EXPECT_EQ(result->data, "abc");
  EXPECT_FALSE(result->done);
  const size_t first = result->consumed;
  result = parser.ParseBody(kBytes.substr(first));
  EXPECT_EQ(result->data, "de");
  EXPECT_TRUE(result->done);
  EXPECT_EQ(kBytes.substr(first + result->consumed), "GET");
}

TEST_F(Http1Body, TrailersComeOutButThoseThatBelongInAHead) {
  const Conversation conversation;
  const auto tell = [&](std::string_view trailers) {
    const std::string told = conversation.Tell(std::string(kChunkedHead) + "1\r\nx\r\n0\r\n" +
                                               std::string(trailers) + "\r\n");
    return told.substr(told.find("x\n") + 2);
  };
  EXPECT_EQ(tell("Digest: \t a b \r\nOther:\r\n"), "done Digest=a b Other=\nend in-head false\n");
  EXPECT_EQ(tell(""), "done\nend in-head false\n");
  EXPECT_EQ(
      tell("Host: a\r\nContent-Length: 5\r\ntransfer-encoding: chunked\r\nConnection: close\r\n"
           "Trailer: x\r\nTE: x\r\nAuthorization: x\r\nSet-Cookie: x\r\nX-Forwarded-For: x\r\n"
           "Meridian-Site: x\r\nContent-Type: x\r\nX-Checksum: y\r\n"),
      "done X-Checksum=y\nend in-head false\n");
}

TEST_F(Http1Body, TrailersOfOneMessageAreNotTheNexts) {
  const Conversation conversation;
  const std::string told = conversation.Tell(std::string(kChunkedHead) + "0\r\nA: b\r\n\r\n" +
                                             std::string(kChunkedHead) + "0\r\n\r\n");
  EXPECT_EQ(told.find("done A=b\n"), told.find("done"));
  EXPECT_NE(told.rfind("done\n"), std::string::npos);
}

TEST_F(Http1Body, TrailersAreBoundedInNumber) {
  const Conversation conversation{.limits = {.fields = 4}};
  const auto tell = [&](std::string_view trailers) {
    return conversation.Tell(std::string(kChunkedHead) + "0\r\n" + std::string(trailers) + "\r\n");
  };
  EXPECT_NE(tell("a:\r\nb:\r\nc:\r\nd:\r\n").find("done a= b= c= d=\n"), std::string::npos);
  EXPECT_NE(tell("a:\r\nb:\r\nc:\r\nd:\r\ne:\r\n").find("refused too-large: too-many-trailers"),
            std::string::npos);
}

TEST_F(Http1Body, DataBeforeAFaultComesOutFirst) {
  Http1Parser parser = After(kChunkedHead);
  constexpr std::string_view kBytes = "3\r\nabcX";
  const auto result = parser.ParseBody(kBytes);
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->data, "abc");
  EXPECT_EQ(result->consumed, 6u);
  const auto refused = parser.ParseBody(kBytes.substr(6));
  EXPECT_STREQ(refused.error().context, "bad-chunk");
  EXPECT_EQ(refused.error().code, ErrorCode::kMalformed);
}

TEST_F(Http1Body, ChunkSizeFillsItsSixtyFourBits) {
  Http1Parser parser = After(kChunkedHead);
  EXPECT_EQ(parser.ParseBody("ffffffffffffffff\r\nabc")->data, "abc");
}

TEST_F(Http1Body, ExtensionsAndTrailersOfAMessageAreBoundedTogether) {
  const auto parse = [this](const std::string& body) {
    Http1Parser parser(Kind::kRequest, {.head_bytes = 100});
    EXPECT_TRUE(parser.ParseHead(kChunkedHead, head_));
    std::string_view rest = body;
    while (!rest.empty()) {
      const auto result = parser.ParseBody(rest);
      if (!result) return std::string(result.error().context);
      rest.remove_prefix(result->consumed);
    }
    return std::string("ok");
  };
  std::string chunks;
  for (int i = 0; i < 10; ++i) chunks += "1;123456789\r\nx\r\n";
  EXPECT_EQ(parse(chunks), "ok");
  EXPECT_EQ(parse(chunks + "0;0123456789\r\n\r\n"), "ok");
  EXPECT_EQ(parse(chunks + "0;01234567890\r\n\r\n"), "chunk-overhead-too-large");
  EXPECT_EQ(parse(chunks + "0\r\n12345:7890\r\n\r\n"), "ok");
  EXPECT_EQ(parse(chunks + "0\r\n12345:78901\r\n\r\n"), "chunk-overhead-too-large");
}

TEST_F(Http1Body, OfAResponseFollowsTheOrderOfTheStandard) {
  constexpr std::string_view kSized = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
  EXPECT_EQ(FramingOf(kSized), Framing::kLength);
  EXPECT_EQ(FramingOf(kSized, "HEAD"), Framing::kNone);
  EXPECT_EQ(head_.content_length, 0u);
  EXPECT_EQ(FramingOf(kSized, "CONNECT"), Framing::kNone);
  EXPECT_EQ(FramingOf("HTTP/1.1 403 No\r\nContent-Length: 5\r\n\r\n", "CONNECT"), Framing::kLength);
  EXPECT_EQ(FramingOf("HTTP/1.1 204 No Content\r\n\r\n"), Framing::kNone);
  EXPECT_EQ(FramingOf("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"), Framing::kNone);
  EXPECT_EQ(FramingOf("HTTP/1.1 100 Continue\r\n\r\n"), Framing::kNone);
  EXPECT_EQ(FramingOf("HTTP/1.1 101 Switching\r\n\r\n"), Framing::kNone);
  EXPECT_EQ(FramingOf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), Framing::kChunked);
  EXPECT_EQ(FramingOf("HTTP/1.1 200 OK\r\n\r\n"), Framing::kUntilClose);
  EXPECT_FALSE(head_.keep_alive);
}

TEST_F(Http1Body, UntilCloseEndsWithTheConnection) {
  Http1Parser parser = After("HTTP/1.1 200 OK\r\n\r\n", Kind::kResponse);
  const auto result = parser.ParseBody("anything");
  EXPECT_EQ(result->data, "anything");
  EXPECT_FALSE(result->done);
  EXPECT_TRUE(parser.FinishAtEnd());
}

TEST_F(Http1Body, CutShortIsNotARegularEnd) {
  EXPECT_FALSE(Http1Parser(Kind::kResponse, {}).FinishAtEnd());
  EXPECT_FALSE(
      After("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Kind::kResponse).FinishAtEnd());
  EXPECT_FALSE(After("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Kind::kResponse)
                   .FinishAtEnd());
}

TEST_F(Http1Body, TheAnswerToHeadHasNoneAlsoBehindAnInterimOne) {
  const Conversation conversation{.kind = Kind::kResponse, .answers = "HEAD"};
  const std::string told = conversation.Tell(
      "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  EXPECT_TRUE(told.ends_with("in-head false\n")) << told;
}

TEST_F(Http1Body, AndWhatFollowsItAreTheSameAtEverySplitPoint) {
  const std::string requests =
      std::string(kChunkedHead) +
      "3;x=y\r\nabc\r\n00b\r\n0123456789\n\r\n0;last\r\nTrailer: x\r\nOther:\r\n\r\n"
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nxyz"
      "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string responses =
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: "
      "chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
      "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\nHTTP/1.0 200 OK\r\n\r\nuntil the end";
  for (const auto& [kind, bytes] :
       {std::pair(Kind::kRequest, requests), std::pair(Kind::kResponse, responses)}) {
    const Conversation conversation{.kind = kind};
    const std::string whole = conversation.Tell(bytes);
    ASSERT_EQ(whole.find("refused"), std::string::npos) << whole;
    std::vector<size_t> all;
    for (size_t cut = 1; cut < bytes.size(); ++cut) {
      all.push_back(cut);
      ASSERT_EQ(conversation.Tell(bytes, std::span(&cut, 1)), whole) << "cut at " << cut;
    }
    ASSERT_EQ(conversation.Tell(bytes, all), whole) << "byte by byte";
  }
}

TEST_F(Http1Body, ReadingAllocatesNothing) {
  Http1Parser parser(Kind::kRequest, {});
  constexpr std::string_view kBody = "5\r\nabcde\r\n0\r\n\r\n";
  const fakes::Allocations allocations;
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(parser.ParseHead(kChunkedHead, head_).has_value());
    ASSERT_TRUE(parser.ParseBody(kBody)->done);
  }
  EXPECT_EQ(allocations.count(), 0u);
}

}  // namespace
}  // namespace meridian::codec
