// services: policies, what they refer to, and how much failure each can take.
#include "config/build.h"

#include "config/values.h"

#include <meridian/base/format.h>
#include <meridian/base/text.h>

#include <set>

namespace meridian::config {
namespace {

using topology::OnRecovery;
using topology::Service;
using topology::SessionBy;
using topology::SessionPolicy;

std::vector<std::string> ReadList(const View& map, std::string_view key) {
  std::vector<std::string> out;
  for (const View& entry : map[key].Entries()) out.push_back(entry.text());
  return out;
}

}  // namespace

topology::Match BuildMatch(const View& view) {
  topology::Match match;
  match.country = ReadList(view, "country");
  match.continent = ReadList(view, "continent");
  match.subdivision = ReadList(view, "subdivision");
  match.network = ReadList(view, "network");
  for (const View& asn : view["asn"].Entries()) {
    match.asn.push_back(static_cast<uint32_t>(ParseUnsigned(asn.text()).value_or(0)));
  }
  for (const auto& [name, value] : view["header"].Named()) {
    match.header.emplace_back(name, value.text());
  }
  return match;
}

namespace {

topology::Rule BuildRule(Build& build, const std::string& service, const View& view) {
  topology::Rule rule;
  rule.match = BuildMatch(view["match"]);
  const View sites = view["sites"];
  rule.sites = ReadSites(build, sites);
  Read(view, "strict", rule.strict);
  const bool offered = std::any_of(
      build.config.topology.sites.begin(), build.config.topology.sites.end(),
      [&](const topology::Site& site) {
        return site.services.contains(service) &&
               std::find(rule.sites.begin(), rule.sites.end(), site.name) != rule.sites.end();
      });
  if (!rule.sites.empty() && !offered) {
    build.Warning(sites.place(), sites.path(),
                  rule.strict ? "none of these sites offers the service: these clients get errors"
                              : "none of these sites offers the service: the rule has no effect");
  }
  return rule;
}

void ReadByteRange(Build& build, const View& by, SessionPolicy& session) {
  const auto range = ParseByteRange(session.name);
  if (!range) {
    build.Error(by.place(), by.path(), "needs a range of bytes; expected such as bytes:0-7");
    return;
  }
  session.first_byte = range->first;
  session.last_byte = range->second;
}

void ReadSessionKey(Build& build, const View& view, SessionPolicy& session) {
  const View by = view["by"];
  if (!by) return;
  const auto [word, argument] = SplitArgument(by.text());
  if (word == "source") session.by = SessionBy::kSource;
  if (word == "cookie") session.by = SessionBy::kCookie;
  if (word == "header") session.by = SessionBy::kHeader;
  if (word == "query") session.by = SessionBy::kQuery;
  if (word == "sni") session.by = SessionBy::kSni;
  if (word == "sip-call-id") session.by = SessionBy::kSipCallId;
  if (word == "bytes") session.by = SessionBy::kBytes;
  if (session.by == SessionBy::kCookie) session.name = "meridian";
  if (!argument.empty()) session.name = argument;
  const View name = view["name"];
  if (name && !argument.empty() && name.text() != argument) {
    build.Error(name.place(), name.path(),
                Format("{} is not {}, which session.by says; expected one", Quote(name.text()),
                       Quote(argument)));
  }
  if (name) session.name = name.text();
  if (session.by == SessionBy::kBytes) ReadByteRange(build, by, session);
  const bool is_query = session.by == SessionBy::kQuery;
  const bool needs_name = is_query || session.by == SessionBy::kHeader;
  if (needs_name && session.name.empty() && !view.Has("name")) {
    build.Error(by.place(), view.path() + ".name",
                is_query ? "is required for sessions by query: the parameter's name"
                         : "is required for sessions by header: the header's name");
  }
}

SessionPolicy BuildSession(Build& build, const View& view) {
  SessionPolicy session;
  ReadSessionKey(build, view, session);
  ReadWord(
      view, "scope", session.scope,
      {{"site", topology::SessionScope::kSite}, {"endpoint", topology::SessionScope::kEndpoint}});
  Read(view, "ttl", session.ttl);
  session.key_file = build.ExistingFile(view, "key_file");
  ReadWord(view, "on_failure", session.on_failure,
           {{"repin", topology::OnFailure::kRepin}, {"reject", topology::OnFailure::kReject}});
  const bool is_cookie = session.by == SessionBy::kCookie;
  const bool is_none = session.by == SessionBy::kNone;
  session.on_recovery = is_cookie || is_none ? OnRecovery::kStay : OnRecovery::kReturn;
  ReadWord(view, "on_recovery", session.on_recovery,
           {{"stay", OnRecovery::kStay}, {"return", OnRecovery::kReturn}});
  Read(view, "source_prefix_v4", session.source_prefix_v4);
  Read(view, "source_prefix_v6", session.source_prefix_v6);
  return session;
}

topology::RetryPolicy BuildRetries(Build& build, const View& view) {
  topology::RetryPolicy retries;
  Read(view, "attempts", retries.attempts);
  Read(view, "budget", retries.budget);
  if (const View on = view["on"]) ReadRetryReasons(on, retries);
  const View hedge = view["hedge_after"];
  if (!hedge || hedge.text() == "off") return retries;
  retries.hedge_p99 = hedge.text() == "p99";
  if (!retries.hedge_p99) Read(view, "hedge_after", retries.hedge_after.emplace());
  if (retries.attempts == 0) {
    build.Warning(hedge.place(), hedge.path(), "has no effect with attempts: 0");
  }
  return retries;
}

// What keeps connections from being opened ahead.
void CheckWarm(Build& build, const View& backend, const Service& service) {
  const topology::BackendPolicy& policy = service.backend;
  const View warm = backend["warm"], greeting = backend["warm_greeting"];
  if (policy.warm == 0) {
    if (policy.warm_greeting) {
      build.Warning(greeting.at(), greeting.path(), "has no effect without warm");
    }
    return;
  }
  if (policy.protocol == topology::BackendProtocol::kHttp2) {
    build.Error(warm.at(), warm.path(),
                "is not for protocol http2, whose requests share a connection");
  }
  if (policy.tls && policy.proxy_protocol != 0) {
    build.Error(warm.at(), warm.path(),
                "is not possible with tls and proxy_protocol: the header, which names the client, "
                "stands before the handshake");
  }
}

void ReadPolicies(const View& view, Service& service) {
  using topology::Balance;
  using topology::Steering;
  ReadWord(view, "steering", service.steering,
           {{"nearest", Steering::kNearest},
            {"latency", Steering::kLatency},
            {"weighted", Steering::kWeighted},
            {"random", Steering::kRandom},
            {"ordered", Steering::kOrdered}});
  ReadWord(view, "balance", service.balance,
           {{"least-connections", Balance::kLeastConnections},
            {"round-robin", Balance::kRoundRobin},
            {"hash", Balance::kHash},
            {"random", Balance::kRandom}});
  ReadWord(view, "panic", service.panic,
           {{"route", topology::Panic::kRoute}, {"reject", topology::Panic::kReject}});
  ReadWord(view, "on_down", service.on_down,
           {{"close", topology::OnDown::kClose}, {"keep", topology::OnDown::kKeep}});
  Read(view, "overprovision", service.overprovision);
  Read(view, "min_healthy", service.min_healthy);
  Read(view, "slow_start", service.slow_start);
}

void ReadBounds(Build& build, const View& view, Service& service) {
  const View outliers = view["outliers"];
  Read(outliers, "consecutive_errors", service.outliers.consecutive_errors);
  Read(outliers, "error_rate", service.outliers.error_rate);
  Read(outliers, "window", service.outliers.window);
  Read(outliers, "eject_for", service.outliers.eject_for);
  Read(outliers, "max_ejected", service.outliers.max_ejected);
  const View timeouts = view["timeouts"];
  Read(timeouts, "connect", service.timeouts.connect);
  Read(timeouts, "race_after", service.timeouts.race_after);
  Read(timeouts, "response", service.timeouts.response);
  Read(timeouts, "idle", service.timeouts.idle);
  Read(timeouts, "session", service.timeouts.session);
  const View backend = view["backend"];
  ReadWord(
      backend, "protocol", service.backend.protocol,
      {{"http1", topology::BackendProtocol::kHttp1}, {"http2", topology::BackendProtocol::kHttp2}});
  ReadWord(backend, "proxy_protocol", service.backend.proxy_protocol,
           {{"off", uint8_t{0}}, {"v1", uint8_t{1}}, {"v2", uint8_t{2}}});
  Read(backend, "max_idle", service.backend.max_idle);
  Read(backend, "max_connections", service.backend.max_connections);
  Read(backend, "warm", service.backend.warm);
  Read(backend, "warm_greeting", service.backend.warm_greeting);
  service.retries = BuildRetries(build, view["retries"]);
}

// How many sites have endpoints for it; fewer than three leave no safety net after one failure.
void CheckRedundancy(Build& build, const Service& service, const View& view) {
  size_t offering = 0;
  for (const auto& [site, site_view] : build.sites) {
    offering += Offers(build, site, service.name) ? 1 : 0;
  }
  if (offering == 0) {
    build.Error(view.at(), view.path(),
                "no site has endpoints for it; expected them under regions.*.sites.*.services");
  } else if (offering < 3 && service.mode == topology::Mode::kDistributed) {
    build.Warning(view.at(), view.path(),
                  Format("only {} offer{} it: no safety net after one failure; expected three or "
                         "more",
                         offering == 1 ? "one site" : "two sites", offering == 1 ? "s" : ""));
  }
}

Service BuildService(Build& build, const std::string& name, const View& view) {
  Service service;
  service.name = name;
  ReadPolicies(view, service);
  ReadBounds(build, view, service);
  const View order = view["order"];
  service.order = ReadSites(build, order);
  if (order && service.steering != topology::Steering::kOrdered) {
    build.Warning(order.at(), order.path(),
                  Format("has no effect with steering {}", topology::Name(service.steering)));
  }
  for (const View& rule : view["rules"].Entries()) {
    service.rules.push_back(BuildRule(build, name, rule));
  }
  service.session = BuildSession(build, view["session"]);
  if (const View tls = view["backend"]["tls"]; tls && !tls.is_scalar()) {
    service.backend.tls = BuildClientTls(build, tls);
    CheckVerifiable(build, tls, name, *service.backend.tls);
  }
  CheckWarm(build, view["backend"], service);
  const View check = view["health_check"];
  if (check && check.text() != "none" &&
      build.Refers(check, build.health_checks, "a health check")) {
    service.health_check = check.text();
  }
  BuildRecovery(build, view, service);
  if (service.steering == topology::Steering::kLatency && service.health_check.empty()) {
    const View steering = view["steering"];
    build.Warning(steering.place(), steering.path(),
                  "without a health_check a site that takes no traffic is never measured; expected "
                  "one");
  }
  CheckRedundancy(build, service, view);
  return service;
}

}  // namespace

void ReadRetryReasons(const View& on, topology::RetryPolicy& retries) {
  retries.on_connect = retries.on_reset = retries.on_timeout = false;
  std::set<uint16_t> statuses;
  for (const View& reason : on.Entries()) {
    if (reason.text() == "connect") retries.on_connect = true;
    if (reason.text() == "reset") retries.on_reset = true;
    if (reason.text() == "timeout") retries.on_timeout = true;
    if (const auto status = ParseUnsigned(reason.text())) {
      statuses.insert(static_cast<uint16_t>(*status));
    }
  }
  retries.on_status.assign(statuses.begin(), statuses.end());
}

std::vector<std::string> ReadSites(Build& build, const View& list) {
  std::vector<std::string> out;
  for (const View& entry : list.Entries()) {
    if (!build.Refers(entry, build.sites, "a site")) continue;
    if (std::find(out.begin(), out.end(), entry.text()) != out.end()) {
      build.Error(entry.place(), entry.path(), Format("{} is listed twice", Quote(entry.text())));
      continue;
    }
    out.push_back(entry.text());
  }
  return out;
}

bool Offers(const Build& build, const std::string& site, const std::string& service) {
  const auto found = build.sites.find(site);
  if (found == build.sites.end()) return false;
  return !found->second || found->second["services"].Has(service);
}

void BuildServices(Build& build) {
  for (const auto& [name, view] : build.services) {
    if (view) build.config.topology.services.push_back(BuildService(build, name, view));
  }
}

}  // namespace meridian::config
