// One question to one endpoint, over the in-memory net.
#include "probe/stream_attempt.h"

#include <gtest/gtest.h>

#include "backend.h"
#include "testing/certificates.h"

namespace meridian::probe {
namespace {

using std::chrono::milliseconds;

struct AttemptTest : public ::testing::Test, public AttemptOwner {
  AttemptTest() {
    check.name = "ready";
    check.type = topology::CheckType::kHttp;
    check.path = "/healthz";
  }
  void OnAnswer(Answer answer) override { answers.push_back(answer); }
  void OnCertificate(WallTime expires) override { certificates.push_back(expires); }
  void OnRoundTrip(Duration took, bool by_connect) override {
    (by_connect ? connects : round_trips).push_back(took);
  }

  Answer Ask() {
    const size_t before = answers.size();
    EXPECT_TRUE(attempt.Start(backend.at, {&check, client_tls}));
    net.RunFor(milliseconds(900));
    EXPECT_LE(answers.size(), before + 1);
    if (answers.size() > before) return answers.back();
    attempt.Cancel();
    return Answer::kTimeout;
  }

  fakes::MemoryNet net;
  fakes::MemoryLoop& loop = net.AddLoop(net::IpAddress::V4(0x0a090001));
  Backend backend{net, "10.1.0.1:80"};
  topology::HealthCheck check;
  std::vector<Answer> answers;
  std::vector<Duration> connects, round_trips;
  std::vector<WallTime> certificates;
  std::shared_ptr<const tls::ClientContext> client_tls;
  tls::Workspace workspace{loop};
  StreamAttempt attempt{loop, workspace, *this};
};

TEST_F(AttemptTest, TcpIsGoodOnceConnectedAndLeavesNothingOpen) {
  check.type = topology::CheckType::kTcp;
  EXPECT_EQ(Ask(), Answer::kGood);
  EXPECT_EQ(backend.accepted, 1u);
  EXPECT_EQ(net.open_streams(), 0u);
  backend.Close();
  EXPECT_EQ(Ask(), Answer::kRefused);
}

TEST_F(AttemptTest, TellsTheRoundTripOfAConnectAndOfAKeptConnection) {
  EXPECT_EQ(Ask(), Answer::kGood);
  EXPECT_EQ(connects, std::vector<Duration>{milliseconds(2)}) << "1 ms each way";
  EXPECT_TRUE(round_trips.empty());
  EXPECT_EQ(Ask(), Answer::kGood);
  EXPECT_EQ(backend.accepted, 1u);
  EXPECT_EQ(connects.size(), 1u);
  EXPECT_EQ(round_trips, std::vector<Duration>{milliseconds(2)});
  backend.Close();
  check.type = topology::CheckType::kTcp;
  attempt.Cancel();
  EXPECT_EQ(Ask(), Answer::kRefused);
  EXPECT_EQ(connects.size(), 1u) << "a refusal is no measurement";
}

TEST_F(AttemptTest, HttpAsksForThePathUnderTheEndpointsAddress) {
  EXPECT_EQ(Ask(), Answer::kGood);
  EXPECT_EQ(backend.last_request,
            "GET /healthz HTTP/1.1\r\nHost: 10.1.0.1:80\r\nUser-Agent: meridian-check\r\n"
            "Accept: */*\r\n\r\n");
  EXPECT_EQ(attempt.detail(), "200");
}

TEST_F(AttemptTest, HttpSendsTheConfiguredHost) {
  check.host = "app.internal";
  EXPECT_EQ(Ask(), Answer::kGood);
  EXPECT_NE(backend.last_request.find("\r\nHost: app.internal\r\n"), std::string::npos);
}

TEST_F(AttemptTest, HttpAsksByTheMethodAndWithTheHeadersGiven) {
  check.method = "OPTIONS";
  check.headers = {{"X-Probe", "1"}, {"user-agent", "ops"}};
  EXPECT_EQ(Ask(), Answer::kGood);
  EXPECT_EQ(backend.last_request,
            "OPTIONS /healthz HTTP/1.1\r\nHost: 10.1.0.1:80\r\nX-Probe: 1\r\nuser-agent: ops\r\n"
            "Accept: */*\r\n\r\n");
  attempt.Cancel();
  check.method = "HEAD";
  backend.response = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";
  EXPECT_EQ(Ask(), Answer::kGood) << "no body follows";
}

TEST_F(AttemptTest, BodyMustHaveTheExpectedTextHoweverItIsSplit) {
  check.expect_body = "status: green";
  backend.response = "HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n{ status: yellow }";
  EXPECT_EQ(Ask(), Answer::kBody);
  EXPECT_EQ(attempt.detail(), "200");
  backend.response = "HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{ status: green }";
  for (size_t piece = 1; piece <= backend.response.size(); ++piece) {
    backend.piece = piece;
    EXPECT_EQ(Ask(), Answer::kGood) << "pieces of " << piece;
  }
  EXPECT_EQ(backend.accepted, 1u);
  backend.piece = 0;
  backend.response = "HTTP/1.1 503 Busy\r\nContent-Length: 17\r\n\r\n{ status: green }";
  EXPECT_EQ(Ask(), Answer::kStatus) << "the status counts, too";
}

TEST_F(AttemptTest, ConnectionIsReusedBetweenQuestions) {
  for (int i = 0; i < 5; ++i) EXPECT_EQ(Ask(), Answer::kGood);
  EXPECT_EQ(backend.accepted, 1u);
  EXPECT_EQ(backend.requests, 5u);
}

TEST_F(AttemptTest, StatusDecidesByTheExpectedRange) {
  check.expect_low = 200;
  check.expect_high = 299;
  backend.response = "HTTP/1.1 301 Moved\r\nContent-Length: 0\r\n\r\n";
  EXPECT_EQ(Ask(), Answer::kStatus);
  EXPECT_EQ(attempt.detail(), "301");
  check.expect_high = 301;
  EXPECT_EQ(Ask(), Answer::kGood);
  EXPECT_EQ(backend.accepted, 1u);
}

TEST_F(AttemptTest, AnswerIsTheSameHoweverItsBytesAreSplit) {
  backend.response =
      "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n";
  for (size_t piece = 1; piece <= backend.response.size(); ++piece) {
    backend.piece = piece;
    EXPECT_EQ(Ask(), Answer::kGood) << "pieces of " << piece;
  }
  EXPECT_EQ(backend.accepted, 1u);
}

TEST_F(AttemptTest, ClosedIdleConnectionIsReplacedWithoutABadAnswer) {
  EXPECT_EQ(Ask(), Answer::kGood);
  backend.EndConnections();
  net.RunFor(milliseconds(10));
  EXPECT_EQ(Ask(), Answer::kGood);
  EXPECT_EQ(backend.accepted, 2u);
}

TEST_F(AttemptTest, KeptConnectionThatDiesOnTheQuestionIsAskedOnceMoreOnAFreshOne) {
  backend.reject_reused = true;
  EXPECT_EQ(Ask(), Answer::kGood);
  EXPECT_EQ(Ask(), Answer::kGood);
  EXPECT_EQ(backend.accepted, 2u);
  EXPECT_EQ(backend.requests, 3u);
}

TEST_F(AttemptTest, FreshConnectionThatDiesOnTheQuestionIsBad) {
  backend.close_at_once = true;
  EXPECT_EQ(Ask(), Answer::kReset);
  EXPECT_EQ(backend.accepted, 1u);
}

TEST_F(AttemptTest, BodyWithoutALengthEndsWithTheConnection) {
  backend.response = "HTTP/1.1 200 OK\r\n\r\nall is well";
  backend.close_after = true;
  EXPECT_EQ(Ask(), Answer::kGood);
  EXPECT_EQ(Ask(), Answer::kGood);
  EXPECT_EQ(backend.accepted, 2u);
}

TEST_F(AttemptTest, BodyCutShortIsBad) {
  backend.response = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nok";
  backend.close_after = true;
  EXPECT_EQ(Ask(), Answer::kReset);
}

TEST_F(AttemptTest, BodyPastTheBoundIsNotReadToItsEnd) {
  backend.response =
      "HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n" + std::string(200'000, 'x');
  EXPECT_EQ(Ask(), Answer::kGood);
  EXPECT_EQ(Ask(), Answer::kGood);
  EXPECT_EQ(backend.accepted, 2u);
}

TEST_F(AttemptTest, WhatIsNotStrictHttpIsMalformed) {
  for (const char* response :
       {"SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"}) {
    backend.response = response;
    EXPECT_EQ(Ask(), Answer::kMalformed) << response;
  }
}

TEST_F(AttemptTest, EndlessInterimResponsesAreMalformed) {
  backend.response.clear();
  for (int i = 0; i < 20; ++i) backend.response += "HTTP/1.1 100 Continue\r\n\r\n";
  EXPECT_EQ(Ask(), Answer::kMalformed);
}

TEST_F(AttemptTest, BytesNobodyAskedForEndTheConnection) {
  backend.response = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n";
  EXPECT_EQ(Ask(), Answer::kGood);
  EXPECT_EQ(Ask(), Answer::kGood);
  EXPECT_EQ(backend.accepted, 2u);
}

TEST_F(AttemptTest, CancelLeavesNothingOpenAndTellsNothing) {
  backend.response.clear();
  ASSERT_TRUE(attempt.Start(backend.at, {&check}));
  net.RunFor(milliseconds(50));
  attempt.Cancel();
  net.RunFor(milliseconds(50));
  EXPECT_FALSE(attempt.running());
  EXPECT_TRUE(answers.empty());
  EXPECT_EQ(net.open_streams(), 0u);
}

// An authority and a server's certificate, made once.
struct Certificates {
  static const Certificates& Get() {
    static const Certificates made;
    return made;
  }
  Certificates() {
    fakes::CertificateSpec spec;
    spec.names = {"10.1.0.1", "app.test"};
    spec.until_seconds = 7 * 86400;
    const fakes::Issued issued = folder.Issue("app", spec);
    tls::Problems problems;
    tls::ServerOptions options;
    options.certificates = {{issued.certificate, issued.key, {}}};
    server = tls::ServerContext::Create(options, problems);
  }
  std::shared_ptr<const tls::ClientContext> Client(const std::string& name) const {
    tls::Problems problems;
    tls::ClientOptions options;
    options.server_name = name;
    options.ca = folder.authority().certificate;
    options.alpn = {"http/1.1"};
    return tls::ClientContext::Create(options, problems);
  }

  fakes::CertificateFolder folder;
  std::shared_ptr<const tls::ServerContext> server;
};

struct TlsAttemptTest : public AttemptTest {
  TlsAttemptTest() {
    check.type = topology::CheckType::kHttps;
    backend.tls = Certificates::Get().server;
    client_tls = Certificates::Get().Client("");
  }
};

TEST_F(TlsAttemptTest, AHandshakeIsGoodAndTellsWhenTheCertificateExpires) {
  check.type = topology::CheckType::kTls;
  EXPECT_EQ(Ask(), Answer::kGood);
  EXPECT_TRUE(connects.empty()) << "a handshake is no measure of a connect";
  EXPECT_EQ(net.open_streams(), 0u);
  ASSERT_EQ(certificates.size(), 1u);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto days = std::chrono::duration<double>(certificates[0].time_since_epoch() - now) /
                    std::chrono::hours(24);
  EXPECT_GT(days, 6.9);
  EXPECT_LT(days, 7.1);
}

TEST_F(TlsAttemptTest, ACertificateThatIsNotTrustedIsBadAndSaysWhy) {
  check.type = topology::CheckType::kTls;
  client_tls = Certificates::Get().Client("other.test");
  EXPECT_EQ(Ask(), Answer::kTls);
  EXPECT_NE(attempt.detail().find("ostname mismatch"), std::string::npos) << attempt.detail();
  EXPECT_TRUE(certificates.empty());
}

TEST_F(TlsAttemptTest, WhoSpeaksNoTlsIsBad) {
  backend.tls = nullptr;
  backend.greeting = "220 mail.test ESMTP\r\n";
  EXPECT_EQ(Ask(), Answer::kTls);
}

TEST_F(TlsAttemptTest, HttpsAsksOverAKeptConnection) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Ask(), Answer::kGood) << attempt.detail();
  EXPECT_EQ(backend.accepted, 1u);
  EXPECT_EQ(backend.requests, 3u);
  EXPECT_EQ(certificates.size(), 1u);
  backend.response = "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n";
  EXPECT_EQ(Ask(), Answer::kStatus);
}

TEST_F(TlsAttemptTest, SilenceInTheHandshakeIsLeftToTheOwner) {
  backend.tls = nullptr;
  EXPECT_EQ(Ask(), Answer::kTimeout);
  net.RunFor(milliseconds(50));
  EXPECT_EQ(net.open_streams(), 0u);
}

struct AgentAttemptTest : public AttemptTest {
  AgentAttemptTest() { check.type = topology::CheckType::kAgent; }
};

TEST_F(AgentAttemptTest, ReadsOneLineHoweverItIsSplit) {
  backend.greeting = "up 75% # fine\nignored\n";
  for (size_t piece = 1; piece <= backend.greeting.size(); ++piece) {
    backend.piece = piece;
    EXPECT_EQ(Ask(), Answer::kGood);
    EXPECT_EQ(attempt.body(), "up 75% # fine");
  }
  EXPECT_EQ(net.open_streams(), 0u);
}

TEST_F(AgentAttemptTest, ALineMayEndWithTheConnection) {
  backend.greeting = "drain";
  backend.close_after = true;
  EXPECT_EQ(Ask(), Answer::kGood);
  EXPECT_EQ(attempt.body(), "drain");
}

TEST_F(AgentAttemptTest, AnEndlessLineIsNotReadToItsEnd) {
  backend.greeting = std::string(100'000, 'x');
  EXPECT_EQ(Ask(), Answer::kMalformed);
}

}  // namespace
}  // namespace meridian::probe
