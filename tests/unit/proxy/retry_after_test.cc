// Retry-After of a backend: what the field says, and that further attempts heed it.
#include "proxy/retry_after.h"

#include <gtest/gtest.h>

#include "testing/world.h"

namespace meridian::fakes {
namespace {

using proxy::ParseRetryAfter;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110.
constexpr WallTime kThen(seconds(784'111'777));

TEST(RetryAfter, IsSecondsOrADate) {
  EXPECT_EQ(ParseRetryAfter("0", kThen), Duration(0));
  EXPECT_EQ(ParseRetryAfter("120", kThen), seconds(120));
  EXPECT_EQ(ParseRetryAfter("Sun, 06 Nov 1994 08:49:37 GMT", kThen), Duration(0));
  EXPECT_EQ(ParseRetryAfter("Sun, 06 Nov 1994 08:50:07 GMT", kThen), seconds(30));
  EXPECT_EQ(ParseRetryAfter("Tue, 29 Feb 2000 00:00:00 GMT", WallTime(seconds(951'782'300))),
            seconds(100));
  EXPECT_EQ(ParseRetryAfter("Sun, 06 Nov 1994 08:49:36 GMT", kThen), Duration(0));  // past
}

TEST(RetryAfter, IsBoundedByAYear) {
  EXPECT_EQ(ParseRetryAfter("18446744073709551615", kThen), hours(365 * 24));
  EXPECT_EQ(ParseRetryAfter("Sun, 06 Nov 2194 08:49:37 GMT", kThen), hours(365 * 24));
}

TEST(RetryAfter, AnythingElseSaysNothing) {
  for (const auto* value : {"", "-1", "1.5", "1s", " 1", "soon", "18446744073709551616",
                            "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
                            "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 ovD 1994 08:49:37 GMT",
                            "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
                            "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:61 GMT",
                            "Sun, -6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT "}) {
    EXPECT_FALSE(ParseRetryAfter(value, kThen)) << value;
  }
}

constexpr std::string_view kConfig = R"(
process: {state_directory: /nonexistent}
geo: {default: {latitude: 33, longitude: -84, country: US, continent: NA}}
regions:
  east: {sites: {atlanta: {latitude: 33.7, longitude: -84.4, services: {web: ["10.1.0.1:80"]}}}}
  south: {sites: {dallas: {latitude: 32.8, longitude: -96.8, services: {web: ["10.2.0.1:80"]}}}}
services:
  web: {timeouts: {response: 1s}, outliers: {consecutive_errors: 1000, error_rate: 100%}}
listeners:
  http: {bind: "10.0.0.1:80", protocol: http, service: web}
admin: {socket: /nonexistent/admin.sock}
)";
constexpr std::string_view kGet = "GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n";

struct RetryAfterOfABackend : testing::Test {
  RetryAfterOfABackend() : world(kConfig) {
    world.Serve("10.1.0.1:80", [](Peer& peer) {
      if (!peer.received.ends_with("\r\n\r\n")) return;
      peer.received.clear();
      peer.stream->Write("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
    });
    world.Serve("10.2.0.1:80", [this](Peer& peer) {
      if (!peer.received.ends_with("\r\n\r\n")) return;
      peer.received.clear();
      ++asked_dallas;
      peer.stream->Write("HTTP/1.1 " + status + "\r\nRetry-After: " + after +
                         "\r\nContent-Length: 0\r\n\r\n");
    });
  }
  std::string Ask() {
    Peer& client = world.Connect("192.0.2.1", "10.0.0.1:80");
    client.stream->Write(kGet);
    world.net.RunFor(milliseconds(50));
    return client.received;
  }

  World world;
  std::string status = "503 Later", after = "5";
  int asked_dallas = 0;
};

TEST_F(RetryAfterOfABackend, PassesToTheClientAndNoRetryComesBeforeItsTime) {
  const std::string first = Ask();
  EXPECT_TRUE(first.starts_with("HTTP/1.1 503 Later")) << first;
  EXPECT_NE(first.find("Retry-After: 5\r\n"), std::string::npos);
  EXPECT_EQ(asked_dallas, 1);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Ask().starts_with("HTTP/1.1 503 Busy"));
  EXPECT_EQ(asked_dallas, 1);
  world.net.RunFor(seconds(5));
  EXPECT_TRUE(Ask().starts_with("HTTP/1.1 503 Later"));
  EXPECT_EQ(asked_dallas, 2);
}

TEST_F(RetryAfterOfABackend, TooManyRequestsCountsToo) {
  status = "429 Slow Down";
  EXPECT_TRUE(Ask().starts_with("HTTP/1.1 429 "));
  EXPECT_TRUE(Ask().starts_with("HTTP/1.1 503 Busy"));
  EXPECT_EQ(asked_dallas, 1);
}

TEST_F(RetryAfterOfABackend, ALongOneIsCutToAMinute) {
  after = "86400";
  Ask();
  world.net.RunFor(seconds(59));
  Ask();
  EXPECT_EQ(asked_dallas, 1);
  world.net.RunFor(seconds(2));
  Ask();
  EXPECT_EQ(asked_dallas, 2);
}

TEST_F(RetryAfterOfABackend, AServerThatCannotBeReachedStillLeavesOnlyThatOne) {
  Ask();
  world.servers[0]->Close();
  world.servers[0]->peers.clear();
  world.net.RunFor(milliseconds(10));
  EXPECT_TRUE(Ask().starts_with("HTTP/1.1 503 Later"));
  EXPECT_EQ(asked_dallas, 2);
}

}  // namespace
}  // namespace meridian::fakes
