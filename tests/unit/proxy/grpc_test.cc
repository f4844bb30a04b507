// gRPC as a proxy sees it: how calls are known, how long they may take, how they are told of a
// failure.
#include <gtest/gtest.h>

#include "proxy/grpc.h"
#include "testing/http2_client.h"
#include "testing/http2_server.h"

namespace meridian::proxy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view kConfig = R"(
process: {state_directory: /nonexistent}
geo: {default: {latitude: 33, longitude: -84, country: US, continent: NA}}
regions:
  east: {sites: {atlanta: {latitude: 33.7, longitude: -84.4, services: {web: ["10.1.0.1:80"]}}}}
services:
  web:
    backend: {protocol: http2}
    timeouts: {connect: 2s, race_after: 1s, response: 10s, idle: 20s}
listeners:
  http:
    bind: "10.0.0.1:80"
    protocol: http
    routes: [{host: a.test, path: /pkg.Service, service: web}]
admin: {socket: /nonexistent/admin.sock}
)";

std::optional<Duration> TimeoutOf(std::string_view value) {
  codec::Head head;
  codec::Http1Parser parser(codec::Http1Parser::Kind::kRequest, {});
  const std::string text =
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nGRPC-Timeout: " + std::string(value) +
      "\r\n\r\n";
  EXPECT_TRUE(parser.ParseHead(text, head).has_value());
  return GrpcTimeout(head);
}

bool IsCall(std::string_view type) {
  codec::Head head;
  codec::Http1Parser parser(codec::Http1Parser::Kind::kRequest, {});
  const std::string text =
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Type: " + std::string(type) +
      "\r\n\r\n";
  EXPECT_TRUE(parser.ParseHead(text, head).has_value());
  return IsGrpc(head);
}

TEST(Grpc, TimeoutsHaveAUnit) {
  EXPECT_EQ(TimeoutOf("2H"), std::chrono::hours(2));
  EXPECT_EQ(TimeoutOf("3M"), std::chrono::minutes(3));
  EXPECT_EQ(TimeoutOf("4S"), seconds(4));
  EXPECT_EQ(TimeoutOf("150m"), milliseconds(150));
  EXPECT_EQ(TimeoutOf("99999999u"), std::chrono::microseconds(99999999));
  EXPECT_EQ(TimeoutOf("0n"), Duration(0));
}

TEST(Grpc, WhatIsNoTimeoutIsNone) {
  for (const char* value : {"", "S", "1", "1s", "-1S", "1.5S", "123456789n", "1 S", "99999999H"})
    EXPECT_FALSE(TimeoutOf(value)) << value;
}

TEST(Grpc, CallsAreKnownByTheirType) {
  for (const char* type : {"application/grpc", "Application/GRPC+proto", "application/grpc;x=y"})
    EXPECT_TRUE(IsCall(type)) << type;
  for (const char* type : {"", "application/grpc-web", "application/grp", "text/plain"})
    EXPECT_FALSE(IsCall(type)) << type;
}

TEST(Grpc, MessagesArePercentEncoded) {
  std::string message;
  AppendGrpcMessage("100 % \xc3\xa9\n", message);
  EXPECT_EQ(message, "100 %25 %C3%A9%0A");
}

struct GrpcCall : testing::Test {
  GrpcCall() : world(kConfig) { world.Serve("10.1.0.1:80", server.script()); }

  fakes::Http2Peer::Answer& Call(std::string_view path, fakes::Http2Peer::Fields more = {},
                                 bool end = true) {
    more.emplace_back("te", "trailers");
    more.emplace_back("content-type", "application/grpc+proto");
    return client.Post(path, "x", more, end);
  }
  double Failures(const std::string& reason) {
    return fakes::MetricMap(
        world.metrics)["meridian_failures_total{listener=http,reason=" + reason + "}"];
  }

  fakes::World world;
  fakes::Http2Server server;
  fakes::Http2Peer client{world.Connect("192.0.2.1", "10.0.0.1:80")};
};

TEST_F(GrpcCall, IsToldInItsOwnTermsWhatWeCannotDo) {
  auto& answer = Call("/other.Service/Method");
  world.net.RunUntilIdle(seconds(5));
  EXPECT_EQ(answer.log,
            "200 content-type=application/grpc grpc-status=12 grpc-message=no route matches this "
            "host and path meridian-reason=no-route\nend\n");
}

TEST_F(GrpcCall, EndsAtItsDeadlineBeforeAnAnswer) {
  server.on_request = nullptr;
  auto& answer = Call("/pkg.Service/Method", {{"grpc-timeout", "250m"}});
  world.net.RunFor(milliseconds(200));
  EXPECT_EQ(answer.log, "");
  world.net.RunFor(milliseconds(100));
  EXPECT_EQ(answer.log,
            "200 content-type=application/grpc grpc-status=4 grpc-message=the client's deadline "
            "for this call has passed meridian-reason=deadline\nend\n");
  EXPECT_TRUE(server.last().log.ends_with("closed 8\n")) << "cancelled: " << server.last().log;
  EXPECT_EQ(Failures("deadline"), 1);
}

TEST_F(GrpcCall, EndsAtItsDeadlineInTheMiddleOfAnAnswer) {
  server.on_head = [](fakes::Http2Server::Request& request) { request.Head(200); };
  server.on_request = nullptr;
  auto& answer = Call("/pkg.Service/Method", {{"grpc-timeout", "250m"}}, false);
  world.net.RunFor(milliseconds(200));
  EXPECT_TRUE(answer.log.starts_with("200 ")) << answer.log;
  world.net.RunFor(milliseconds(100));
  EXPECT_TRUE(answer.log.ends_with("closed 2\n")) << answer.log;
  EXPECT_TRUE(server.last().log.ends_with("closed 8\n")) << server.last().log;
  EXPECT_EQ(world.metrics.active(), 0u);
}

TEST_F(GrpcCall, ADeadlineThatIsKeptChangesNothing) {
  server.on_request = [](fakes::Http2Server::Request& request) {
    request.Head(200, {{"content-type", "application/grpc"}});
    request.Body("y", true, {{"grpc-status", "0"}});
  };
  auto& answer = Call("/pkg.Service/Method", {{"grpc-timeout", "250m"}});
  world.net.RunFor(seconds(1));
  EXPECT_TRUE(answer.log.ends_with("end grpc-status=0\n")) << answer.log;
  EXPECT_EQ(Failures("deadline"), 0);
}

TEST_F(GrpcCall, AShortDeadlineDoesNotBlameTheEndpoint) {
  server.on_request = nullptr;
  for (int i = 0; i < 50; ++i) Call("/pkg.Service/Method", {{"grpc-timeout", "1n"}});
  world.net.RunFor(milliseconds(100));
  EXPECT_EQ(Failures("deadline"), 50);
  server.on_request = [](fakes::Http2Server::Request& request) { request.Answer("ok"); };
  auto& answer = client.Get("/pkg.Service");
  world.net.RunFor(milliseconds(100));
  EXPECT_TRUE(answer.log.starts_with("200 ")) << answer.log;
}

}  // namespace
}  // namespace meridian::proxy
