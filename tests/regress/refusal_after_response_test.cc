// A head that is refused behind an answered request was met with a reset instead of its answer: the
// connection still counted as within the response before it, and as asked by HEAD if that was.
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

TEST(RefusalAfterResponse, IsAnsweredWithItsBodyAfterAnyMethod) {
  World world(kConfig);
  world.Serve("10.1.0.1:80", Answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  for (const std::string method : {"GET", "HEAD"}) {
    Peer& client = world.Connect("192.0.2.1", "10.0.0.1:80");
    EXPECT_TRUE(
        world.Ask(client, method + " / HTTP/1.1\r\nHost: a\r\n\r\n").starts_with("HTTP/1.1 200 "));
    const std::string refusal = world.Ask(client, "GET / HTTP/1.1\r\nHost : a\r\n\r\n");
    EXPECT_TRUE(refusal.starts_with("HTTP/1.1 400 ")) << method << ": " << refusal;
    EXPECT_FALSE(refusal.ends_with("\r\n\r\n")) << method << ": " << refusal;
    EXPECT_TRUE(client.closed());
    EXPECT_FALSE(client.failed.has_value());
  }
}

}  // namespace
}  // namespace meridian::fakes
