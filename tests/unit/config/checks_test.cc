// Keys of health checks: where they arrive, what a check takes from the services that name it, and
// what is said of mistakes.
#include "unit/config/loading.h"

#include <algorithm>

namespace meridian::config {
namespace {

using topology::BackendTls;
using topology::CheckType;
using topology::HealthCheck;

// Of kBase with more keys of its service, and health checks.
std::string Yaml(const std::string& service, const std::string& checks) {
  std::string yaml(kBase);
  if (!service.empty()) yaml += "    " + service + "\n";
  return yaml + "health_checks: {" + checks + "}\n";
}

HealthCheck Load(const std::string& service, const std::string& checks) {
  const Loaded loaded = LoadText(Yaml(service, checks), "m.yaml", NoVariables);
  EXPECT_TRUE(loaded.config) << testing::PrintToString(Lines(loaded));
  return loaded.config ? loaded.config->topology.health_checks.at(0) : HealthCheck();
}

TEST(Checks, AgentsAreAskedAloneOrBeside) {
  EXPECT_EQ(Load("", "c: {type: agent, port: 81}").type, CheckType::kAgent);
  EXPECT_EQ(Load("", "c: {type: http, agent_port: 81}").agent_port, 81);
  EXPECT_EQ(Load("", "c: {type: http, agent_port: off}").agent_port, 0);
  EXPECT_EQ(Diagnose(Yaml("", "c: {type: agent, agent_port: 81}")),
            Expected{"m.yaml:9:34: warning: health_checks.c.agent_port: has no effect with type "
                     "agent"});
}

TEST(Checks, HttpSaysWhatIsAskedAndWhatIsExpected) {
  const HealthCheck check = Load(
      "", "c: {type: http, method: POST, headers: {X-Probe: m}, protocol: http2, expect_body: ok}");
  EXPECT_EQ(check.method, "POST");
  EXPECT_EQ(check.headers, (std::vector<std::pair<std::string, std::string>>{{"X-Probe", "m"}}));
  EXPECT_TRUE(check.http2);
  EXPECT_EQ(check.expect_body, "ok");
  EXPECT_EQ(Diagnose(Yaml("", "c: {type: http, headers: {Host: a.test}}")),
            Expected{"m.yaml:9:43: error: health_checks.c.headers.Host: 'Host' is never set "
                     "this way; expected host"});
  EXPECT_EQ(Diagnose(Yaml("", "c: {type: http, method: HEAD, expect_body: ok}")),
            Expected{"m.yaml:9:47: error: health_checks.c.expect_body: the answer to HEAD has no "
                     "body; expected another method"});
  EXPECT_FALSE(Load("", "c: {type: tcp, protocol: http2}").http2);
}

TEST(Checks, AnAgentNeedsAnAddressWithPorts) {
  std::string yaml = Yaml("health_check: c", "c: {agent_port: 81}");
  yaml.replace(yaml.find("10.0.0.2:80"), 11, "unix:/run/web");
  EXPECT_EQ(Diagnose(yaml),
            Expected{"m.yaml:10:33: error: health_checks.c.agent_port: 'unix:/run/web' has no "
                     "ports; expected IP addresses as endpoints of web"});
}

TEST(Checks, TlsIsTheirOwnOrTheBackendsOrTheSystems) {
  const std::string backend = "backend: {tls: {server_name: app.test}}\n    health_check: c";
  const BackendTls of_backend{"app.test", "", "", "", true};
  for (const char* type : {"tls", "https"}) {
    const std::string check = std::string("c: {type: ") + type;
    EXPECT_EQ(Load(backend, check + "}").tls, of_backend);
    EXPECT_EQ(Load(backend, check + ", tls: {server_name: b.test}}").tls->server_name, "b.test");
    EXPECT_EQ(Load("health_check: c", check + "}").tls, BackendTls());
    EXPECT_EQ(Load("", check + "}").tls, BackendTls());
  }
  for (const char* type : {"tcp", "http", "agent"}) {
    EXPECT_FALSE(Load(backend, std::string("c: {type: ") + type + "}").tls) << type;
  }
}

TEST(Checks, OfServicesThatSpeakTlsDifferentlyNeedTheirOwn) {
  std::string yaml =
      Yaml("backend: {tls: {server_name: a.test}}\n    health_check: c", "c: {type: https}");
  yaml.insert(yaml.find("health_checks:"),
              "  api: {backend: {tls: {server_name: b.test}}, health_check: c}\n");
  yaml.insert(yaml.find("web: ["), "api: ['10.0.0.1:81', '10.0.0.2:81'], ");
  const Expected said = Diagnose(yaml);
  const std::string expected =
      "m.yaml:10:19: error: services.web.health_check: 'c' is the check of services that speak TLS "
      "in different ways; expected health_checks.c.tls";
  EXPECT_NE(std::find(said.begin(), said.end(), expected), said.end())
      << testing::PrintToString(said);
  yaml.replace(yaml.find("type: https"), 11, "type: https, tls: {server_name: c.test}");
  EXPECT_TRUE(LoadText(yaml, "m.yaml", NoVariables).config);
}

TEST(Checks, TlsNeedsSomethingToVerify) {
  std::string yaml = Yaml("health_check: c", "c: {type: tls}");
  yaml.replace(yaml.find("10.0.0.2:80"), 11, "unix:/run/web");
  EXPECT_EQ(Diagnose(yaml).size(), 1u);
  EXPECT_NE(Diagnose(yaml)[0].find("is required to verify 'unix:/run/web'"), std::string::npos);
}

TEST(Checks, KeysOfAnotherTypeAreWarnedOf) {
  EXPECT_EQ(Diagnose(Yaml("", "c: {type: tls, path: /x, tls: {}}")),
            Expected{"m.yaml:9:32: warning: health_checks.c.path: has no effect with type tls"});
  EXPECT_EQ(Diagnose(Yaml("", "c: {type: tcp, tls: {}, role: any}")).size(), 2u);
}

TEST(Checks, OfGrpcTakeAfterTheBackendToo) {
  const std::string backend = "backend: {tls: {server_name: app.test}}\n    health_check: c";
  EXPECT_EQ(Load(backend, "c: {type: grpc}").tls->server_name, "app.test");
  EXPECT_FALSE(Load("health_check: c", "c: {type: grpc, service: shop.Cart}").tls);
  EXPECT_EQ(Load("", "c: {type: grpc, service: shop.Cart}").grpc_service, "shop.Cart");
}

TEST(Checks, OfPostgresHaveALoginARoleAndTheirOwnTlsAlone) {
  const std::string backend = "backend: {tls: {server_name: app.test}}\n    health_check: c";
  const HealthCheck check =
      Load(backend, "c: {type: postgresql, user: watcher, database: app, role: standby}");
  EXPECT_EQ(check.login.user, "watcher");
  EXPECT_EQ(check.login.database, "app");
  EXPECT_EQ(check.role, topology::DatabaseRole::kStandby);
  EXPECT_FALSE(check.tls);
  EXPECT_FALSE(Load("", "c: {type: postgresql, tls: {verify: false}}").tls->verify);
  EXPECT_EQ(Diagnose(Yaml("", "c: {type: postgresql, tls: {}}")),
            Expected{"m.yaml:9:39: error: health_checks.c.tls.ca: is required for postgresql, "
                     "which has no system's certificates"});
}

TEST(Checks, OfPostgresNameTheSocketAsLibpqDoes) {
  for (const auto& [path, good] :
       {std::pair("/run/postgresql/.s.PGSQL.5432", true),
        std::pair("/run/postgresql/.s.PGSQL.", false), std::pair("/run/.s.PGSQL.5432/x", false)}) {
    std::string yaml = Yaml("health_check: c", "c: {type: postgresql}");
    yaml.replace(yaml.find("10.0.0.2:80"), 11, std::string("unix:") + path);
    EXPECT_EQ(LoadText(yaml, "m.yaml", NoVariables).config.has_value(), good) << path;
  }
}

}  // namespace
}  // namespace meridian::config
