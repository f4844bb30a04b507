// listeners.*.routes: what each takes, where it leads, and which can never be reached.
#include "config/build.h"
#include "config/build_route_actions.h"

#include <meridian/base/format.h>
#include <meridian/base/text.h>
#include <meridian/codec/target.h>
#include <meridian/config/path_pattern.h>

namespace meridian::config {
namespace {

constexpr size_t kMaxRoutes = 1000;  // per listener; looked through one by one
constexpr size_t kMaxShares = 16;
constexpr size_t kMaxMatches = 32;  // methods, headers or parameters of one route

// What a protocol cannot see is no part of its routes.
void CheckRouteKeys(Build& build, const View& view, Protocol protocol) {
  if (protocol == Protocol::kHttp) {
    if (const View sni = view["sni"]) {
      build.Error(sni.at(), sni.path(), "protocol http has no server names; expected `host`");
    }
    if (const View alpn = view["alpn"]) {
      build.Error(alpn.at(), alpn.path(),
                  "protocol http chooses by itself; expected it under `tls`");
    }
    return;
  }
  const bool says_which = view.Has("sni") || view.Has("alpn");
  if (!says_which || view.Has("host") || view.Has("path")) {
    build.Error(view.at(), view.path(),
                "protocol tcp has no hosts and paths; expected `sni` (\"*\" for all) or `alpn`");
  }
  for (const char* key : {"methods", "match", "services", "rewrite", "request_headers", "headers",
                          "redirect", "respond", "mirror", "timeouts", "retries"}) {
    if (const View given = view[key]) {
      build.Error(given.at(), given.path(),
                  "protocol tcp has no requests; expected `sni`, `alpn` and `service` alone");
    }
  }
}

// A path as requests' are compared: in normal form.
std::string Normal(const std::string& path) {
  std::string scratch;
  return std::string(codec::NormalPath(path, scratch));
}

void ReadPrefix(const View& view, Route& route) {
  if (!view) return;
  route.path = Normal(view.text());
  while (route.path.ends_with('/')) route.path.pop_back();  // "/" becomes empty: all
}

void ReadPath(Build& build, const View& view, Route& route) {
  if (!view) return;
  if (view.is_scalar()) return ReadPrefix(view, route);
  const View exact = view["exact"], regex = view["regex"];
  if (view.size() > 1) {
    build.Error(view.at(), view.path(), "more than one of prefix, exact and regex");
  } else if (exact) {
    route.path_match = PathMatch::kExact;
    route.path = Normal(exact.text());
  } else if (regex) {
    route.path_match = PathMatch::kRegex;
    route.path = regex.text();
    if (const auto parsed = PathPattern::Parse(route.path); !parsed) {
      build.Error(regex.place(), regex.path(),
                  Format("{} is not a regular expression: {}", Quote(route.path), parsed.error()));
    }
  } else {
    ReadPrefix(view["prefix"], route);
  }
}

std::vector<std::pair<std::string, std::string>> ReadMatches(Build& build, const View& view) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& [name, value] : view.Named()) out.emplace_back(name, value.text());
  if (out.size() > kMaxMatches) {
    build.Error(view.at(), view.path(), Format("more than {} entries", kMaxMatches));
  }
  return out;
}

void ReadShares(Build& build, const View& view, Route& route) {
  uint64_t sum = 0;
  for (const auto& [name, weight] : view.Named()) {
    if (!build.services.contains(name)) {
      build.Error(weight.at(), weight.path(),
                  Format("{} is not a service{}", Quote(name), NearestOf(name, build.services)));
      continue;
    }
    const auto share = static_cast<uint32_t>(ParseUnsigned(weight.text()).value_or(0));
    route.shares.push_back({name, share});
    sum += share;
  }
  if (!view.IsSound()) return;
  if (view.size() > kMaxShares) {
    build.Error(view.at(), view.path(), Format("more than {} services", kMaxShares));
  } else if (sum == 0) {
    build.Error(view.at(), view.path(), "no service with a weight above 0");
  }
}

void ReadTarget(Build& build, const View& view, Route& route) {
  const View service = view["service"], services = view["services"];
  if (view.Has("service") && view.Has("services")) {
    build.Error(services ? services.at() : view.at(), view.path() + ".services",
                "stands beside service; expected one of the two");
  }
  if (service && build.Refers(service, build.services, "a service")) {
    route.service = service.text();
  }
  if (services) ReadShares(build, services, route);
  const bool leads = view.Has("service") || view.Has("services");
  if (!leads && !view.Has("redirect") && !view.Has("respond")) {
    build.Error(view.at(), view.path() + ".service", "is required: where the route leads");
  }
}

// RFC 7301: names of 1…255 bytes.
void ReadAlpn(Build& build, const View& list, Route& route) {
  for (const View& entry : list.Entries()) {
    if (entry.text().empty() || entry.text().size() > 255) {
      build.Error(entry.place(), entry.path(), "is no protocol's name; expected such as h2");
      continue;
    }
    route.alpn.push_back(entry.text());
  }
  if (route.alpn.size() > kMaxMatches) {
    build.Error(list.at(), list.path(), Format("more than {} entries", kMaxMatches));
  }
}

// "*" becomes empty, which matches all.
Route BuildRoute(Build& build, const View& view, Protocol protocol) {
  Route route;
  CheckRouteKeys(build, view, protocol);
  const View host = view[protocol == Protocol::kTcp ? "sni" : "host"];
  if (host && host.text() != "*") route.host = LowerAscii(host.text());
  ReadAlpn(build, view["alpn"], route);
  ReadPath(build, view["path"], route);
  for (const View& method : view["methods"].Entries()) route.methods.push_back(method.text());
  if (route.methods.size() > kMaxMatches) {
    build.Error(view["methods"].at(), view["methods"].path(),
                Format("more than {} entries", kMaxMatches));
  }
  route.headers = ReadMatches(build, view["match"]["header"]);
  route.query = ReadMatches(build, view["match"]["query"]);
  ReadTarget(build, view, route);
  BuildRouteActions(build, view, route);
  return route;
}

bool CoversPath(const Route& earlier, const Route& later) {
  switch (earlier.path_match) {
    case PathMatch::kPrefix:
      if (earlier.path.empty()) return true;
      return later.path_match != PathMatch::kRegex && later.path.starts_with(earlier.path) &&
             (later.path.size() == earlier.path.size() || later.path[earlier.path.size()] == '/');
    case PathMatch::kExact:
    case PathMatch::kRegex:
      return later.path_match == earlier.path_match && later.path == earlier.path;
  }
  return false;
}

// Whether every request that `later` matches is taken by `earlier`.
bool Covers(const Route& earlier, const Route& later) {
  const bool wildcard = earlier.host.starts_with("*.");
  const bool host = earlier.host.empty() || earlier.host == later.host ||
                    (wildcard && later.host.ends_with(earlier.host.substr(1)));
  const bool methods = earlier.methods.empty() || earlier.methods == later.methods;
  const bool headers = earlier.headers.empty() || earlier.headers == later.headers;
  const bool query = earlier.query.empty() || earlier.query == later.query;
  const bool alpn = earlier.alpn.empty() || earlier.alpn == later.alpn;
  return host && alpn && methods && headers && query && CoversPath(earlier, later);
}

std::string LeadsTo(const Route& route) {
  if (route.redirect) return "a redirect";
  if (route.respond) return "a fixed response";
  return route.shares.empty() ? route.service : route.shares.front().service;
}

}  // namespace

void BuildRoutes(Build& build, const View& routes, Listener& listener) {
  for (const View& view : routes.Entries()) {
    if (listener.routes.size() >= kMaxRoutes) {
      build.Error(view.at(), view.path(), Format("more than {} routes", kMaxRoutes));
      return;
    }
    Route route = BuildRoute(build, view, listener.protocol);
    if (!view.IsSound()) continue;
    const auto earlier = std::find_if(listener.routes.begin(), listener.routes.end(),
                                      [&](const Route& other) { return Covers(other, route); });
    if (earlier != listener.routes.end()) {
      build.Warning(
          view.at(), view.path(),
          Format("is never reached: an earlier route to {} takes all of it", LeadsTo(*earlier)));
    }
    listener.routes.push_back(std::move(route));
  }
}

}  // namespace meridian::config
