// Listeners of protocol udp, and sessions by what datagrams and first bytes hold.
#include "unit/config/loading.h"

namespace meridian::config {
namespace {

// The errors of one udp listener with these keys, without their place.
std::vector<std::string> Of(const std::string& keys) {
  std::vector<std::string> out;
  for (const std::string& line :
       DiagnoseListeners("listeners: {l: {protocol: udp, " + keys + "}}")) {
    out.push_back(line.substr(line.find("listeners.l")));
  }
  return out;
}

std::string WithSession(const std::string& by) {
  return std::string(kBase) + "    session: {by: " + by + "}\n";
}

TEST(UdpListeners, HoldAServiceAndABound) {
  std::string yaml(kBase);
  const size_t start = yaml.find("listeners:");
  yaml.replace(start, yaml.find('\n', start) - start,
               "listeners: {l: {bind: ['0.0.0.0:53', '[::]:53'], protocol: udp, service: web, "
               "limits: {sessions: 1000}}, t: {bind: '0.0.0.0:53', protocol: tcp, service: web}}");
  const Loaded loaded = LoadText(yaml, "m.yaml", NoVariables);
  ASSERT_EQ(Lines(loaded), Expected{});  // a port of TCP is another than that of UDP
  const Listener& listener = loaded.config->listeners.at(0);
  EXPECT_EQ(listener.protocol, Protocol::kUdp);
  EXPECT_EQ(listener.service, "web");
  EXPECT_TRUE(listener.routes.empty());
  EXPECT_EQ(listener.limits.sessions, 1000u);
  EXPECT_EQ(Limits().sessions, 65536u);
}

TEST(UdpListeners, AreRefusedWhatUdpHasNot) {
  EXPECT_EQ(Of("bind: '[::]:53'"), Expected{"listeners.l.service: is required for protocol udp"});
  EXPECT_EQ(Of("bind: '[::]:53', service: wep"),
            Expected{"listeners.l.service: 'wep' is not a service; did you mean 'web'?"});
  EXPECT_EQ(Of("bind: '[::]:53', service: web, proxy_protocol: accept"),
            (Expected{"listeners.l.proxy_protocol: is nothing udp has",
                      "listeners.l.proxy_protocol: nobody is trusted to send it; expected "
                      "trusted_proxies beside it"}));
  EXPECT_EQ(Of("bind: '[::]:53', service: web, trusted_proxies: 10.0.0.0/8"),
            Expected{"listeners.l.trusted_proxies: is nothing udp has"});
  EXPECT_EQ(Of("bind: '[::]:53', service: web, routes: [{sni: '*', service: web}]").at(0),
            "listeners.l.routes: is nothing udp has");
  EXPECT_EQ(Of("bind: 'unix:/run/a.sock', service: web"),
            Expected{"listeners.l.bind: is no address for udp; expected IP:port"});
  EXPECT_EQ(Of("bind: '[::]:53', service: web, tls: off, proxy_protocol: off"), Expected{});
}

TEST(UdpListeners, TwoOfOneAddressAreOneTooMany) {
  const auto lines = DiagnoseListeners(
      "listeners: {a: {bind: '[::]:53', protocol: udp, service: web}, b: {bind: '[::]:53', "
      "protocol: udp, service: web}}");
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_NE(lines[0].find("is already bound"), std::string::npos);
}

TEST(UdpListeners, EndpointsOnUnixSocketsCannotBeReached) {
  std::string yaml(kBase);
  yaml.replace(yaml.find("\"10.0.0.1:80\""), 13, "\"unix:/a\"");
  const size_t start = yaml.find("listeners:");
  yaml.replace(start, yaml.find('\n', start) - start,
               "listeners: {l: {bind: '[::]:53', protocol: udp, service: web}}");
  const auto lines = Diagnose(yaml);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_NE(lines[0].find("has 'unix:/a' at a, which udp cannot reach"), std::string::npos)
      << lines[0];
}

TEST(ContentSessions, AreOfCallsOrOfBytes) {
  const auto session = [](const std::string& by) {
    std::string yaml = WithSession(by);
    yaml.replace(yaml.find("service: web}}"), 14, "service: web, protocol: tcp}}");
    const Loaded loaded = LoadText(yaml, "m.yaml", NoVariables);
    EXPECT_EQ(Lines(loaded), Expected{});
    return loaded.config ? loaded.config->topology.services.at(0).session
                         : topology::SessionPolicy();
  };
  EXPECT_EQ(session("sip-call-id").by, topology::SessionBy::kSipCallId);
  EXPECT_EQ(session("sip-call-id").on_recovery, topology::OnRecovery::kReturn);
  const topology::SessionPolicy bytes = session("'bytes:4-11'");
  EXPECT_EQ(bytes.by, topology::SessionBy::kBytes);
  EXPECT_EQ(bytes.first_byte, 4);
  EXPECT_EQ(bytes.last_byte, 11);
  EXPECT_EQ(session("bytes, name: 4-11"), bytes);
}

TEST(ContentSessions, NeedARangeThatIsOne) {
  for (const std::string range : {"4", "4-", "-4", "5-4", "0-256", "0-65536", "a-b"}) {
    const auto lines = Diagnose(WithSession("'bytes:" + range + "'"));
    ASSERT_EQ(lines.size(), 1u) << range;
    EXPECT_NE(lines[0].find("is not a range of bytes; expected such as bytes:0-7"),
              std::string::npos)
        << lines[0];
  }
  const auto lines = Diagnose(WithSession("bytes"));
  EXPECT_NE(testing::PrintToString(lines).find("needs a range of bytes"), std::string::npos);
}

TEST(ContentSessions, AreNotSeenByHttp) {
  const auto lines = Diagnose(WithSession("sip-call-id"));
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_NE(lines[0].find("sessions of web are by sip-call-id, which protocol http does not see"),
            std::string::npos)
      << lines[0];
}

}  // namespace
}  // namespace meridian::config
