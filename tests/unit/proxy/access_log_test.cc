// The access log through a whole worker in memory: one line for each request and tcp session, and
// what it says.
#include <gtest/gtest.h>

#include "testing/allocations.h"
#include "testing/http2_client.h"
#include "testing/world.h"

namespace meridian::fakes {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view kConfig = R"(
process: {state_directory: /nonexistent}
log: {access: {path: stdout}}
geo: {default: {latitude: 33, longitude: -84, country: US, continent: NA}}
regions:
  east: {sites: {atlanta: {latitude: 33.7, longitude: -84.4, services: {web: ["10.1.0.1:80", "10.1.0.2:80"]}}}}
  south: {sites: {dallas: {latitude: 32.8, longitude: -96.8, services: {web: ["10.2.0.1:80"]}}}}
services:
  web:
    balance: round-robin
    session: {by: cookie}
    timeouts: {connect: 2s, response: 10s, idle: 20s}
listeners:
  http:
    bind: "10.0.0.1:80"
    protocol: http
    trusted_proxies: [198.51.100.0/24]
    limits: {header_timeout: 3s, header_size: 8KiB, body_size: 1KiB}
    deny: {network: [203.0.113.0/24]}
    routes:
      - {host: a.test, path: /old, redirect: {to: "https://a.test/new"}}
      - {host: a.test, path: /v1, service: web, rewrite: {prefix: /}}
      - {host: a.test, path: /, service: web}
  tcp: {bind: "10.0.0.1:81", protocol: tcp, service: web, deny: {network: [203.0.113.0/24]}}
admin: {socket: /nonexistent/admin.sock}
)";

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
constexpr std::string_view kGet = "GET /x?y=1 HTTP/1.1\r\nHost: a.test:80\r\n\r\n";

// A field's value as it stands in a line of JSON.
std::string Field(const std::string& line, const std::string& name) {
  const std::string key = "\"" + name + "\":";
  const size_t at = line.find(key);
  if (at == std::string::npos) return "absent";
  size_t end = at + key.size();
  if (line[end] == '"') {
    end = line.find('"', end + 1) + 1;
  } else {
    end = line.find_first_of(",}", end);
  }
  return line.substr(at + key.size(), end - at - key.size());
}

struct AccessLog : testing::Test {
  explicit AccessLog(const MemoryNetOptions& options = {}) : world(kConfig, options) {}

  void ServeAll(std::string_view response) {
    for (const auto* at : {"10.1.0.1:80", "10.1.0.2:80", "10.2.0.1:80"})
      world.Serve(at, Answer(std::string(response)));
  }
  // The only line since the last time.
  std::string Line() {
    const std::vector<std::string> lines = world.AccessLines();
    EXPECT_EQ(lines.size(), 1u);
    return lines.empty() ? std::string() : lines.front();
  }

  World world;
};

TEST_F(AccessLog, TellsOfARequest) {
  ServeAll(kOk);
  world.Ask("POST /x?y=1 HTTP/1.1\r\nHost: a.test:80\r\nContent-Length: 3\r\n\r\nabc");
  const std::string line = Line();
  for (const auto& [name, value] : std::map<std::string, std::string>{{"client", "\"192.0.2.1\""},
                                                                      {"listener", "\"http\""},
                                                                      {"service", "\"web\""},
                                                                      {"site", "\"atlanta\""},
                                                                      {"reason", "\"nearest\""},
                                                                      {"session", "\"new\""},
                                                                      {"attempts", "1"},
                                                                      {"protocol", "\"HTTP/1.1\""},
                                                                      {"method", "\"POST\""},
                                                                      {"host", "\"a.test\""},
                                                                      {"path", "\"/x?y=1\""},
                                                                      {"status", "200"},
                                                                      {"bytes_in", "3"},
                                                                      {"bytes_out", "2"},
                                                                      {"tls", "null"},
                                                                      {"queue_us", "0"},
                                                                      {"country", "\"US\""}}) {
    EXPECT_EQ(Field(line, name), value) << name << " in " << line;
  }
  EXPECT_TRUE(Field(line, "endpoint").starts_with("\"10.1.0."));
  EXPECT_EQ(Field(line, "request_id").size(), 34u);
  EXPECT_GT(std::stol(Field(line, "connect_us")), 0);
  EXPECT_GE(std::stol(Field(line, "total_us")), std::stol(Field(line, "first_byte_us")));
}

TEST_F(AccessLog, SessionsAreNewOrKeptAndClientsAreWhomTheTrustedProxyNames) {
  ServeAll(kOk);
  const std::string answer = world.Ask(kGet);
  const size_t at = answer.find("Set-Cookie: ") + 12;
  const std::string cookie = answer.substr(at, answer.find(';', at) - at);
  EXPECT_EQ(Field(Line(), "session"), "\"new\"");
  Peer& proxy = world.Connect("198.51.100.7", "10.0.0.1:80");
  world.Ask(proxy,
            "GET /v1/a HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 192.0.2.77\r\n"
            "X-Request-Id: its-own\r\nCookie: " +
                cookie + "\r\n\r\n");
  const std::string line = Line();
  EXPECT_EQ(Field(line, "session"), "\"kept\"");
  EXPECT_EQ(Field(line, "client"), "\"192.0.2.77\"");
  EXPECT_EQ(Field(line, "request_id"), "\"its-own\"");
  EXPECT_EQ(Field(line, "path"), "\"/v1/a\"");  // as asked for, not as rewritten
}

TEST_F(AccessLog, AttemptsAreCounted) {
  ServeAll("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
  world.Ask(kGet);
  const std::string line = Line();
  EXPECT_EQ(Field(line, "attempts"), "3");
  EXPECT_EQ(Field(line, "status"), "503");
  EXPECT_EQ(Field(line, "reason"), "\"failover\"");
}

TEST_F(AccessLog, WhatIsRefusedHasItsLineToo) {
  ServeAll(kOk);
  const auto refused = [this](std::string_view bytes, const char* host = "192.0.2.1") {
    world.Ask(world.Connect(host, "10.0.0.1:80"), bytes);
    world.net.RunFor(seconds(4));
    const std::string line = Line();
    return Field(line, "status") + " " + Field(line, "reason") + " " + Field(line, "method") + " " +
           Field(line, "path") + " " + Field(line, "service") + " " + Field(line, "attempts");
  };
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: b.test\r\n\r\n"),
            "404 \"no-route\" \"GET\" \"/\" null 0");
  EXPECT_EQ(refused("GET /\r\n\r\n"), "400 \"bad-request\" null null null 0");
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nA: " + std::string(9000, 'a')),
            "431 \"header-too-large\" null null null 0");
  EXPECT_EQ(refused(kGet, "203.0.113.1"), "403 \"denied\" \"GET\" \"/x?y=1\" null 0");
  EXPECT_EQ(refused("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2000\r\n\r\n"),
            "413 \"body-too-large\" \"POST\" \"/\" null 0");
  EXPECT_EQ(refused("POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n500\r\n" +
                    std::string(0x500, 'a')),
            "413 \"body-too-large\" \"POST\" \"/\" \"web\" 1");
  EXPECT_EQ(refused("POST / HTTP/1.1\r\nHost: b.test\r\nContent-Length: 2\r\n\r\nab"),
            "404 \"no-route\" \"POST\" \"/\" null 0");
  EXPECT_EQ(refused("GET / HT"), "408 \"header-timeout\" null null null 0");
}

TEST_F(AccessLog, ARoutesOwnAnswerHasItsLine) {
  world.Ask("GET /old HTTP/1.1\r\nHost: a.test\r\n\r\n");
  const std::string line = Line();
  EXPECT_EQ(Field(line, "status"), "308");
  EXPECT_EQ(Field(line, "reason"), "\"redirect\"");
  EXPECT_EQ(Field(line, "service"), "null");
}

TEST_F(AccessLog, AFailureNamesItselfAndWhereItWas) {
  for (const auto* at : {"10.1.0.1:80", "10.1.0.2:80", "10.2.0.1:80"}) world.net.Refuse(At(at));
  world.Ask(kGet);
  std::string line = Line();
  EXPECT_EQ(Field(line, "status"), "502");
  EXPECT_EQ(Field(line, "reason"), "\"connect-failed\"");
  EXPECT_EQ(Field(line, "site"), "null");
  EXPECT_EQ(Field(line, "attempts"), "3");
  EXPECT_GT(std::stol(Field(line, "bytes_out")), 10);
}

TEST_F(AccessLog, AClientThatLeavesIsToldOfWithAndWithoutAResponse) {
  for (const auto* at : {"10.1.0.1:80", "10.1.0.2:80", "10.2.0.1:80"}) {
    world.Serve(at, [](Peer& peer) {
      if (peer.received.starts_with("GET /half") && peer.received.ends_with("\r\n\r\n"))
        peer.stream->Write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
    });
  }
  for (const auto& [path, status] :
       std::map<std::string, std::string>{{"/half", "200"}, {"/none", "null"}}) {
    Peer& client = world.Connect("192.0.2.1", "10.0.0.1:80");
    client.stream->Write("GET " + path + " HTTP/1.1\r\nHost: a.test\r\n\r\n");
    world.net.RunFor(seconds(1));
    EXPECT_TRUE(world.AccessLines().empty());
    client.stream->Reset();
    world.net.RunFor(seconds(1));
    const std::string line = Line();
    EXPECT_EQ(Field(line, "status"), status);
    EXPECT_EQ(Field(line, "reason"), "\"client-gone\"");
    EXPECT_EQ(Field(line, "site"), "\"atlanta\"");
    EXPECT_GE(std::stol(Field(line, "total_us")), 900'000);
  }
}

TEST_F(AccessLog, WhatTheWorkerCutsIsAborted) {
  world.Serve("10.1.0.1:80", [](Peer&) {});
  world.Serve("10.1.0.2:80", [](Peer&) {});
  Peer& client = world.Connect("192.0.2.1", "10.0.0.1:80");
  client.stream->Write(kGet);
  world.net.RunFor(seconds(1));
  world.workers[0]->Close();
  EXPECT_EQ(Field(Line(), "reason"), "\"aborted\"");
}

TEST_F(AccessLog, Http2RequestsHaveALineEach) {
  ServeAll(kOk);
  Http2Peer client(world.Connect("192.0.2.1", "10.0.0.1:80"));
  client.Get("/a");
  client.Get("/b");
  world.net.RunUntilIdle(seconds(5));
  const std::vector<std::string> lines = world.AccessLines();
  ASSERT_EQ(lines.size(), 2u);
  for (const std::string& line : lines) {
    EXPECT_EQ(Field(line, "protocol"), "\"HTTP/2.0\"");
    EXPECT_EQ(Field(line, "status"), "200");
    EXPECT_EQ(Field(line, "bytes_out"), "2");
  }
}

TEST_F(AccessLog, ATcpSessionHasOneLineAtItsEnd) {
  for (const auto* at : {"10.1.0.1:80", "10.1.0.2:80"}) {
    world.Serve(at, [](Peer& peer) {
      if (peer.received == "ping") peer.stream->Write("pong!");
    });
  }
  Peer& client = world.Connect("192.0.2.1", "10.0.0.1:81");
  world.Ask(client, "ping");
  EXPECT_TRUE(world.AccessLines().empty());
  client.stream->FinishWriting();
  world.net.RunFor(milliseconds(100));
  for (const auto& server : world.servers) {
    for (const auto& peer : server->peers) peer->stream->FinishWriting();
  }
  world.net.RunUntilIdle(seconds(1));
  const std::string line = Line();
  EXPECT_EQ(Field(line, "protocol"), "\"tcp\"");
  EXPECT_EQ(Field(line, "reason"), "\"nearest\"");
  EXPECT_EQ(Field(line, "bytes_in"), "4");
  EXPECT_EQ(Field(line, "bytes_out"), "5");
  EXPECT_EQ(Field(line, "status"), "null");
  EXPECT_EQ(Field(line, "attempts"), "1");
  EXPECT_GT(std::stol(Field(line, "connect_us")), 0);
  world.Ask(world.Connect("203.0.113.1", "10.0.0.1:81"), "ping");
  EXPECT_EQ(Field(Line(), "reason"), "\"denied\"");
}

TEST_F(AccessLog, AReloadTurnsItOffAndChangesItsForm) {
  ServeAll(kOk);
  std::string yaml(kConfig);
  const std::string on = "path: stdout";
  yaml.replace(yaml.find(on), on.size(), "path: off");
  world.Load(yaml);
  world.Ask(kGet);
  EXPECT_TRUE(world.AccessLines().empty());
  yaml.replace(yaml.find("path: off"), 9, "path: stdout, format: combined");
  world.Load(yaml);
  world.Ask("GET /\xff HTTP/1.1\r\nHost: a.test\r\nReferer: r\r\nUser-Agent: a\"b\r\n\r\n");
  world.Ask("GET /x HTTP/1.1\r\nHost: a.test\r\nReferer: r\r\nUser-Agent: a\"b\r\n\r\n");
  const std::vector<std::string> lines = world.AccessLines();
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_TRUE(lines[1].ends_with("\"GET /x HTTP/1.1\" 200 2 \"r\" \"a\\x22b\"")) << lines[1];
}

struct WholeReads : AccessLog {
  WholeReads() : AccessLog({.cuts_reads = false}) {}
};

TEST_F(WholeReads, ASteadyRequestAllocatesNothing) {
  ServeAll(kOk);
  Peer& client = world.Connect("192.0.2.1", "10.0.0.1:80");
  client.received.reserve(1 << 20);
  const auto ask = [&] {
    client.stream->Write(kGet);
    world.net.RunUntilIdle(milliseconds(50));
  };
  for (int i = 0; i < 20; ++i) ask();
  for (const auto& server : world.servers) {
    for (const auto& peer : server->peers) peer->received.reserve(1 << 20);
  }
  world.AccessLines();
  const Allocations allocations;
  for (int i = 0; i < 100; ++i) ask();
  EXPECT_EQ(allocations.count(), 0u);
  EXPECT_EQ(world.AccessLines().size(), 100u);
}

}  // namespace
}  // namespace meridian::fakes
