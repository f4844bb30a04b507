// The health of gRPC servers: messages, and questions over the in-memory net.
#include "probe/http2_attempt.h"

#include <gtest/gtest.h>
#include <meridian/health/health.h>
#include <testing/memory_net.h>

#include <list>
#include <memory>
#include <string>
#include <vector>

#include "backend.h"
#include "probe/check.h"
#include "probe/grpc_health.h"

namespace meridian::probe {
namespace {

using namespace std::string_literals;
using std::chrono::milliseconds;

TEST(GrpcHealth, RequestNamesTheServiceOrNothing) {
  EXPECT_EQ(GrpcHealthRequest(""), "\0\0\0\0\0"s);
  EXPECT_EQ(GrpcHealthRequest("web"), "\0\0\0\0\5\x0a\3web"s);
  const std::string longer = GrpcHealthRequest(std::string(200, 'x'));
  EXPECT_EQ(longer.substr(0, 8), "\0\0\0\0\xcb\x0a\xc8\1"s);
}

TEST(GrpcHealth, ResponseIsOneMessageWithAStatus) {
  EXPECT_EQ(ParseGrpcHealthResponse("\0\0\0\0\2\x08\1"s), GrpcServing::kServing);
  EXPECT_EQ(ParseGrpcHealthResponse("\0\0\0\0\2\x08\2"s), GrpcServing::kNotServing);
  EXPECT_EQ(ParseGrpcHealthResponse("\0\0\0\0\0"s), GrpcServing::kUnknown) << "the default";
  EXPECT_EQ(ParseGrpcHealthResponse("\0\0\0\0\3\x08\xac\2"s), GrpcServing::kOther);
  EXPECT_EQ(ParseGrpcHealthResponse("\0\0\0\0\7\x12\3abc\x08\1"s), GrpcServing::kServing)
      << "fields that are not known are passed over";
  for (const std::string& bad :
       {""s, "\0\0\0\0"s, "\1\0\0\0\2\x08\1"s, "\0\0\0\0\3\x08\1"s, "\0\0\0\0\2\x08\1x"s,
        "\0\0\0\0\1\x08"s, "\0\0\0\0\2\x0a\1"s, "\0\0\0\0\2\x0b\1"s, "\0\0\0\0\2\0\1"s,
        "\0\0\0\0\2\x12\7"s, "\0\0\0\0\x0c\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\1"s}) {
    EXPECT_FALSE(ParseGrpcHealthResponse(bad)) << testing::PrintToString(bad);
  }
}

// Answers each request as told.
class GrpcServer final : public net::AcceptHandler {
 public:
  GrpcServer(fakes::MemoryNet& net, const std::string& address)
      : at(*net::Address::Parse(address)), loop_(net.AddLoop(at.ip())) {
    listener_ = std::move(*loop_.Listen(at, {}, *this));
  }

  uint16_t status = 200;
  std::string grpc_status = "0";  // empty: none
  std::string body = "\0\0\0\0\2\x08\1"s;
  bool silent = false, trailers_only = false;
  size_t piece = 0;
  std::vector<std::string> requests;
  size_t accepted = 0;
  const net::Address at;

  void EndConnections() {
    for (auto& link : links_) link->stream.reset();
  }

 private:
  struct Link;
  struct Call final : codec::Http2Stream {
    explicit Call(Link& owner) : link(owner) {}
    void OnHead(const codec::Head& head, bool end) override {
      text.append(head.method).append(" ").append(head.authority).append(head.path).append(" ");
      if (const codec::Field* probe = head.Find("x-probe")) text.append(probe->value);
      if (end) link.Answer(*this);
    }
    void OnRefused(const Error&) override {}
    void OnBody(std::string_view bytes) override { text.append(bytes); }
    void OnEnd(std::span<const codec::Field>) override { link.Answer(*this); }
    void OnDrained() override {}
    void OnClosed(codec::Http2Code) override {}

    Link& link;
    std::string text;
  };
  struct Link final : net::StreamHandler, codec::Http2Handler {
    Link(GrpcServer& owner, net::StreamPtr made)
        : server(owner),
          stream(std::move(made)),
          connection(codec::Http2Connection::Role::kServer, {}, owner.pool_.shared(), *this) {
      stream->SetHandler(this);
      stream->StartReading();
    }
    codec::Http2Stream* NewStream() override { return &calls.emplace_back(*this); }
    void OnRead(std::string_view bytes) override {
      connection.Receive(bytes, server.loop_.Now());
      std::string out;
      connection.Take(out, SIZE_MAX);
      const size_t each = server.piece == 0 ? out.size() : server.piece;
      for (std::string_view rest = out; !rest.empty();
           rest.remove_prefix(std::min(each, rest.size()))) {
        stream->Write(rest.substr(0, each));
      }
    }
    void OnEnd() override { stream.reset(); }
    void OnDrained() override {}
    void OnError(const Error&) override { stream.reset(); }
    void Answer(Call& call) {
      server.requests.push_back(call.text);
      if (server.silent) return;
      const codec::Field grpc{"grpc-status", server.grpc_status};
      if (server.trailers_only) return connection.Respond(call, server.status, {&grpc, 1}, true);
      connection.Respond(call, server.status, {}, false);
      if (!server.grpc_status.empty()) connection.AddTrailer(call, grpc.name, grpc.value);
      const std::string_view piece = server.body;
      connection.SendBody(call, {&piece, 1}, true);
    }

    GrpcServer& server;
    net::StreamPtr stream;
    std::list<Call> calls;
    codec::Http2Connection connection;
  };

  void OnAccept(net::StreamPtr stream) override {
    ++accepted;
    links_.push_back(std::make_unique<Link>(*this, std::move(stream)));
  }

  fakes::MemoryLoop& loop_;
  codec::Http2Pool pool_;
  std::unique_ptr<net::Listener> listener_;
  std::vector<std::unique_ptr<Link>> links_;
};

struct Http2AttemptTest : public ::testing::Test, public AttemptOwner {
  Http2AttemptTest() { check.type = topology::CheckType::kGrpc; }
  void OnAnswer(Answer answer) override { answers.push_back(answer); }
  void OnRoundTrip(Duration, bool) override {}

  Answer Ask() {
    const size_t before = answers.size();
    EXPECT_TRUE(attempt.Start(server.at, {&check}));
    net.RunFor(milliseconds(900));
    EXPECT_LE(answers.size(), before + 1);
    if (answers.size() > before) return answers.back();
    attempt.Cancel();
    return Answer::kTimeout;
  }

  fakes::MemoryNet net;
  fakes::MemoryLoop& loop = net.AddLoop(net::IpAddress::V4(0x0a090001));
  GrpcServer server{net, "10.1.0.1:80"};
  Middle middle;
  health::Registry registry;
  Slots slots{10};
  CheckMetrics metrics;
  tls::Workspace workspace{loop};
  codec::Http2Pool http2;
  const CheckContext context{loop, middle, registry, slots, metrics, workspace, http2, nullptr};
  topology::HealthCheck check;
  std::vector<Answer> answers;
  Http2Attempt attempt{context, *this};
};

TEST_F(Http2AttemptTest, AsksForTheServiceOverAKeptConnection) {
  check.grpc_service = "web";
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Ask(), Answer::kGood) << attempt.detail();
  EXPECT_EQ(server.accepted, 1u);
  ASSERT_EQ(server.requests.size(), 3u);
  EXPECT_EQ(server.requests[2],
            "POST 10.1.0.1:80/grpc.health.v1.Health/Check \0\0\0\0\5\x0a\3web"s);
}

TEST_F(Http2AttemptTest, AnswerIsTheSameHoweverItsBytesAreSplit) {
  for (size_t piece = 1; piece <= 120; ++piece) {
    server.piece = piece;
    EXPECT_EQ(Ask(), Answer::kGood) << "pieces of " << piece;
  }
}

TEST_F(Http2AttemptTest, WhoDoesNotServeSaysSo) {
  server.body = "\0\0\0\0\2\x08\2"s;
  EXPECT_EQ(Ask(), Answer::kFailed);
  EXPECT_EQ(attempt.detail(), "NOT_SERVING");
  server.grpc_status = "5";
  EXPECT_EQ(Ask(), Answer::kFailed);
  EXPECT_EQ(attempt.detail(), "grpc-status 5");
  server.trailers_only = true;
  server.grpc_status = "12";
  EXPECT_EQ(Ask(), Answer::kFailed);
  EXPECT_EQ(attempt.detail(), "grpc-status 12");
  server.status = 503;
  EXPECT_EQ(Ask(), Answer::kStatus);
  EXPECT_EQ(attempt.detail(), "503");
  EXPECT_EQ(server.accepted, 1u);
}

TEST_F(Http2AttemptTest, WhatIsNoAnswerIsMalformed) {
  server.body = "hello";
  EXPECT_EQ(Ask(), Answer::kMalformed);
  server.body = std::string(100'000, '\0');
  EXPECT_EQ(Ask(), Answer::kMalformed) << "not read to its end";
  server.body = "\0\0\0\0\2\x08\1"s;
  server.grpc_status.clear();
  EXPECT_EQ(Ask(), Answer::kMalformed);
  server.grpc_status = "0";
  EXPECT_EQ(Ask(), Answer::kGood);
}

TEST_F(Http2AttemptTest, WhoSpeaksNoHttp2IsBad) {
  Backend plain(net, "10.1.0.2:80");
  plain.greeting = "HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n";
  ASSERT_TRUE(attempt.Start(plain.at, {&check}));
  net.RunFor(milliseconds(900));
  EXPECT_EQ(answers, std::vector<Answer>{Answer::kMalformed});
}

TEST_F(Http2AttemptTest, KeptConnectionThatDiedIsReplacedWithoutABadAnswer) {
  EXPECT_EQ(Ask(), Answer::kGood);
  server.EndConnections();
  EXPECT_EQ(Ask(), Answer::kGood);
  EXPECT_EQ(server.accepted, 2u);
}

TEST_F(Http2AttemptTest, SilenceIsLeftToTheOwnerAndNothingStaysOpen) {
  server.silent = true;
  EXPECT_EQ(Ask(), Answer::kTimeout);
  net.RunFor(milliseconds(50));
  EXPECT_EQ(net.open_streams(), 0u);
  server.silent = false;
  EXPECT_EQ(Ask(), Answer::kGood);
}

// An http check with protocol http2, of the same server.
struct HttpOverHttp2 : public Http2AttemptTest {
  HttpOverHttp2() {
    check.type = topology::CheckType::kHttp;
    check.http2 = true;
    check.path = "/healthz";
    server.body = "all is well";
  }
};

TEST_F(HttpOverHttp2, AsksAsTheCheckSaysOverAKeptConnection) {
  check.method = "OPTIONS";
  check.headers = {{"X-Probe", "1"}};
  check.host = "app.internal";
  EXPECT_EQ(Ask(), Answer::kGood);
  EXPECT_EQ(Ask(), Answer::kGood);
  EXPECT_EQ(server.requests[1], "OPTIONS app.internal/healthz 1");
  EXPECT_EQ(server.accepted, 1u);
  EXPECT_EQ(attempt.detail(), "200");
}

TEST_F(HttpOverHttp2, StatusAndBodyDecide) {
  check.expect_body = "well";
  EXPECT_EQ(Ask(), Answer::kGood);
  server.body = "all is lost";
  EXPECT_EQ(Ask(), Answer::kBody);
  server.status = 503;
  EXPECT_EQ(Ask(), Answer::kStatus);
  EXPECT_EQ(attempt.detail(), "503");
  check.expect_body.clear();
  server.trailers_only = true;
  EXPECT_EQ(Ask(), Answer::kStatus) << "a head alone";
  EXPECT_EQ(server.accepted, 1u);
}

TEST_F(HttpOverHttp2, AnEndlessBodyIsJudgedByItsBeginning) {
  check.expect_body = "well";
  server.body = "all is well" + std::string(200'000, 'x');
  EXPECT_EQ(Ask(), Answer::kGood);
  server.body = std::string(200'000, 'x') + "all is well";
  EXPECT_EQ(Ask(), Answer::kBody);
}

}  // namespace
}  // namespace meridian::probe
