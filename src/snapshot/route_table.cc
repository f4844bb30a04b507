// Host and path to service: the routes of one listener, in order. Constant once built; any thread;
// a match allocates nothing.
#include <meridian/base/check.h>
#include <meridian/base/text.h>
#include <meridian/snapshot/snapshot.h>

namespace meridian::snapshot {
namespace {

// "*.example.com" holds for one label or more before ".example.com"; `suffix` is that, with the
// dot.
bool HasSuffix(std::string_view host, std::string_view suffix) {
  return host.size() > suffix.size() &&
         EqualIgnoringCase(host.substr(host.size() - suffix.size()), suffix);
}

// "/api" holds for /api, /api/x and /api?q, not for /apix; "/api/" for all below it.
bool HasPrefix(std::string_view path, std::string_view prefix) {
  if (prefix.empty()) return true;
  if (!path.starts_with(prefix)) return false;
  if (path.size() == prefix.size() || prefix.back() == '/') return true;
  return path[prefix.size()] == '/' || path[prefix.size()] == '?';
}

}  // namespace

RouteTable::RouteTable(const std::vector<config::Route>& routes, const routing::Table& table) {
  for (const config::Route& route : routes) {
    Compiled compiled;
    compiled.any_host = route.host.empty() || route.host == "*";
    compiled.wildcard = route.host.starts_with("*.");
    compiled.host = LowerAscii(std::string_view(route.host).substr(compiled.wildcard ? 1 : 0));
    compiled.path = route.path;
    compiled.service = table.FindService(route.service);
    MERIDIAN_CHECK(compiled.service.ok());
    routes_.push_back(std::move(compiled));
  }
}

ServiceId RouteTable::Match(std::string_view host, std::string_view path) const {
  // The root of the name space may be written out: "example.com." is example.com.
  if (host.ends_with('.')) host.remove_suffix(1);
  for (const Compiled& route : routes_) {
    const bool here = route.any_host || (route.wildcard ? HasSuffix(host, route.host)
                                                        : EqualIgnoringCase(host, route.host));
    if (here && HasPrefix(path, route.path)) return route.service;
  }
  return ServiceId{};
}

}  // namespace meridian::snapshot
