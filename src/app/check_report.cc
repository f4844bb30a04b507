// See check_report.h.
#include "check_report.h"

#include <meridian/admin/json.h>
#include <meridian/base/format.h>
#include <meridian/base/text.h>

#include "json_text.h"
#include "route_text.h"
#include "worst_case.h"

namespace meridian::app {
namespace {

std::string Count(size_t count, const char* what) {
  return Format("{} {}{}", count, what, count == 1 ? "" : "s");
}

std::string DescribeTls(const config::ListenerTls& tls) {
  std::string text = Format("\n      tls {} and later, {}", tls.only_tls13 ? "1.3" : "1.2",
                            Count(tls.certificates.size(), "certificate"));
  for (const std::string& protocol : tls.alpn) text += ", " + protocol;
  if (!tls.client_ca.empty()) text += ", client certificates required";
  return text;
}

std::string DescribeListener(const config::Listener& listener) {
  std::string text = Format("  {:<12} {:<5}", listener.name, config::Name(listener.protocol));
  for (const net::Address& bind : listener.bind) text += " " + bind.ToString();
  const std::string tls = listener.tls ? DescribeTls(*listener.tls) : std::string();
  if (listener.routes.empty()) return text + " → " + listener.service + tls;
  for (const config::Route& route : listener.routes) {
    text += "\n      " + DescribeRoute(route, listener.protocol);
  }
  return text + tls;
}

std::string DescribeSession(const topology::SessionPolicy& session) {
  std::string text = topology::Name(session.by);
  if (session.by == topology::SessionBy::kNone) return text;
  if (!session.name.empty()) text += " " + session.name;
  return Format("{} to the {}", text, topology::Name(session.scope));
}

std::string Question(const topology::HealthCheck& check) {
  switch (check.type) {
    case topology::CheckType::kHttp:
    case topology::CheckType::kHttps:
      return Format("{} {}{}", check.method, check.path, check.http2 ? " over HTTP/2" : "");
    case topology::CheckType::kGrpc:
      return check.grpc_service.empty() ? "server" : check.grpc_service;
    case topology::CheckType::kPostgresql:
      return Format("role {}", topology::Name(check.role));
    case topology::CheckType::kAgent:
      return "line";
    case topology::CheckType::kNone:
    case topology::CheckType::kTcp:
    case topology::CheckType::kTls:
      break;
  }
  return "connect";
}

std::string DescribeChecks(const topology::Topology& topology, const std::string& name) {
  for (const topology::HealthCheck& check : topology.health_checks) {
    if (check.name != name || check.type == topology::CheckType::kNone) continue;
    const std::string agent =
        check.agent_port == 0 ? "" : Format(", agent on port {}", check.agent_port);
    return Format("{} {} every {}, {} when in doubt, down after {} failures{}",
                  topology::Name(check.type), Question(check), FormatDuration(check.interval),
                  FormatDuration(check.fast_interval), check.fall, agent);
  }
  return "none: a dead endpoint is found by the clients that meet it";
}

std::string DescribeSites(const topology::Topology& topology, const std::string& service) {
  std::string text;
  for (const topology::Site& site : topology.sites) {
    const auto offered = site.services.find(service);
    if (offered == site.services.end()) continue;
    std::string endpoints;
    const auto names = site.names.find(service);
    if (names == site.names.end() || !offered->second.empty()) {
      endpoints = Count(offered->second.size(), "endpoint");
    }
    if (names != site.names.end()) {
      for (const topology::EndpointName& name : names->second) {
        endpoints += (endpoints.empty() ? "" : ", ") + name.ToString() + " by name";
      }
    }
    text += Format("{}{} ({})", text.empty() ? "" : ", ", site.name, endpoints);
  }
  return text;
}

std::string DescribeFailover(const WorstCase& worst) {
  if (!worst.failover_silent) return "      failover  by an operator alone\n";
  return Format(
      "      failover  a dead active site is replaced after at most {} (black hole), {} (connect "
      "refused),\n                if a standby is within its limits\n",
      FormatSeconds(*worst.failover_silent), FormatSeconds(*worst.failover_refused));
}

std::string DescribeRecovery(const topology::DisasterRecovery& recovery) {
  std::string text = Format("      active    {}, then", recovery.primary);
  for (const std::string& standby : recovery.standby) text += " " + standby;
  text += Format("; lag at most {}", FormatDuration(recovery.max_lag));
  if (recovery.max_backlog) text += Format(", backlog {} bytes", *recovery.max_backlog);
  return text + "\n";
}

std::string DescribeWorstCase(const topology::Topology& topology,
                              const topology::Service& service) {
  const WorstCase worst = ComputeWorstCase(topology, service);
  if (service.disaster_recovery) return DescribeFailover(worst);
  if (worst.sites < 2) {
    return "      failover  none: no other site offers it, a dead site is an outage\n";
  }
  std::string text = Format(
      "      failover  a dead site costs a new client at most {} (black hole), {} (connect "
      "refused)\n",
      FormatSeconds(worst.client_silent), FormatSeconds(worst.client_refused));
  if (worst.checks_silent) {
    text += Format(
        "                and is out of rotation by checks alone after at most {} (black hole), {} "
        "(refused)\n",
        FormatSeconds(*worst.checks_silent), FormatSeconds(*worst.checks_refused));
  }
  return text;
}

std::string DescribeService(const topology::Topology& topology, const topology::Service& service) {
  std::string text =
      Format("  {}: {}, steering {}, balance {}\n", service.name, topology::Name(service.mode),
             topology::Name(service.steering), topology::Name(service.balance));
  text += Format("      sites     {}\n", DescribeSites(topology, service.name));
  if (service.disaster_recovery) text += DescribeRecovery(*service.disaster_recovery);
  text += Format("      session   {}\n", DescribeSession(service.session));
  text += Format("      checks    {}\n", DescribeChecks(topology, service.health_check));
  if (const auto& tls = service.backend.tls) {
    text += Format("      backends  by TLS, {}\n", !tls->verify ? "not verified"
                                                   : tls->server_name.empty()
                                                       ? "verified by address"
                                                       : "verified as " + tls->server_name);
  }
  if (!service.rules.empty()) {
    size_t strict = 0;
    for (const topology::Rule& rule : service.rules) strict += rule.strict ? 1 : 0;
    text += Format("      rules     {}, {} strict\n", service.rules.size(), strict);
  }
  return text + DescribeWorstCase(topology, service);
}

std::string DescribeGeo(const snapshot::Snapshot& snapshot) {
  std::string text;
  for (const geo::DatabaseReport& database : snapshot.locator->databases()) {
    text += Format("  {:<24} {} networks, IPv{}  {}\n", database.type,
                   GroupThousands(database.network_count),
                   database.ip_version == 6 ? "4 and IPv6" : "4", database.path);
  }
  const config::Geo& geo = snapshot.config.geo;
  if (!geo.networks.empty())
    text += Format("  {} of its own\n", Count(geo.networks.size(), "network"));
  if (geo.default_place) text += "  a default for clients of unknown place\n";
  return text.empty() ? "  none: every client's place is unknown\n" : text;
}

std::string ServiceJson(const topology::Topology& topology, const topology::Service& service) {
  const WorstCase worst = ComputeWorstCase(topology, service);
  const auto seconds = [](Duration duration) {
    return Format("{}", std::chrono::duration<double>(duration).count());
  };
  const auto seconds_or_null = [&](const std::optional<Duration>& duration) {
    return duration ? seconds(*duration) : std::string("null");
  };
  std::vector<std::string> sites;
  for (const topology::Site& site : topology.sites) {
    if (site.services.contains(service.name)) sites.push_back(site.name);
  }
  return Format(
      "{{\"name\":{},\"mode\":{},\"steering\":{},\"sites\":{},\"worst_case_seconds\":"
      "{{\"client_refused\":{},\"client_silent\":{},\"checks_refused\":{},\"checks_silent\":{},"
      "\"failover_refused\":{},\"failover_silent\":{}}}}}",
      JsonQuote(service.name), JsonQuote(topology::Name(service.mode)),
      JsonQuote(topology::Name(service.steering)), JsonArray(sites), seconds(worst.client_refused),
      seconds(worst.client_silent), seconds_or_null(worst.checks_refused),
      seconds_or_null(worst.checks_silent), seconds_or_null(worst.failover_refused),
      seconds_or_null(worst.failover_silent));
}

}  // namespace

CheckOutcome CheckFile(const std::string& path) {
  CheckOutcome outcome;
  outcome.loaded = config::LoadFile(path);
  if (!outcome.loaded.config) return outcome;
  // The registry belongs to the trial: the tables point into it, so it lives as long as they do.
  struct Trial {
    health::Registry registry;
    snapshot::SnapshotPtr snapshot;
  };
  auto trial = std::make_shared<Trial>();
  snapshot::Keys keys;
  outcome.compiled = snapshot::Compile(*outcome.loaded.config, 1, trial->registry, keys);
  trial->snapshot = std::move(outcome.compiled.snapshot);
  if (trial->snapshot) {
    outcome.compiled.snapshot = snapshot::SnapshotPtr(trial, trial->snapshot.get());
  }
  return outcome;
}

std::string DescribeDiagnostics(const CheckOutcome& outcome) {
  std::string text;
  for (const config::Diagnostic& diagnostic : outcome.loaded.diagnostics) {
    text += diagnostic.ToString() + "\n";
  }
  const std::string file = outcome.loaded.files.empty() ? "" : outcome.loaded.files[0] + ": ";
  for (const std::string& error : outcome.compiled.errors) text += file + "error: " + error + "\n";
  for (const std::string& warning : outcome.compiled.warnings) {
    text += file + "warning: " + warning + "\n";
  }
  return text +
         Format("{}, {}\n", Count(outcome.errors(), "error"), Count(outcome.warnings(), "warning"));
}

std::string DescribePlan(const snapshot::Snapshot& snapshot) {
  const topology::Topology& topology = snapshot.config.topology;
  std::string text = "listeners\n";
  for (const config::Listener& listener : snapshot.config.listeners) {
    text += DescribeListener(listener) + "\n";
  }
  text += "services\n";
  for (const topology::Service& service : topology.services) {
    text += DescribeService(topology, service);
  }
  return text + "geo\n" + DescribeGeo(snapshot);
}

std::string CheckJson(const CheckOutcome& outcome) {
  std::string services;
  if (outcome.compiled.snapshot) {
    const topology::Topology& topology = outcome.compiled.snapshot->config.topology;
    for (const topology::Service& service : topology.services) {
      services += (services.empty() ? "" : ",") + ServiceJson(topology, service);
    }
  }
  return Format(
      "{{\"errors\":{},\"warnings\":{},\"diagnostics\":{},\"compile_errors\":{},"
      "\"compile_warnings\":{},\"services\":[{}]}}\n",
      outcome.errors(), outcome.warnings(), admin::ToJson(outcome.loaded.diagnostics),
      JsonArray(outcome.compiled.errors), JsonArray(outcome.compiled.warnings), services);
}

}  // namespace meridian::app
