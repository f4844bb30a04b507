// TLS keys, of listeners and of backends: where they arrive, and what is said of mistakes. What is
// in the files is the snapshot's business.
#include "unit/config/loading.h"

namespace meridian::config {
namespace {

struct TlsKeys : testing::Test {
  std::string Listener(const std::string& tls) const {
    return "listeners: {l: {bind: '[::]:80', service: web, tls: " + tls + "}}";
  }
  Config Load(const std::string& yaml) const {
    const Loaded loaded = LoadText(yaml, "m.yaml", NoVariables);
    EXPECT_TRUE(loaded.config) << testing::PrintToString(Lines(loaded));
    return loaded.config.value_or(Config());
  }
  ListenerTls LoadListener(const std::string& listeners) const {
    std::string yaml(kBase);
    const size_t start = yaml.find("listeners:");
    yaml.replace(start, yaml.find('\n', start) - start, listeners);
    return Load(yaml).listeners.at(0).tls.value_or(ListenerTls());
  }

  const Folder folder;
  const std::string certificate = folder.Write("a.pem", "x");
  const std::string key = folder.Write("a.key", "x");
  const std::string both = "{certificate: '" + certificate + "', key: '" + key + "'}";
};

TEST_F(TlsKeys, OfListenersArrive) {
  const std::string tickets = folder.Write("tickets", "x");
  const ListenerTls tls = LoadListener(
      Listener("{certificates: [" + both + ", {certificate: '" + certificate + "', key: '" + key +
               "', ocsp: '" + tickets + "'}], min_version: '1.3', alpn: [http/1.1], client_ca: '" +
               certificate + "', ticket_key_file: '" + tickets + "'}"));
  ASSERT_EQ(tls.certificates.size(), 2u);
  EXPECT_EQ(tls.certificates[0], (ListenerCertificate{certificate, key, ""}));
  EXPECT_EQ(tls.certificates[1].ocsp, tickets);
  EXPECT_TRUE(tls.only_tls13);
  EXPECT_EQ(tls.alpn, std::vector<std::string>{"http/1.1"});
  EXPECT_EQ(tls.client_ca, certificate);
  EXPECT_EQ(tls.ticket_key_file, tickets);
}

TEST_F(TlsKeys, DefaultsDependOnTheProtocol) {
  const ListenerTls http = LoadListener(Listener("{certificates: [" + both + "]}"));
  EXPECT_FALSE(http.only_tls13);
  EXPECT_EQ(http.alpn, (std::vector<std::string>{"h2", "http/1.1"}));
  const ListenerTls tcp = LoadListener(
      "listeners: {l: {bind: '[::]:80', protocol: tcp, service: "
      "web, tls: {certificates: [" +
      both + "]}}}");
  EXPECT_TRUE(tcp.alpn.empty());
}

TEST_F(TlsKeys, OfListenersAreJudged) {
  EXPECT_EQ(DiagnoseListeners(Listener("{}")),
            Expected{"m.yaml:5:48: error: listeners.l.tls.certificates: is required: a map"});
  EXPECT_EQ(DiagnoseListeners(Listener("{certificates: []}")),
            Expected{"m.yaml:5:68: error: listeners.l.tls.certificates: an empty list; expected at "
                     "least one entry"});
  EXPECT_EQ(DiagnoseListeners(Listener("on")),
            Expected{"m.yaml:5:53: error: listeners.l.tls: 'on' where a map was expected"});
  EXPECT_EQ(
      DiagnoseListeners(Listener("{certificates: [{certificate: '" + certificate + "'}]}")),
      Expected{"m.yaml:5:69: error: listeners.l.tls.certificates[0].key: is required: a path"});
  EXPECT_EQ(DiagnoseListeners(Listener("{certificates: [" + both + "], alpn: [h3]}")).size(), 1u);
  EXPECT_EQ(DiagnoseListeners(
                Listener("{certificates: [{certificate: /nowhere.pem, key: '" + key + "'}]}")),
            Expected{"m.yaml:5:83: error: listeners.l.tls.certificates[0].certificate: "
                     "'/nowhere.pem' cannot be read (No such file or directory)"});
}

TEST_F(TlsKeys, OfBackendsArrive) {
  const std::string keys = "    backend: {tls: {server_name: app.internal, ca: '" + certificate +
                           "', certificate: '" + certificate + "', key: '" + key + "'}}\n";
  const topology::BackendTls expected{"app.internal", certificate, certificate, key, true};
  EXPECT_EQ(Load(std::string(kBase) + keys).topology.services.at(0).backend.tls, expected);
  EXPECT_EQ(
      Load(std::string(kBase) + "    backend: {tls: {}}\n").topology.services.at(0).backend.tls,
      topology::BackendTls());
  EXPECT_FALSE(
      Load(std::string(kBase) + "    backend: {tls: off}\n").topology.services.at(0).backend.tls);
}

TEST_F(TlsKeys, APlainCheckOfATlsPortIsWarnedOf) {
  const auto of = [](const std::string& check) {
    return Diagnose(std::string(kBase) +
                    "    backend: {tls: {}}\n"
                    "    health_check: ready\n"
                    "health_checks: {ready: {" +
                    check + "}}\n");
  };
  EXPECT_EQ(of("type: http"),
            Expected{"m.yaml:10:19: warning: services.web.health_check: 'ready' asks by plain HTTP "
                     "on a port that speaks TLS; expected a check of type https, or one with a "
                     "port of its own"});
  EXPECT_EQ(of("type: https"), Expected{});
  EXPECT_EQ(of("type: http, port: 8081"), Expected{});
  EXPECT_EQ(of("type: tcp"), Expected{});
}

TEST_F(TlsKeys, OfBackendsAreJudged) {
  EXPECT_EQ(DiagnoseService("backend: {tls: {key: '" + key + "'}}"),
            Expected{"m.yaml:9:15: error: services.web.backend.tls: key stands alone; expected a "
                     "certificate and its key"});
  EXPECT_EQ(DiagnoseService("backend: {tls: {server_name: '*.internal'}}"),
            Expected{"m.yaml:9:34: error: services.web.backend.tls.server_name: '*.internal' is "
                     "not one host's name; without it, the endpoint's address is verified"});
  EXPECT_EQ(DiagnoseService("backend: {tls: {server_name: 10.0.0.1}}").size(), 1u);
  EXPECT_EQ(DiagnoseService("backend: {tls: {verify: false}}"),
            Expected{"m.yaml:9:29: warning: services.web.backend.tls.verify: whoever answers at an "
                     "endpoint's address is taken for the backend"});
  std::string yaml(kBase);
  yaml.replace(yaml.find("10.0.0.2:80"), 11, "unix:/run/web");
  EXPECT_EQ(Diagnose(yaml + "    backend: {tls: {}}\n"),
            Expected{"m.yaml:9:15: error: services.web.backend.tls.server_name: is required to "
                     "verify 'unix:/run/web', which has no address of its own"});
}

}  // namespace
}  // namespace meridian::config
