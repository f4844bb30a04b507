// TCP routed, and kept together, by the server name of a TLS ClientHello that is passed on as it
// came, however it came.
#include <gtest/gtest.h>

#include <set>

#include "testing/world.h"

namespace meridian::fakes {
namespace {

constexpr std::string_view kConfig = R"(
geo: {default: {latitude: 33, longitude: -84, country: US, continent: NA}}
regions:
  east:
    sites:
      atlanta:
        latitude: 33.7
        longitude: -84.4
        services:
          web: ["10.1.0.1:443"]
          mail: ["10.1.0.2:443"]
          rest: ["10.1.0.3:443"]
          many: ["10.1.0.1:443", "10.1.0.2:443", "10.1.0.3:443"]
services:
  web: {}
  mail: {}
  rest: {}
  many: {session: {by: sni}}
listeners:
  named:
    bind: "10.0.0.1:443"
    protocol: tcp
    routes:
      - {sni: mail.example.com, service: mail}
      - {sni: "*.example.com", service: web}
    limits: {header_timeout: 3s}
    proxy_protocol: accept
    trusted_proxies: [192.0.2.0/24]
  with_rest:
    bind: "10.0.0.1:444"
    protocol: tcp
    routes: [{sni: "*.example.com", service: web}, {sni: "*", service: rest}]
    limits: {header_timeout: 3s}
  together: {bind: "10.0.0.1:445", protocol: tcp, service: many}
  offered:
    bind: "10.0.0.1:446"
    protocol: tcp
    routes:
      - {sni: mail.example.com, alpn: [imap, smtp], service: mail}
      - {alpn: [h2, http/1.1], service: web}
      - {sni: "*", service: rest}
admin: {socket: /nonexistent/admin.sock}
)";

std::string Number(size_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(value >> (8 * i) & 0xff);
  return text;
}
std::string Vector(const std::string& data, int length_bytes) {
  return Number(data.size(), length_bytes) + data;
}

// A ClientHello for `name` (empty: none) that offers `protocols`, in records of at most `size`.
std::string Hello(const std::string& name, size_t size = 16384,
                  const std::vector<std::string>& protocols = {}) {
  std::string extensions = Number(0x0a0a, 2) + Vector("", 2);
  if (!name.empty()) {
    extensions += Number(0, 2) + Vector(Vector(Number(0, 1) + Vector(name, 2), 2), 2);
  }
  std::string offered;
  for (const std::string& protocol : protocols) offered += Vector(protocol, 1);
  if (!offered.empty()) extensions += Number(16, 2) + Vector(Vector(offered, 2), 2);
  const std::string body = "\x03\x03" + std::string(32, 'r') + Vector("", 1) +
                           Vector("\x13\x01", 2) + Vector(std::string(1, '\0'), 1) +
                           Vector(extensions, 2);
  const std::string message = "\x01" + Vector(body, 3);
  std::string out;
  for (size_t at = 0; at < message.size(); at += size) {
    out += "\x16\x03\x01" + Vector(message.substr(at, size), 2);
  }
  return out;
}

class TcpHello : public testing::Test {
 protected:
  // Backends keep what they get, and say "." for each piece.
  TcpHello() : world_(kConfig) {
    for (const char* at : {"10.1.0.1:443", "10.1.0.2:443", "10.1.0.3:443"}) {
      servers_.push_back(&world_.Serve(at, [](Peer& peer) { peer.stream->Write("."); }));
    }
  }
  // The number of the backend whose newest connection got exactly these bytes; 0: none.
  int Reached(const std::string& bytes) const {
    for (size_t i = 0; i < servers_.size(); ++i) {
      for (const auto& peer : servers_[i]->peers) {
        if (peer->received == bytes) return static_cast<int>(i) + 1;
      }
    }
    return 0;
  }
  int Send(const std::string& bytes, const std::string& to) {
    for (Server* server : servers_) server->peers.clear();
    world_.net.RunFor(std::chrono::seconds(1));
    world_.Ask(world_.Connect("192.0.2.1", to), bytes);
    return Reached(bytes);
  }
  double Failures(const std::string& listener, const std::string& reason) const {
    return MetricMap(
        world_.metrics)["meridian_failures_total{listener=" + listener + ",reason=" + reason + "}"];
  }

  World world_;
  std::vector<Server*> servers_;
};

TEST_F(TcpHello, LeadsToTheServiceOfItsServerNameAndIsPassedOn) {
  EXPECT_EQ(Send(Hello("www.example.com") + "and what follows", "10.0.0.1:443"), 1);
  EXPECT_EQ(Send(Hello("MAIL.example.com"), "10.0.0.1:443"), 2);
  EXPECT_EQ(Send(Hello("a.b.example.com", 1), "10.0.0.1:443"), 1);
}

TEST_F(TcpHello, MayComeByteByByte) {
  const std::string hello = Hello("mail.example.com");
  Peer& client = world_.Connect("192.0.2.1", "10.0.0.1:443");
  for (const char byte : hello) {
    EXPECT_TRUE(servers_[1]->peers.empty());
    world_.Ask(client, std::string(1, byte));
  }
  ASSERT_EQ(Reached(hello), 2);
  world_.Ask(client, "more");
  EXPECT_EQ(Reached(hello + "more"), 2);
}

TEST_F(TcpHello, MayStandBehindAProxyHeader) {
  const std::string hello = Hello("mail.example.com");
  world_.Ask(world_.Connect("192.0.2.1", "10.0.0.1:443"),
             "PROXY TCP4 203.0.113.5 10.0.0.1 9 443\r\n" + hello);
  EXPECT_EQ(Reached(hello), 2);
}

TEST_F(TcpHello, WithoutARouteIsResetAndCounted) {
  for (const std::string& bytes : {Hello("example.com"), Hello("other.test"), Hello(""),
                                   std::string("GET / HTTP/1.1\r\n\r\n")}) {
    Peer& client = world_.Connect("192.0.2.1", "10.0.0.1:443");
    world_.Ask(client, bytes);
    EXPECT_TRUE(client.failed.has_value());
  }
  EXPECT_EQ(Failures("named", "no-route"), 4);
  EXPECT_TRUE(servers_[0]->peers.empty());
}

TEST_F(TcpHello, OfAnyNameAndNoneAndOtherProtocolsTakeTheRouteForAll) {
  EXPECT_EQ(Send(Hello("www.example.com"), "10.0.0.1:444"), 1);
  EXPECT_EQ(Send(Hello("other.test"), "10.0.0.1:444"), 3);
  EXPECT_EQ(Send(Hello(""), "10.0.0.1:444"), 3);
  EXPECT_EQ(Send("SSH-2.0-OpenSSH_9.2\r\n", "10.0.0.1:444"), 3);
}

TEST_F(TcpHello, LeadsByTheProtocolsOfferedToo) {
  const auto reached = [this](const std::string& name, const std::vector<std::string>& offered) {
    return Send(Hello(name, 9, offered), "10.0.0.1:446");
  };
  EXPECT_EQ(reached("mail.example.com", {"pop3", "smtp"}), 2);
  EXPECT_EQ(reached("mail.example.com", {"http/1.1"}), 1);
  EXPECT_EQ(reached("other.test", {"imap"}), 3);
  EXPECT_EQ(reached("", {"h2"}), 1);
  EXPECT_EQ(reached("mail.example.com", {}), 3);
  EXPECT_EQ(Send("SSH-2.0-OpenSSH_9.2\r\n", "10.0.0.1:446"), 3);
}

TEST_F(TcpHello, ThatIsMalformedOrTooLargeIsRefused) {
  std::string bad = Hello("www.example.com");
  bad[bad.find("www")] = ' ';
  for (const std::string& bytes : {bad, std::string("\x16\x03\x01\0\0", 5),
                                   std::string("\x16\x03\x01\0\4\1\xff\xff\xff", 9)}) {
    Peer& client = world_.Connect("192.0.2.1", "10.0.0.1:444");
    world_.Ask(client, bytes);
    EXPECT_TRUE(client.failed.has_value());
  }
  EXPECT_EQ(Failures("with_rest", "client-hello"), 3);
  EXPECT_TRUE(servers_[0]->peers.empty() && servers_[2]->peers.empty());
}

TEST_F(TcpHello, ThatDoesNotComeInTimeIsNotWaitedFor) {
  Peer& silent = world_.Connect("192.0.2.1", "10.0.0.1:444");
  Peer& slow = world_.Connect("192.0.2.1", "10.0.0.1:444");
  slow.stream->Write(Hello("www.example.com").substr(0, 20));
  world_.net.RunFor(std::chrono::seconds(2));
  EXPECT_FALSE(silent.closed() || slow.closed());
  world_.net.RunFor(std::chrono::seconds(2));
  EXPECT_TRUE(silent.failed && slow.failed);
  EXPECT_EQ(Failures("with_rest", "header-timeout"), 2);
  Peer& gone = world_.Connect("192.0.2.1", "10.0.0.1:444");
  gone.stream->FinishWriting();
  world_.net.RunFor(std::chrono::seconds(1));
  EXPECT_TRUE(gone.closed());
  EXPECT_EQ(Failures("with_rest", "client-gone"), 1);
  EXPECT_EQ(world_.workers[0]->clients(), 0u);
}

TEST_F(TcpHello, KeepsConnectionsOfAServerNameTogether) {
  std::set<int> places;
  for (int i = 0; i < 20; ++i) {
    const std::string name = "host-" + std::to_string(i) + ".test";
    const int place = Send(Hello(name), "10.0.0.1:445");
    EXPECT_NE(place, 0);
    EXPECT_EQ(Send(Hello(name, 5), "10.0.0.1:445"), place);
    places.insert(place);
  }
  EXPECT_EQ(places.size(), 3u);
  EXPECT_NE(Send(Hello(""), "10.0.0.1:445"), 0) << "without a name, as if there were no sessions";
  EXPECT_NE(Send("no TLS at all", "10.0.0.1:445"), 0);
}

}  // namespace
}  // namespace meridian::fakes
