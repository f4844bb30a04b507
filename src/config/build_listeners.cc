// listeners: where to accept, and what leads to which service.
#include "config/build.h"

#include <meridian/base/format.h>
#include <meridian/base/text.h>

namespace meridian::config {
namespace {

bool RefersToService(Build& build, const View& name) {
  return build.Refers(name, build.services, "a service");
}

// "*" and "/" become empty, which matches all; "/api/" is "/api".
Route BuildRoute(Build& build, const View& view) {
  Route route;
  if (const View host = view["host"]; host && host.text() != "*") {
    route.host = LowerAscii(host.text());
  }
  Read(view, "path", route.path);
  while (route.path.ends_with('/')) route.path.pop_back();
  if (const View service = view["service"]) {
    if (RefersToService(build, service)) route.service = service.text();
  } else if (!view.Has("service") && !view.Has("redirect")) {
    build.Error(view.at(), view.path() + ".service", "is required: where the route leads");
  }
  return route;
}

// Whether every request that `later` matches is taken by `earlier`.
bool Covers(const Route& earlier, const Route& later) {
  const bool wildcard = earlier.host.starts_with("*.");
  const bool host = earlier.host.empty() || earlier.host == later.host ||
                    (wildcard && later.host.ends_with(earlier.host.substr(1)));
  const bool path =
      later.path.starts_with(earlier.path) &&
      (later.path.size() == earlier.path.size() || later.path[earlier.path.size()] == '/');
  return host && path;
}

constexpr size_t kMaxRoutes = 1000;  // per listener; looked through one by one

void BuildRoutes(Build& build, const View& routes, Listener& listener) {
  for (const View& view : routes.Entries()) {
    if (listener.routes.size() >= kMaxRoutes) {
      build.Error(view.at(), view.path(), Format("more than {} routes", kMaxRoutes));
      return;
    }
    Route route = BuildRoute(build, view);
    if (!view.IsSound()) continue;
    const auto earlier = std::find_if(listener.routes.begin(), listener.routes.end(),
                                      [&](const Route& other) { return Covers(other, route); });
    if (earlier != listener.routes.end()) {
      build.Warning(
          view.at(), view.path(),
          Format("is never reached: an earlier route to {} takes all of it", earlier->service));
    }
    listener.routes.push_back(std::move(route));
  }
}

void ReadWhere(Build& build, const View& view, Listener& listener) {
  const View service = view["service"];
  const View routes = view["routes"];
  const bool service_known = service && RefersToService(build, service);
  if (listener.protocol == Protocol::kTcp) {
    if (service_known) listener.service = service.text();
    if (!view.Has("service") && !view.Has("routes")) {
      build.Error(view.at(), view.path() + ".service", "is required for protocol tcp");
    }
    for (const View& route : routes.Entries()) {
      if (route.Has("sni")) continue;
      build.Error(route.at(), route.path(),
                  "protocol tcp has no hosts and paths; expected `service` in place of routes");
    }
    return;
  }
  if (view.Has("service") && view.Has("routes")) {
    build.Error(service ? service.at() : view.at(), view.path() + ".service",
                "stands beside routes; expected one of the two");
  } else if (!view.Has("service") && (!view.Has("routes") || (routes && routes.size() == 0))) {
    build.Error(view.at(), view.path() + ".routes", "is required for protocol http, or `service`");
  }
  if (service_known) listener.routes.push_back({{}, {}, service.text()});
  BuildRoutes(build, routes, listener);
}

void ReadLimits(const View& view, Limits& limits) {
  ReadBytes(view, "header_size", limits.header_bytes);
  Read(view, "headers", limits.headers);
  if (const View body = view["body_size"]; body && body.text() != "unlimited") {
    limits.body_bytes = ParseBytes(body.text());
  }
  Read(view, "header_timeout", limits.header_timeout);
}

void ReadProxies(Build& build, const View& view, Listener& listener) {
  using ProxyProtocol = Listener::ProxyProtocol;
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

// A cookie or header cannot be seen in plain TCP.
void CheckSession(Build& build, const View& view, const Listener& listener) {
  if (listener.protocol != Protocol::kTcp) return;
  for (const topology::Service& service : build.config.topology.services) {
    const auto by = service.session.by;
    const bool blind = by == topology::SessionBy::kCookie || by == topology::SessionBy::kHeader;
    if (service.name != listener.service || !blind) continue;
    const View name = view["service"];
    build.Warning(name.place(), name.path(),
                  Format("sessions of {} are by {}, which protocol tcp does not see", service.name,
                         topology::Name(by)));
  }
}

using Bound = std::map<net::Address, Spot>;

void BindOnce(Build& build, const net::Address& address, const View& at, Bound& bound) {
  if (!address.is_unix() && address.port() == 0) return;
  const auto [first, is_new] = bound.emplace(address, at.place());
  if (!is_new) {
    build.Error(at.place(), at.path(),
                Format("{} is already bound at {}", Quote(at.text()),
                       build.report.ToString(first->second)));
  }
}

Listener BuildListener(Build& build, const std::string& name, const View& view, Bound& bound) {
  Listener listener;
  listener.name = name;
  for (const View& entry : view["bind"].Entries()) {
    const auto address = net::Address::Parse(entry.text());
    if (!address) continue;
    BindOnce(build, *address, entry, bound);
    listener.bind.push_back(*address);
  }
  ReadWord(view, "protocol", listener.protocol,
           {{"http", Protocol::kHttp}, {"tcp", Protocol::kTcp}});
  const bool protocol_known = !view.Has("protocol") || view["protocol"];
  if (protocol_known) ReadWhere(build, view, listener);
  ReadLimits(view["limits"], listener.limits);
  ReadProxies(build, view, listener);
  CheckSession(build, view, listener);
  return listener;
}

}  // namespace

void BuildListeners(Build& build) {
  Bound bound;
  if (const View http = build.root["admin"]["http"]; http && build.config.admin.http) {
    BindOnce(build, *build.config.admin.http, http, bound);
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
