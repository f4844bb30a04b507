// A configuration as JSON, in the shape of CONFIG.md; see views.h. What may be secret is masked:
// header values of rules whose name speaks of a credential. Keys and tokens are files, of which
// only the path is known here.
#include <array>

#include "admin/json_value.h"
#include "admin/masks.h"
#include "admin/route_json.h"
#include "admin/views.h"

namespace meridian::admin {
namespace {

template <class Number>
Json Bound(const std::optional<Number>& value) {
  return value ? Json(*value) : Json("unlimited");
}

Json Bound(const std::optional<Duration>& value) {
  return value ? Json(FormatDuration(*value)) : Json("unlimited");
}

Json Auto(uint64_t value) {
  return value == 0 ? Json("auto") : Json(value);
}

Json FileOr(const std::string& path, const char* otherwise) {
  return path.empty() ? Json(otherwise) : Json(path);
}

Json Value(const config::Process& process) {
  return {{"workers", Auto(process.workers)},
          {"state_directory", process.state_directory},
          {"drain_timeout", FormatDuration(process.drain_timeout)},
          {"max_connections", Auto(process.max_connections)},
          {"startup_grace", FormatDuration(process.startup_grace)},
          {"session_table", process.session_table},
          {"client_table", process.client_table}};
}

Json Value(const config::Log& log) {
  static constexpr std::array<const char*, 5> kLevels{"trace", "debug", "info", "warn", "error"};
  return {{"level", kLevels[static_cast<size_t>(log.level)]},
          {"format", log.json ? "json" : "text"},
          {"access",
           {{"path", log.access.path.empty() ? "off" : log.access.path},
            {"format", log.access.combined ? "combined" : "json"}}}};
}

Json Value(const config::Place& place) {
  Json json = Json::object();
  if (place.latitude) json["latitude"] = *place.latitude;
  if (place.longitude) json["longitude"] = *place.longitude;
  if (!place.country.empty()) json["country"] = place.country;
  if (!place.continent.empty()) json["continent"] = place.continent;
  if (!place.subdivision.empty()) json["subdivision"] = place.subdivision;
  if (place.asn) json["asn"] = *place.asn;
  return json;
}

Json Value(const config::Geo& geo) {
  Json networks = Json::object();
  for (const auto& [prefix, place] : geo.networks) networks[prefix.ToString()] = Value(place);
  Json json = {{"databases", geo.databases}, {"networks", std::move(networks)}};
  if (geo.default_place) json["default"] = Value(*geo.default_place);
  return json;
}

Json Value(const std::optional<topology::BackendTls>& tls) {
  if (!tls) return "off";
  return {{"server_name", tls->server_name},
          {"ca", FileOr(tls->ca, "system")},
          {"certificate", FileOr(tls->certificate, "none")},
          {"key", FileOr(tls->key, "none")},
          {"verify", tls->verify}};
}

void AddLogin(const topology::DatabaseLogin& login, Json& json) {
  json["user"] = login.user;
  json["database"] = login.database;
  json["passfile"] = FileOr(login.passfile, "none");
}

Json Value(const topology::HealthCheck& check) {
  using topology::CheckType;
  Json json = {{"type", topology::Name(check.type)}};
  if (check.type == CheckType::kNone) return json;
  if (check.port != 0) json["port"] = check.port;
  if (check.type == CheckType::kHttp || check.type == CheckType::kHttps) {
    json["path"] = check.path;
    json["method"] = check.method;
    if (!check.host.empty()) json["host"] = check.host;
    for (const auto& [name, value] : check.headers) json["headers"][name] = "***";
    json["protocol"] = check.http2 ? "http2" : "http1";
    json["expect"] = std::to_string(check.expect_low) + "-" + std::to_string(check.expect_high);
    if (!check.expect_body.empty()) json["expect_body"] = check.expect_body;
  }
  if (check.type == CheckType::kGrpc) json["service"] = check.grpc_service;
  if (check.type == CheckType::kPostgresql) {
    AddLogin(check.login, json);
    json["role"] = topology::Name(check.role);
  }
  if (check.tls) json["tls"] = Value(check.tls);
  if (check.agent_port != 0) json["agent_port"] = check.agent_port;
  json["interval"] = FormatDuration(check.interval);
  json["fast_interval"] = FormatDuration(check.fast_interval);
  json["timeout"] = FormatDuration(check.timeout);
  json["rise"] = check.rise;
  json["fall"] = check.fall;
  return json;
}

Json Value(const topology::Site& site) {
  Json services = Json::object();
  for (const auto& [name, endpoints] : site.services) {
    Json& list = services[name] = Json::array();
    for (const topology::Endpoint& endpoint : endpoints) {
      list.push_back({{"address", endpoint.address}, {"weight", endpoint.weight}});
      if (endpoint.priority != 0) list.back()["priority"] = endpoint.priority;
      if (!endpoint.name.empty()) list.back()["name"] = endpoint.name;
    }
  }
  Json names = Json::object();
  for (const auto& [service, templates] : site.names) {
    for (const topology::EndpointName& name : templates) names[service].push_back(name.ToString());
  }
  return {{"latitude", site.latitude},
          {"longitude", site.longitude},
          {"country", site.country},
          {"continent", site.continent},
          {"weight", site.weight},
          {"bias", site.bias},
          {"capacity", Bound(site.capacity)},
          {"services", std::move(services)},
          {"names", std::move(names)}};
}

Json Value(const topology::Match& match) {
  Json json = Json::object();
  if (!match.country.empty()) json["country"] = match.country;
  if (!match.continent.empty()) json["continent"] = match.continent;
  if (!match.subdivision.empty()) json["subdivision"] = match.subdivision;
  if (!match.asn.empty()) json["asn"] = match.asn;
  if (!match.network.empty()) json["network"] = match.network;
  for (const auto& [name, value] : match.header) {
    json["header"][name] = Masked(name, value);
  }
  return json;
}

Json Value(const topology::SessionPolicy& session) {
  return {{"by", topology::Name(session.by)},
          {"name", session.name},
          {"scope", topology::Name(session.scope)},
          {"ttl", FormatDuration(session.ttl)},
          {"key_file", FileOr(session.key_file, "none")},
          {"on_failure", session.on_failure == topology::OnFailure::kRepin ? "repin" : "reject"},
          {"on_recovery", session.on_recovery == topology::OnRecovery::kStay ? "stay" : "return"},
          {"source_prefix", {session.source_prefix_v4, session.source_prefix_v6}}};
}

Json Value(const topology::Outliers& outliers) {
  return {{"consecutive_errors", outliers.consecutive_errors},
          {"error_rate", outliers.error_rate},
          {"window", FormatDuration(outliers.window)},
          {"eject_for", FormatDuration(outliers.eject_for)},
          {"max_ejected", outliers.max_ejected}};
}

Json Value(const topology::Timeouts& timeouts) {
  const auto& race = timeouts.race_after;
  return {{"connect", FormatDuration(timeouts.connect)},
          {"race_after", race ? FormatDuration(*race) : "auto"},
          {"response", FormatDuration(timeouts.response)},
          {"idle", FormatDuration(timeouts.idle)},
          {"session", FormatDuration(timeouts.session)}};
}

std::string HedgeAfter(const topology::RetryPolicy& retries) {
  if (retries.hedge_p99) return "p99";
  return retries.hedge_after ? FormatDuration(*retries.hedge_after) : "off";
}

Json Value(const topology::RetryPolicy& retries) {
  return {{"attempts", retries.attempts},
          {"on", RetryReasons(retries)},
          {"budget", retries.budget},
          {"hedge_after", HedgeAfter(retries)}};
}

Json Rules(const std::vector<topology::Rule>& rules) {
  Json list = Json::array();
  for (const topology::Rule& rule : rules) {
    list.push_back({{"match", Value(rule.match)}, {"sites", rule.sites}, {"strict", rule.strict}});
  }
  return list;
}

Json Value(const topology::ReplicationCheck& check, Duration interval) {
  if (check.postgresql) {
    Json json = {{"type", "postgresql"},
                 {"port", Auto(check.port)},
                 {"interval", FormatDuration(interval)},
                 {"timeout", FormatDuration(check.timeout)}};
    AddLogin(check.login, json);
    return json;
  }
  const topology::StatusPointers& pointers = check.pointers;
  return {{"type", "http"},
          {"port", Auto(check.port)},
          {"path", check.path},
          {"interval", FormatDuration(interval)},
          {"timeout", FormatDuration(check.timeout)},
          {"pointers",
           {{"role", pointers.role},
            {"lag_seconds", pointers.lag_seconds},
            {"backlog_bytes", pointers.backlog_bytes},
            {"epoch", pointers.epoch},
            {"reconciled", pointers.reconciled},
            {"source_connected", pointers.source_connected},
            {"position_bytes", pointers.position_bytes}}}};
}

void AddRecovery(const topology::DisasterRecovery& recovery, Json& json) {
  json["primary"] = recovery.primary;
  json["standby"] = recovery.standby;
  if (recovery.check) {
    json["replication"]["check"] = Value(*recovery.check, recovery.status_interval);
  }
  json["replication"]["max_lag"] = FormatDuration(recovery.max_lag);
  json["replication"]["max_backlog"] = Bound(recovery.max_backlog);
  json["reads"] = recovery.reads == topology::Reads::kNearest ? "nearest" : "active";
  json["failover"] = {{"automatic", recovery.automatic},
                      {"after", FormatDuration(recovery.after)},
                      {"cooldown", FormatDuration(recovery.cooldown)},
                      {"switch_hold", FormatDuration(recovery.switch_hold)}};
  const bool automatic = recovery.failback == topology::FailbackMode::kAutomatic;
  json["failback"] = {{"mode", automatic ? "automatic" : "manual"},
                      {"hold", FormatDuration(recovery.hold)}};
}

Json Value(const topology::Service& service) {
  const auto& most = service.backend.max_connections;
  const bool http2 = service.backend.protocol == topology::BackendProtocol::kHttp2;
  static constexpr std::array kProxyVersions{"off", "v1", "v2"};
  Json json = {{"mode", topology::Name(service.mode)},
               {"steering", topology::Name(service.steering)},
               {"order", service.order},
               {"rules", Rules(service.rules)},
               {"balance", topology::Name(service.balance)},
               {"session", Value(service.session)},
               {"health_check", FileOr(service.health_check, "none")},
               {"outliers", Value(service.outliers)},
               {"overprovision", service.overprovision},
               {"panic", service.panic == topology::Panic::kRoute ? "route" : "reject"},
               {"on_down", service.on_down == topology::OnDown::kClose ? "close" : "keep"},
               {"min_healthy", service.min_healthy},
               {"slow_start", FormatDuration(service.slow_start)},
               {"timeouts", Value(service.timeouts)},
               {"retries", Value(service.retries)},
               {"backend",
                {{"protocol", http2 ? "http2" : "http1"},
                 {"tls", Value(service.backend.tls)},
                 {"max_idle", service.backend.max_idle},
                 {"proxy_protocol", kProxyVersions[service.backend.proxy_protocol]},
                 {"max_connections", most ? Json(*most) : Json("unlimited")},
                 {"warm", service.backend.warm},
                 {"warm_greeting", service.backend.warm_greeting}}}};
  if (service.disaster_recovery) AddRecovery(*service.disaster_recovery, json);
  return json;
}

Json Value(const std::optional<config::ListenerTls>& tls) {
  if (!tls) return "off";
  Json certificates = Json::array();
  for (const config::ListenerCertificate& files : tls->certificates) {
    certificates.push_back({{"certificate", files.certificate},
                            {"key", files.key},
                            {"ocsp", FileOr(files.ocsp, "none")}});
  }
  return {{"certificates", std::move(certificates)},
          {"min_version", tls->only_tls13 ? "1.3" : "1.2"},
          {"alpn", tls->alpn},
          {"client_ca", FileOr(tls->client_ca, "none")},
          {"ticket_key_file", FileOr(tls->ticket_key_file, "none")}};
}

Json Value(const config::Listener& listener) {
  static constexpr std::array<const char*, 3> kProxyProtocol{"off", "accept", "require"};
  Json bind = Json::array();
  for (const net::Address& address : listener.bind) bind.push_back(address.ToString());
  Json json = {{"bind", std::move(bind)}, {"protocol", config::Name(listener.protocol)}};
  if (!listener.service.empty()) json["service"] = listener.service;
  for (const config::Route& route : listener.routes) {
    json["routes"].push_back(RouteJson(route, listener.protocol));
  }
  if (listener.allow) json["allow"] = Value(*listener.allow);
  if (listener.deny) json["deny"] = Value(*listener.deny);
  Json trusted = Json::array();
  for (const net::Prefix& prefix : listener.trusted_proxies) trusted.push_back(prefix.ToString());
  json["trusted_proxies"] = std::move(trusted);
  if (listener.protocol == config::Protocol::kHttp)
    json["via"] = listener.via.empty() ? "off" : listener.via;
  json["proxy_protocol"] = kProxyProtocol[static_cast<size_t>(listener.proxy_protocol)];
  json["tls"] = Value(listener.tls);
  json["freebind"] = listener.socket.freebind;
  if (listener.protocol != config::Protocol::kUdp) {
    json["backlog"] = listener.socket.backlog;
    json["fast_open"] = listener.socket.fast_open;
    json["defer_accept"] = listener.socket.defer_accept;
  }
  json["limits"] = {{"header_size", listener.limits.header_bytes},
                    {"headers", listener.limits.headers},
                    {"body_size", Bound(listener.limits.body_bytes)},
                    {"header_timeout", FormatDuration(listener.limits.header_timeout)},
                    {"body_timeout", Bound(listener.limits.body_timeout)},
                    {"min_rate", Bound(listener.limits.min_rate)},
                    {"accept_rate", Bound(listener.limits.accept_rate)},
                    {"rate", "unlimited"},
                    {"connections", Bound(listener.limits.connections)},
                    {"connections_per_client", Bound(listener.limits.connections_per_client)},
                    {"requests_per_connection", Bound(listener.limits.requests_per_connection)},
                    {"sessions", listener.limits.sessions}};
  if (const auto& rate = listener.limits.rate) {
    json["limits"]["rate"] = rate->per_second;
    json["limits"]["rate_burst"] = rate->burst;
    json["limits"]["rate_by"] = rate->header.empty() ? "client" : "header:" + rate->header;
  }
  return json;
}

Json Value(const topology::ResolverPolicy& resolver) {
  return {{"servers", resolver.servers.empty() ? Json("system") : Json(resolver.servers)},
          {"timeout", FormatDuration(resolver.timeout)},
          {"attempts", resolver.attempts},
          {"min_ttl", FormatDuration(resolver.min_ttl)},
          {"max_ttl", FormatDuration(resolver.max_ttl)}};
}

Json Value(const config::Admin& admin) {
  return {{"socket", admin.socket},
          {"http", admin.http ? Json(admin.http->ToString()) : Json("off")},
          {"token_file", FileOr(admin.token_file, "none")}};
}

Json HookJson(const config::Hook& hook) {
  return {{"on_event", hook.on_event},
          {"service", hook.service},
          {"run", hook.run},
          {"gate", hook.gate},
          {"timeout", FormatDuration(hook.timeout)},
          {"queue", hook.queue},
          {"at_once", hook.at_once}};
}

}  // namespace

std::string ConfigJson(const snapshot::Snapshot& snapshot) {
  const config::Config& config = snapshot.config;
  Json json = {{"process", Value(config.process)},  {"log", Value(config.log)},
               {"geo", Value(config.geo)},          {"health_checks", Json::object()},
               {"regions", Json::object()},         {"services", Json::object()},
               {"listeners", Json::object()},       {"admin", Value(config.admin)},
               {"resolver", Value(config.resolver)}};
  for (const topology::HealthCheck& check : config.topology.health_checks) {
    json["health_checks"][check.name] = Value(check);
  }
  for (const topology::Site& site : config.topology.sites) {
    json["regions"][site.region]["sites"][site.name] = Value(site);
  }
  for (const topology::Service& service : config.topology.services) {
    json["services"][service.name] = Value(service);
  }
  for (const config::Listener& listener : config.listeners) {
    json["listeners"][listener.name] = Value(listener);
  }
  for (const config::Hook& hook : config.hooks) json["hooks"][hook.name] = HookJson(hook);
  return Dump(json);
}

}  // namespace meridian::admin
