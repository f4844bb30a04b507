// What one client's request had left in the worker's scratch buffer went into the body of another
// client's response, if that came in more than one read.
#include <gtest/gtest.h>

#include "testing/world.h"

namespace meridian::fakes {
namespace {

constexpr std::string_view kConfig = R"(
process: {state_directory: /nonexistent}
geo: {default: {latitude: 33, longitude: -84, country: US, continent: NA}}
regions: {east: {sites: {atlanta: {latitude: 33.7, longitude: -84.4, services: {web: ["10.1.0.1:80"]}}}}}
services: {web: {}}
listeners: {http: {bind: "10.0.0.1:80", protocol: http, service: web}}
admin: {socket: /nonexistent/admin.sock}
)";

TEST(InterleavedResponses, KeepTheirBodiesApart) {
  World world(kConfig);
  const Server& server = world.Serve("10.1.0.1:80", [](Peer&) {});
  Peer& first = world.Connect("192.0.2.1", "10.0.0.1:80");
  first.stream->Write("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
  world.net.RunFor(std::chrono::milliseconds(20));
  ASSERT_EQ(server.peers.size(), 1u);
  server.peers[0]->stream->Write("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nabcd");
  world.net.RunFor(std::chrono::milliseconds(20));

  Peer& second = world.Connect("192.0.2.1", "10.0.0.1:80");
  second.stream->Write("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
  world.net.RunFor(std::chrono::milliseconds(20));
  server.peers[0]->stream->Write("efgh");
  world.net.RunFor(std::chrono::milliseconds(20));
  EXPECT_TRUE(first.received.ends_with("\r\n\r\nabcdefgh")) << first.received;
}

}  // namespace
}  // namespace meridian::fakes
