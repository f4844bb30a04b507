// listeners: where to accept, from whom, and within which bounds.
#include "config/build.h"
#include "config/values.h"

#include <meridian/base/format.h>
#include <meridian/base/text.h>

namespace meridian::config {

const char* Name(Protocol protocol) {
  switch (protocol) {
    case Protocol::kTcp:
      return "tcp";
    case Protocol::kHttp:
      return "http";
    case Protocol::kUdp:
      return "udp";
  }
  return "";
}

namespace {

bool RefersToService(Build& build, const View& name) {
  return build.Refers(name, build.services, "a service");
}

// What a datagram cannot be asked for, and where it cannot go.
void ReadUdpService(Build& build, const View& view, bool service_known, Listener& listener) {
  for (const char* key : {"routes", "tls", "trusted_proxies", "via", "proxy_protocol", "backlog",
                          "fast_open", "defer_accept"}) {
    const View value = view[key];
    const bool is_off =
        value && value.is_scalar() && (value.text() == "off" || value.text() == "false");
    if (!view.Has(key) || is_off) continue;
    build.Error(value ? value.at() : view.at(), view.path() + "." + key, "is nothing udp has");
  }
  for (const View& entry : view["bind"].Entries()) {
    if (!entry.text().starts_with("unix:")) continue;
    build.Error(entry.place(), entry.path(), "is no address for udp; expected IP:port");
  }
  if (!view.Has("service")) {
    build.Error(view.at(), view.path() + ".service", "is required for protocol udp");
  }
  if (!service_known) return;
  const View service = view["service"];
  listener.service = service.text();
  for (const topology::Site& site : build.config.topology.sites) {
    const auto endpoints = site.services.find(listener.service);
    if (endpoints == site.services.end()) continue;
    for (const topology::Endpoint& endpoint : endpoints->second) {
      if (!endpoint.address.starts_with("unix:")) continue;
      build.Error(
          service.place(), service.path(),
          Format("has {} at {}, which udp cannot reach", Quote(endpoint.address), site.name));
    }
  }
}

void ReadWhere(Build& build, const View& view, Listener& listener) {
  const View service = view["service"];
  const View routes = view["routes"];
  const bool service_known = service && RefersToService(build, service);
  if (listener.protocol == Protocol::kUdp)
    return ReadUdpService(build, view, service_known, listener);
  const bool is_tcp = listener.protocol == Protocol::kTcp;
  if (view.Has("service") && view.Has("routes")) {
    build.Error(service ? service.at() : view.at(), view.path() + ".service",
                "stands beside routes; expected one of the two");
  } else if (!view.Has("service") && (!view.Has("routes") || (routes && routes.size() == 0))) {
    build.Error(view.at(), view.path() + (is_tcp ? ".service" : ".routes"),
                is_tcp ? "is required for protocol tcp, or `routes` by sni or alpn"
                       : "is required for protocol http, or `service`");
  }
  if (service_known && is_tcp) listener.service = service.text();
  if (service_known && !is_tcp) listener.routes.push_back({{}, {}, service.text()});
  BuildRoutes(build, routes, listener);
}

void ReadRate(Build& build, const View& view, Limits& limits) {
  const View rate = view["rate"], by = view["rate_by"], burst = view["rate_burst"];
  std::optional<uint32_t> per_second, at_once;
  Read(view, "rate", per_second);
  Read(view, "rate_burst", at_once);
  if (!per_second) {
    for (const View& other : {by, burst}) {
      if (other && !view.Has("rate")) {
        build.Warning(other.at(), other.path(), "has no effect without rate");
      }
    }
    return;
  }
  RateLimit& limit = limits.rate.emplace();
  limit.per_second = *per_second;
  limit.burst = at_once.value_or(*per_second);
  if (limit.burst / limit.per_second >= 3600) {
    build.Error(burst.place(), burst.path(),
                Format("is more than {} requests a second make in an hour", limit.per_second));
  }
  if (!by) return;
  const auto [word, argument] = SplitArgument(by.text());
  limit.header = argument;
  if (word == "header" && argument.empty()) {
    build.Error(by.place(), by.path(), "needs the header's name; expected such as header:X-Key");
  }
}

void ReadLimits(Build& build, const View& view, Limits& limits) {
  ReadBytes(view, "header_size", limits.header_bytes);
  Read(view, "headers", limits.headers);
  if (const View body = view["body_size"]; body && body.text() != "unlimited") {
    limits.body_bytes = ParseBytes(body.text());
  }
  Read(view, "header_timeout", limits.header_timeout);
  Read(view, "body_timeout", limits.body_timeout);
  if (const View rate = view["min_rate"]; rate && rate.text() != "unlimited") {
    limits.min_rate = ParseBytes(rate.text());
  }
  ReadRate(build, view, limits);
  Read(view, "connections", limits.connections);
  Read(view, "connections_per_client", limits.connections_per_client);
  Read(view, "requests_per_connection", limits.requests_per_connection);
  Read(view, "sessions", limits.sessions);
  Read(view, "accept_rate", limits.accept_rate);
}

// Those of TCP and IP have no meaning for a file in the file system.
void ReadSocket(Build& build, const View& view, Listener& listener) {
  ListenSocket& socket = listener.socket;
  Read(view, "backlog", socket.backlog);
  Read(view, "freebind", socket.freebind);
  Read(view, "fast_open", socket.fast_open);
  Read(view, "defer_accept", socket.defer_accept);
  const bool only_files =
      !listener.bind.empty() &&
      std::all_of(listener.bind.begin(), listener.bind.end(),
                  [](const net::Address& address) { return address.is_unix(); });
  if (!only_files) return;
  const std::pair<const char*, bool> given[] = {{"freebind", socket.freebind},
                                                {"fast_open", socket.fast_open},
                                                {"defer_accept", socket.defer_accept}};
  for (const auto& [key, is_on] : given) {
    if (is_on) build.Warning(view[key].at(), view[key].path(), "has no effect on a Unix socket");
  }
}

// Connections have no headers, and all of them together no names.
void CheckLimits(Build& build, const View& view, const Listener& listener) {
  const bool is_udp = listener.protocol == Protocol::kUdp;
  if (const View rate = view["accept_rate"]; rate && is_udp && listener.limits.accept_rate) {
    build.Error(rate.at(), rate.path(), "is nothing udp has; expected rate");
  }
  if (const View most = view["connections"]; most && is_udp && listener.limits.connections) {
    build.Error(most.at(), most.path(), "is nothing udp has; expected sessions");
  }
  const bool by_header = listener.limits.rate && !listener.limits.rate->header.empty();
  if (by_header && listener.protocol != Protocol::kHttp) {
    const View by = view["rate_by"];
    build.Error(by.at(), by.path(),
                Format("protocol {} has no headers; expected client", Name(listener.protocol)));
  }
}

void ReadProxies(Build& build, const View& view, Listener& listener) {
  using ProxyProtocol = Listener::ProxyProtocol;
  if (const View via = view["via"]; via && via.text() != "off") {
    listener.via = via.text();
    if (listener.protocol != Protocol::kHttp)
      build.Error(via.at(), via.path(), "is nothing tcp has; expected protocol http");
  }
  for (const View& entry : view["trusted_proxies"].Entries()) {
    const auto prefix = net::Prefix::Parse(entry.text());
    if (!prefix) continue;
    listener.trusted_proxies.push_back(*prefix);
    if (prefix->length() == 0) {
      build.Warning(
          entry.place(), entry.path(),
          Format("{} trusts everyone: any client can claim any address", prefix->ToString()));
    }
  }
  ReadWord(view, "proxy_protocol", listener.proxy_protocol,
           {{"off", ProxyProtocol::kOff},
            {"accept", ProxyProtocol::kAccept},
            {"require", ProxyProtocol::kRequire}});
  if (listener.proxy_protocol != ProxyProtocol::kOff && !view.Has("trusted_proxies")) {
    const View value = view["proxy_protocol"];
    build.Warning(value.place(), value.path(),
                  "nobody is trusted to send it; expected trusted_proxies beside it");
  }
}

// Cookies, headers and queries cannot be seen in plain TCP, nor server names by HTTP; HTTP has its
// own words for what its first bytes would be.
bool Sees(Protocol protocol, topology::SessionBy by) {
  switch (by) {
    case topology::SessionBy::kNone:
    case topology::SessionBy::kSource:
      return true;
    case topology::SessionBy::kSni:
      return protocol == Protocol::kTcp;
    case topology::SessionBy::kSipCallId:
    case topology::SessionBy::kBytes:
      return protocol != Protocol::kHttp;
    case topology::SessionBy::kCookie:
    case topology::SessionBy::kHeader:
    case topology::SessionBy::kQuery:
      return protocol == Protocol::kHttp;
  }
  return true;
}

// Whether a service can do what it says for a listener of this protocol. A PROXY header is for one
// client, and requests of many share a connection.
void CheckService(Build& build, const View& at, std::string_view name, Protocol protocol) {
  for (const topology::Service& service : build.config.topology.services) {
    if (service.name != name) continue;
    if (service.backend.proxy_protocol != 0 && protocol != Protocol::kTcp) {
      build.Error(
          at.place(), at.path(),
          Format("{} has backend.proxy_protocol, which is for tcp listeners; requests carry "
                 "X-Forwarded-For",
                 Quote(service.name)));
    }
    const auto by = service.session.by;
    if (Sees(protocol, by)) continue;
    build.Warning(at.place(), at.path(),
                  Format("sessions of {} are by {}, which protocol {} does not see", service.name,
                         topology::Name(by), Name(protocol)));
  }
}

void CheckServices(Build& build, const View& view, const Listener& listener) {
  const auto check = [&](const View& name) {
    if (name) CheckService(build, name, name.text(), listener.protocol);
  };
  check(view["service"]);
  for (const View& route : view["routes"].Entries()) {
    check(route["service"]);
    check(route["mirror"]["service"]);
    for (const auto& [name, weight] : route["services"].Named()) {
      CheckService(build, weight, name, listener.protocol);
    }
  }
}

// An empty list of clients is a mistake: of allow it would be nobody, of deny nothing.
std::optional<topology::Match> BuildAccess(Build& build, const View& view) {
  if (!view) return std::nullopt;
  topology::Match match = BuildMatch(view);
  if (match == topology::Match{} && view.IsSound()) {
    build.Error(view.at(), view.path(),
                "names no clients; expected country, continent, asn or network");
  }
  return match;
}

ListenerTls BuildTls(Build& build, const View& view, Protocol protocol) {
  ListenerTls tls;
  for (const View& entry : view["certificates"].Entries()) {
    ListenerCertificate files;
    files.certificate = build.ExistingFile(entry, "certificate");
    files.key = build.ExistingFile(entry, "key");
    files.ocsp = build.ExistingFile(entry, "ocsp");
    tls.certificates.push_back(std::move(files));
  }
  ReadWord(view, "min_version", tls.only_tls13, {{"1.2", false}, {"1.3", true}});
  for (const View& entry : view["alpn"].Entries()) tls.alpn.push_back(entry.text());
  if (!view.Has("alpn") && protocol == Protocol::kHttp) tls.alpn = {"h2", "http/1.1"};
  tls.client_ca = build.ExistingFile(view, "client_ca");
  tls.ticket_key_file = build.ExistingFile(view, "ticket_key_file");
  return tls;
}

// By transport: a port of TCP is another than that of UDP.
using Bound = std::map<std::pair<bool, net::Address>, Spot>;

void BindOnce(Build& build, bool is_udp, const net::Address& address, const View& at,
              Bound& bound) {
  if (!address.is_unix() && address.port() == 0) return;
  const auto [first, is_new] = bound.emplace(std::pair(is_udp, address), at.place());
  if (!is_new) {
    build.Error(at.place(), at.path(),
                Format("{} is already bound at {}", Quote(at.text()),
                       build.report.ToString(first->second)));
  }
}

Listener BuildListener(Build& build, const std::string& name, const View& view, Bound& bound) {
  Listener listener;
  listener.name = name;
  ReadWord(view, "protocol", listener.protocol,
           {{"http", Protocol::kHttp}, {"tcp", Protocol::kTcp}, {"udp", Protocol::kUdp}});
  for (const View& entry : view["bind"].Entries()) {
    const auto address = net::Address::Parse(entry.text());
    if (!address) continue;
    BindOnce(build, listener.protocol == Protocol::kUdp, *address, entry, bound);
    listener.bind.push_back(*address);
  }
  const bool protocol_known = !view.Has("protocol") || view["protocol"];
  if (protocol_known) ReadWhere(build, view, listener);
  ReadSocket(build, view, listener);
  ReadLimits(build, view["limits"], listener.limits);
  CheckLimits(build, view["limits"], listener);
  ReadProxies(build, view, listener);
  listener.allow = BuildAccess(build, view["allow"]);
  listener.deny = BuildAccess(build, view["deny"]);
  CheckServices(build, view, listener);
  if (const View tls = view["tls"]; tls && !tls.is_scalar()) {
    listener.tls = BuildTls(build, tls, listener.protocol);
  }
  return listener;
}

}  // namespace

void BuildListeners(Build& build) {
  Bound bound;
  if (const View http = build.root["admin"]["http"]; http && build.config.admin.http) {
    BindOnce(build, false, *build.config.admin.http, http, bound);
  }
  const View listeners = build.root["listeners"];
  for (const auto& [name, view] : listeners.Named()) {
    build.config.listeners.push_back(BuildListener(build, name, view, bound));
  }
  std::sort(build.config.listeners.begin(), build.config.listeners.end(),
            [](const Listener& a, const Listener& b) { return a.name < b.name; });
  if (!build.root.Has("listeners") || (listeners && listeners.size() == 0)) {
    build.Error(listeners ? listeners.at() : build.root.at(), "listeners",
                "is empty; expected at least one listener");
  }
}

}  // namespace meridian::config
