// health_checks: what is asked of endpoints, how TLS is spoken when asking, and which keys mean
// nothing for a type. ResolveChecks runs after the services, whose backends a check may take after.
#include "config/build.h"

#include "config/header_rules.h"
#include "config/values.h"

#include <meridian/base/format.h>
#include <meridian/base/text.h>

#include <algorithm>

namespace meridian::config {
namespace {

using topology::BackendTls;
using topology::CheckType;
using topology::DatabaseRole;
using topology::HealthCheck;
using topology::Service;

// Without their own value, these never exceed the interval.
void ReadTimes(Build& build, const View& view, HealthCheck& check) {
  Read(view, "interval", check.interval);
  check.fast_interval = std::min(check.fast_interval, check.interval);
  check.timeout = std::min(check.timeout, check.interval);
  Read(view, "fast_interval", check.fast_interval);
  Read(view, "timeout", check.timeout);
  if (check.fast_interval > check.interval) {
    const View fast = view["fast_interval"];
    build.Error(fast.place(), fast.path(),
                Format("{} is more than the interval of {}; expected at "
                       "most that",
                       FormatDuration(check.fast_interval), FormatDuration(check.interval)));
  }
  if (check.timeout > check.interval) {
    const View timeout = view["timeout"];
    build.Warning(timeout.place(), timeout.path(),
                  Format("{} is more than the interval of {}: a slow check delays the next one",
                         FormatDuration(check.timeout), FormatDuration(check.interval)));
  }
}

bool MeansSomething(std::string_view key, CheckType type) {
  const bool http = type == CheckType::kHttp || type == CheckType::kHttps;
  const bool database = type == CheckType::kPostgresql;
  for (const std::string_view one :
       {"path", "method", "host", "headers", "protocol", "expect", "expect_body"}) {
    if (key == one) return http;
  }
  if (key == "service") return type == CheckType::kGrpc;
  if (key == "tls") {
    return type == CheckType::kTls || type == CheckType::kHttps || type == CheckType::kGrpc ||
           database;
  }
  if (key == "agent_port") return type != CheckType::kAgent && type != CheckType::kNone;
  return database;
}

void WarnOfIdleKeys(Build& build, const View& view, CheckType type) {
  for (const char* const key :
       {"path", "method", "host", "headers", "protocol", "expect", "expect_body", "service", "tls",
        "agent_port", "user", "database", "passfile", "role"}) {
    const View value = view[key];
    if (!value || !view["type"] || MeansSomething(key, type)) continue;
    build.Warning(value.at(), value.path(),
                  Format("has no effect with type {}", topology::Name(type)));
  }
}

void ReadHttp(Build& build, const View& view, HealthCheck& check) {
  Read(view, "path", check.path);
  Read(view, "method", check.method);
  Read(view, "host", check.host);
  check.headers = ReadCheckHeaders(build, view["headers"]);
  const View protocol = view["protocol"];
  check.http2 = protocol && protocol.text() == "http2" && MeansSomething("protocol", check.type);
  if (const View expect = view["expect"]) {
    const StatusRange range = ParseStatusRange(expect.text()).value_or(StatusRange{});
    check.expect_low = range.low;
    check.expect_high = range.high;
  }
  Read(view, "expect_body", check.expect_body);
  if (check.expect_body.empty() || check.method != "HEAD") return;
  const View body = view["expect_body"];
  build.Error(body.at(), body.path(), "the answer to HEAD has no body; expected another method");
}

HealthCheck BuildHealthCheck(Build& build, const std::string& name, const View& view) {
  HealthCheck check;
  check.name = name;
  ReadWord(view, "type", check.type,
           {{"tcp", CheckType::kTcp},
            {"tls", CheckType::kTls},
            {"http", CheckType::kHttp},
            {"https", CheckType::kHttps},
            {"grpc", CheckType::kGrpc},
            {"agent", CheckType::kAgent},
            {"postgresql", CheckType::kPostgresql},
            {"none", CheckType::kNone}});
  Read(view, "port", check.port);
  ReadHttp(build, view, check);
  Read(view, "service", check.grpc_service);
  if (MeansSomething("agent_port", check.type)) Read(view, "agent_port", check.agent_port);
  const View tls = view["tls"];
  if (tls && MeansSomething("tls", check.type)) check.tls = BuildClientTls(build, tls);
  if (check.tls && check.type == CheckType::kPostgresql && check.tls->verify &&
      check.tls->ca.empty()) {
    build.Error(tls.at(), tls.path() + ".ca",
                "is required for postgresql, which has no system's certificates");
  }
  check.login = ReadLogin(build, view);
  ReadWord(view, "role", check.role,
           {{"any", DatabaseRole::kAny},
            {"primary", DatabaseRole::kPrimary},
            {"standby", DatabaseRole::kStandby}});
  Read(view, "rise", check.rise);
  Read(view, "fall", check.fall);
  ReadTimes(build, view, check);
  WarnOfIdleKeys(build, view, check.type);
  if (name == "none") {
    build.Error(view.at(), view.path(), "'none' stands for no check; expected another name");
  }
  return check;
}

// Where endpoints speak TLS a plain check of the same port calls all of them down.
void WarnOfPlainCheck(Build& build, const View& view, const Service& service,
                      const HealthCheck& check) {
  if (!service.backend.tls || check.port != 0 || check.type != CheckType::kHttp) return;
  build.Warning(view.place(), view.path(),
                Format("{} asks by plain HTTP on a port that speaks TLS; expected a check of type "
                       "https, or one with a port of its own",
                       Quote(check.name)));
}

// A check that says nothing of TLS speaks it as the backends of its services are spoken to.
void TakeAfterBackend(Build& build, const View& view, const Service& service, HealthCheck& check) {
  const bool needs = check.type == CheckType::kTls || check.type == CheckType::kHttps;
  const bool may = needs || check.type == CheckType::kGrpc;
  if (!may || !service.backend.tls) return;
  if (check.tls && *check.tls != *service.backend.tls) {
    build.Error(view.place(), view.path(),
                Format("{} is the check of services that speak TLS in different ways; expected "
                       "health_checks.{}.tls",
                       Quote(check.name), check.name));
    return;
  }
  check.tls = service.backend.tls;
}

bool IsDatabaseSocket(std::string_view path) {
  constexpr std::string_view kPrefix = ".s.PGSQL.";
  path.remove_prefix(path.rfind('/') + 1);
  return path.starts_with(kPrefix) && ParseUnsigned(path.substr(kPrefix.size()));
}

// An agent has a port of its own at its endpoint's address, which must be one.
void CheckAgents(Build& build, const HealthCheck& check, const std::string& service) {
  const View port = build.health_checks.find(check.name)->second["agent_port"];
  for (const topology::Site& site : build.config.topology.sites) {
    const auto offered = site.services.find(service);
    if (offered == site.services.end()) continue;
    for (const topology::Endpoint& endpoint : offered->second) {
      if (!endpoint.address.starts_with("unix:")) continue;
      build.Error(port.place(), port.path(),
                  Format("{} has no ports; expected IP addresses as endpoints of {}",
                         Quote(endpoint.address), service));
      return;
    }
  }
}

// That each endpoint can be asked at all.
void CheckTargets(Build& build, const HealthCheck& check, bool inherited) {
  const bool database = check.type == CheckType::kPostgresql;
  if (!check.tls && !database && check.agent_port == 0) return;
  for (const Service& service : build.config.topology.services) {
    if (service.health_check != check.name) continue;
    const View view = build.services.find(service.name)->second["health_check"];
    if (check.agent_port != 0) CheckAgents(build, check, service.name);
    if (database) {
      CheckDatabaseSockets(build, view, service.name);
    } else if (check.tls && !inherited) {
      const View whole = build.health_checks.find(check.name)->second;
      const View own = whole["tls"];
      CheckVerifiable(build, own ? own : whole, service.name, *check.tls);
    }
  }
}

}  // namespace

topology::DatabaseLogin ReadLogin(Build& build, const View& view) {
  topology::DatabaseLogin login;
  Read(view, "user", login.user);
  Read(view, "database", login.database);
  login.passfile = build.ExistingFile(view, "passfile");
  return login;
}

void CheckDatabaseSockets(Build& build, const View& view, const std::string& service) {
  for (const topology::Site& site : build.config.topology.sites) {
    const auto offered = site.services.find(service);
    if (offered == site.services.end()) continue;
    for (const topology::Endpoint& endpoint : offered->second) {
      const std::string_view address = endpoint.address;
      if (!address.starts_with("unix:") || IsDatabaseSocket(address)) continue;
      build.Error(view.place(), view.path(),
                  Format("{} is no socket of PostgreSQL; expected one named .s.PGSQL.PORT",
                         Quote(address)));
      return;
    }
  }
}

void BuildHealthChecks(Build& build) {
  for (const auto& [name, view] : build.health_checks) {
    if (!view) continue;
    build.config.topology.health_checks.push_back(BuildHealthCheck(build, name, view));
  }
}

void ResolveChecks(Build& build) {
  for (HealthCheck& check : build.config.topology.health_checks) {
    const bool own = check.tls.has_value();
    for (const Service& service : build.config.topology.services) {
      if (service.health_check != check.name) continue;
      const View view = build.services.find(service.name)->second["health_check"];
      WarnOfPlainCheck(build, view, service, check);
      if (!own) TakeAfterBackend(build, view, service, check);
    }
    const bool inherited = check.tls && !own;
    const bool needs = check.type == CheckType::kTls || check.type == CheckType::kHttps;
    if (needs && !check.tls) check.tls.emplace();
    CheckTargets(build, check, inherited);
  }
}

}  // namespace meridian::config
