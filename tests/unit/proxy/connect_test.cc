// CONNECT through a whole worker in memory: refused unless a route names it; then passed on, and a
// tunnel once the server grants it, over either version on either side.
#include <gtest/gtest.h>
#include <meridian/base/format.h>

#include "testing/http2_client.h"
#include "testing/http2_server.h"

namespace meridian::fakes {
namespace {

using std::chrono::seconds;

constexpr std::string_view kConfig = R"(
process: {state_directory: /nonexistent}
geo: {default: {latitude: 33, longitude: -84, country: US, continent: NA}}
regions:
  east:
    sites:
      atlanta:
        latitude: 33.7
        longitude: -84.4
        services: {web: ["10.1.0.1:80"], far: ["10.1.0.2:80"]}
services:
  web: {}
  far: {backend: {protocol: http2}}
listeners:
  http:
    bind: "10.0.0.1:80"
    protocol: http
    routes:
      - {host: a.test, methods: [CONNECT], service: web}
      - {host: b.test, methods: [CONNECT], service: far}
      - {host: "*", path: /, service: web}
admin: {socket: /nonexistent/admin.sock}
)";

constexpr std::string_view kGranted = "HTTP/1.1 200 Connection established\r\n\r\n";

std::string Ask(std::string_view authority) {
  return Format("CONNECT {0} HTTP/1.1\r\nHost: {0}\r\n\r\n", authority);
}

struct Connect : testing::Test {
  Connect()
      : world(kConfig), server(world.Serve("10.1.0.1:80", [this](Peer& peer) {
          if (peer.received.ends_with("\r\n\r\n")) peer.stream->Write(granted);
        })) {
    world.Serve("10.1.0.2:80", far.script());
    far.on_head = [](Http2Server::Request& request) { request.Head(200); };
  }

  Peer& Open(std::string_view request) {
    Peer& client = world.Connect("192.0.2.1", "10.0.0.1:80");
    client.stream->Write(request);
    Settle();
    return client;
  }
  void Settle() { world.net.RunFor(seconds(1)); }

  std::string granted{kGranted};
  World world;
  Server& server;
  Http2Server far;
};

TEST_F(Connect, IsRefusedUnlessARouteNamesIt) {
  Peer& client = Open(Ask("c.test:443") + "GET / HTTP/1.1\r\nHost: smuggled\r\n\r\n");
  EXPECT_TRUE(client.received.starts_with("HTTP/1.1 501 ")) << client.received;
  EXPECT_NE(client.received.find("(connect)"), std::string::npos) << client.received;
  EXPECT_TRUE(client.ended);
  EXPECT_EQ(server.received(), "");
}

TEST_F(Connect, BecomesATunnelWhenItIsGranted) {
  Peer& client = Open(Ask("a.test:443") + "early");
  EXPECT_EQ(client.received, "HTTP/1.1 200 Connection established\r\n\r\n");
  const std::string head = server.received();
  EXPECT_TRUE(head.starts_with("CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n")) << head;
  EXPECT_TRUE(head.ends_with("\r\n\r\nearly")) << head;
  EXPECT_NE(head.find("Meridian-Site: atlanta"), std::string::npos);
  server.peers[0]->stream->Write("GET / HTTP/1.1\r\n\r\n");
  client.stream->FinishWriting();
  Settle();
  EXPECT_TRUE(client.received.ends_with("GET / HTTP/1.1\r\n\r\n")) << client.received;
  EXPECT_TRUE(server.peers[0]->ended);
  server.peers[0]->stream->FinishWriting();
  Settle();
  EXPECT_EQ(world.metrics.active(), 0u);
}

TEST_F(Connect, ARefusalIsTheClientsAnswerAndEndsItsConnection) {
  granted = "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno";
  Peer& client = Open(Ask("a.test:443") + "GET / HTTP/1.1\r\nHost: smuggled\r\n\r\n");
  EXPECT_TRUE(client.received.starts_with("HTTP/1.1 403 ")) << client.received;
  EXPECT_TRUE(client.received.ends_with("Connection: close\r\n\r\nno")) << client.received;
  EXPECT_EQ(server.received().find("smuggled"), std::string::npos);
}

TEST_F(Connect, AServerThatSwitchesProtocolsInsteadIsMistaken) {
  granted = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";
  EXPECT_TRUE(Open(Ask("a.test:443")).received.starts_with("HTTP/1.1 502 "));
}

TEST_F(Connect, GoesToAnHttp2Server) {
  Peer& client = Open(Ask("b.test:443"));
  EXPECT_TRUE(client.received.starts_with("HTTP/1.1 200 ")) << client.received;
  const std::string& log = far.last().log;
  EXPECT_TRUE(log.starts_with("CONNECT b.test:443 ")) << log;
  client.stream->Write("hello");
  far.last().Body("there", true);
  Settle();
  EXPECT_TRUE(client.received.ends_with("\r\n\r\nthere")) << client.received;
  EXPECT_TRUE(client.ended);
  EXPECT_TRUE(log.ends_with("\nhello")) << log;
}

TEST_F(Connect, ComesFromAnHttp2Client) {
  Http2Peer client(world.Connect("192.0.2.1", "10.0.0.1:80"));
  auto& near = client.Raw({{":method", "CONNECT"}, {":authority", "a.test:443"}}, false);
  auto& refused = client.Raw({{":method", "CONNECT"}, {":authority", "c.test:443"}}, false);
  auto& no_port = client.Raw({{":method", "CONNECT"}, {":authority", "a.test"}}, false);
  client.SendBody(near, "early", false);
  Settle();
  EXPECT_EQ(near.log, "200\n");
  EXPECT_TRUE(refused.log.starts_with("501 ")) << refused.log;
  EXPECT_TRUE(no_port.log.starts_with("400 ")) << no_port.log;
  EXPECT_TRUE(server.received().ends_with("\r\n\r\nearly")) << server.received();
  client.SendBody(near, {}, true);
  server.peers[0]->stream->Write("there");
  server.peers[0]->stream->FinishWriting();
  Settle();
  EXPECT_EQ(near.log, "200\nthere\nend\n");
  EXPECT_EQ(world.metrics.active(), 0u);
}

}  // namespace
}  // namespace meridian::fakes
