// How the system is asked to listen, and how many connections are taken, as written.
#include "unit/config/loading.h"

namespace meridian::config {
namespace {

Expected Of(const std::string& keys) {
  return DiagnoseListeners("listeners: {l: {service: web, " + keys + "}}");
}

Listener Load(const std::string& keys) {
  std::string yaml(kBase);
  const size_t start = yaml.find("listeners:");
  yaml.replace(start, yaml.find('\n', start) - start,
               "listeners: {l: {service: web, " + keys + "}}");
  const Loaded loaded = LoadText(yaml, "m.yaml", NoVariables);
  EXPECT_EQ(loaded.errors(), 0u) << testing::PrintToString(Lines(loaded));
  return loaded.config ? loaded.config->listeners.at(0) : Listener();
}

TEST(ListenSocket, HoldsWhatIsWritten) {
  EXPECT_EQ(Load("bind: '[::]:80'").socket, ListenSocket());
  EXPECT_EQ(Load("bind: '[::]:80', backlog: 128, freebind: true, fast_open: true, defer_accept: "
                 "true")
                .socket,
            (ListenSocket{128, true, true, true}));
  EXPECT_EQ(Of("bind: '[::]:80', backlog: 0").size(), 1u);
  EXPECT_EQ(Of("bind: '[::]:80', backlog: 65536").size(), 1u);
}

TEST(ListenSocket, OfAFileHasNothingOfIp) {
  const Expected lines = Of("bind: 'unix:/tmp/s', freebind: true, fast_open: true, backlog: 10");
  EXPECT_EQ(lines.size(), 2u) << testing::PrintToString(lines);
  for (const std::string& line : lines) {
    EXPECT_NE(line.find("warning"), std::string::npos) << line;
    EXPECT_NE(line.find("has no effect on a Unix socket"), std::string::npos) << line;
  }
  EXPECT_EQ(Of("bind: ['unix:/tmp/s', '[::]:80'], freebind: true"), Expected{});
}

TEST(ListenSocket, OfDatagramsHasNothingOfTcp) {
  const Expected lines =
      Of("protocol: udp, bind: '[::]:53', fast_open: true, defer_accept: true, backlog: 5");
  EXPECT_EQ(lines.size(), 3u) << testing::PrintToString(lines);
  EXPECT_EQ(Of("protocol: udp, bind: '[::]:53', freebind: true, defer_accept: false"), Expected{});
}

TEST(AcceptRate, IsOfAllClientsTogetherAndNotOfDatagrams) {
  EXPECT_EQ(Load("bind: '[::]:80', limits: {accept_rate: 100}").limits.accept_rate, 100u);
  EXPECT_EQ(Load("bind: '[::]:80', limits: {accept_rate: unlimited}").limits.accept_rate,
            std::nullopt);
  const Expected lines = Of("protocol: udp, bind: '[::]:53', limits: {accept_rate: 100}");
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_NE(lines[0].find("limits.accept_rate: is nothing udp has; expected rate"),
            std::string::npos)
      << lines[0];
}

TEST(Connections, AreOfAllClientsTogetherAndNotOfDatagrams) {
  EXPECT_EQ(Load("bind: '[::]:80', limits: {connections: 100}").limits.connections, 100u);
  EXPECT_EQ(Load("bind: '[::]:80', limits: {connections: unlimited}").limits.connections,
            std::nullopt);
  EXPECT_EQ(Load("bind: '[::]:80'").limits.connections, std::nullopt);
  const Expected lines = Of("protocol: udp, bind: '[::]:53', limits: {connections: 100}");
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_NE(lines[0].find("limits.connections: is nothing udp has; expected sessions"),
            std::string::npos)
      << lines[0];
}

TEST(AcceptRate, OfOneClientGoesByItsAddressWhereThereAreNoHeaders) {
  const Expected lines =
      Of("protocol: tcp, bind: '[::]:80', limits: {rate: 5, rate_by: 'header:X-Key'}");
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_NE(lines[0].find("rate_by: protocol tcp has no headers; expected client"),
            std::string::npos)
      << lines[0];
}

constexpr std::string_view kTcp = "listeners: {l: {protocol: tcp, bind: '[::]:80', routes: ";

TEST(AlpnRoutes, HoldWhatIsWritten) {
  std::string yaml(kBase);
  const size_t start = yaml.find("listeners:");
  yaml.replace(start, yaml.find('\n', start) - start,
               std::string(kTcp) +
                   "[{sni: a.org, alpn: [h2, http/1.1], service: web}, {alpn: imap, service: web}, "
                   "{sni: '*', service: web}]}}");
  const Loaded loaded = LoadText(yaml, "m.yaml", NoVariables);
  ASSERT_EQ(Lines(loaded), Expected{});
  const std::vector<Route>& routes = loaded.config->listeners.at(0).routes;
  ASSERT_EQ(routes.size(), 3u);
  EXPECT_EQ(routes[0].host, "a.org");
  EXPECT_EQ(routes[0].alpn, (std::vector<std::string>{"h2", "http/1.1"}));
  EXPECT_EQ(routes[1].host, "");
  EXPECT_EQ(routes[1].alpn, std::vector<std::string>{"imap"});
  EXPECT_TRUE(routes[2].alpn.empty());
}

TEST(AlpnRoutes, AreOfTcpAloneAndReachable) {
  const auto of = [](const std::string& routes) {
    return DiagnoseListeners(std::string(kTcp) + routes + "}}");
  };
  EXPECT_EQ(of("[{alpn: h2, service: web}, {alpn: h2, sni: a, service: web}]").size(), 1u);
  EXPECT_EQ(of("[{alpn: h2, service: web}, {sni: a, service: web}]"), Expected{});
  EXPECT_EQ(of("[{alpn: [], service: web}]").size(), 1u);
  EXPECT_EQ(of("[{alpn: '', service: web}]").size(), 1u);
  const Expected http =
      DiagnoseListeners("listeners: {l: {bind: '[::]:80', routes: [{alpn: h2, service: web}]}}");
  ASSERT_EQ(http.size(), 1u);
  EXPECT_NE(http[0].find("alpn: protocol http chooses by itself"), std::string::npos) << http[0];
}

}  // namespace
}  // namespace meridian::config
