// See route_text.h.
#include "route_text.h"

#include <meridian/base/format.h>

namespace meridian::app {
namespace {

std::string DescribePath(const config::Route& route) {
  switch (route.path_match) {
    case config::PathMatch::kPrefix:
      return route.path.empty() ? "/" : route.path;
    case config::PathMatch::kExact:
      return route.path + " exactly";
    case config::PathMatch::kRegex:
      return " matching " + route.path;
  }
  return {};
}

}  // namespace

std::string DescribeRoute(const config::Route& route, config::Protocol protocol) {
  std::string text = route.host.empty() ? "*" : route.host;
  if (protocol == config::Protocol::kHttp) text += DescribePath(route);
  for (const std::string& method : route.methods) text += " " + method;
  for (const auto& [name, value] : route.headers) text += Format(", header {}: {}", name, value);
  for (const auto& [name, value] : route.query) text += Format(", query {}={}", name, value);
  std::string copies;
  if (route.mirror) {
    copies = Format(", {}% copied to {}", route.mirror->share * 100, route.mirror->service);
  }
  text += " → ";
  if (route.redirect) return text + Format("{} {}", route.redirect->status, route.redirect->to);
  if (route.respond) return text + Format("{}", route.respond->status);
  if (route.shares.empty()) return text + route.service + copies;
  for (const config::ServiceShare& share : route.shares) {
    if (&share != &route.shares.front()) text += ", ";
    text += Format("{} {}", share.service, share.weight);
  }
  return text + copies;
}

}  // namespace meridian::app
