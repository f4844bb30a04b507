// See route_table.h.
#include <meridian/base/check.h>
#include <meridian/base/hash.h>
#include <meridian/base/text.h>
#include <meridian/codec/client_hello.h>
#include <meridian/codec/target.h>
#include <meridian/snapshot/route_table.h>

#include <algorithm>

namespace meridian::snapshot {
namespace {

using codec::Field;

// "*.example.com" holds for one label or more before ".example.com"; `suffix` is that, with the
// dot.
bool HasSuffix(std::string_view host, std::string_view suffix) {
  return host.size() > suffix.size() &&
         EqualIgnoringCase(host.substr(host.size() - suffix.size()), suffix);
}

// "/api" holds for /api and /api/x, not for /apix; "/api/" for all below it.
bool HasPrefix(std::string_view path, std::string_view prefix) {
  if (prefix.empty()) return true;
  if (!path.starts_with(prefix)) return false;
  return path.size() == prefix.size() || prefix.back() == '/' || path[prefix.size()] == '/';
}

// The root of the name space may be written out: "example.com." is example.com.
std::string_view WithoutRoot(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  return host;
}

RouteTarget TargetOf(const config::Route& route, std::string_view service, uint64_t below,
                     const routing::Table& table) {
  RouteTarget target{.service = table.FindService(service), .below = below};
  MERIDIAN_CHECK(target.service.ok());
  const topology::Service& policy = table.service(target.service);
  target.timeouts = policy.timeouts;
  target.timeouts.response = route.response_timeout.value_or(policy.timeouts.response);
  target.timeouts.idle = route.idle_timeout.value_or(policy.timeouts.idle);
  target.retries = route.retry_on.value_or(policy.retries);
  target.retries.attempts = route.retry_attempts.value_or(policy.retries.attempts);
  target.retries.budget = policy.retries.budget;
  target.retries.hedge_after = policy.retries.hedge_after;
  target.retries.hedge_p99 = policy.retries.hedge_p99;
  return target;
}

std::vector<RouteTarget> TargetsOf(const config::Route& route, const routing::Table& table) {
  std::vector<RouteTarget> targets;
  if (!route.service.empty()) targets.push_back(TargetOf(route, route.service, 1, table));
  uint64_t below = 0;
  for (const config::ServiceShare& share : route.shares) {
    below += share.weight;
    targets.push_back(TargetOf(route, share.service, below, table));
  }
  MERIDIAN_CHECK(route.redirect || route.respond || (!targets.empty() && targets.back().below > 0));
  return targets;
}

std::optional<OwnAnswer> AnswerOf(const config::Route& route) {
  if (route.redirect) return OwnAnswer(*route.redirect);
  if (route.respond) return OwnAnswer(*route.respond);
  return std::nullopt;
}

}  // namespace

Route::Route(const config::Route& route, const routing::Table& table)
    : any_host_(route.host.empty() || route.host == "*"),
      wildcard_(route.host.starts_with("*.")),
      alpn_(route.alpn),
      path_match_(route.path_match),
      path_(route.path),
      methods_(route.methods),
      headers_(route.headers),
      query_(route.query),
      targets_(TargetsOf(route, table)),
      answer_(AnswerOf(route)),
      request_edits_(route.request_headers),
      response_edits_(route.response_headers),
      rewrite_(route.rewrite) {
  if (route.mirror) {
    mirror_ = RouteTarget{.service = table.FindService(route.mirror->service)};
    MERIDIAN_CHECK(mirror_->service.ok());
    mirror_->timeouts = table.service(mirror_->service).timeouts;
    mirror_->retries = table.service(mirror_->service).retries;
    mirror_share_ = route.mirror->share;
  }
  host_ = LowerAscii(std::string_view(route.host).substr(wildcard_ ? 1 : 0));
  if (path_match_ != config::PathMatch::kRegex) return;
  auto pattern = config::PathPattern::Parse(path_);
  MERIDIAN_CHECK(pattern.has_value());
  pattern_.emplace(std::move(*pattern));
}

const RouteTarget& Route::TargetOf(uint64_t draw) const {
  const uint32_t number = Reduce(draw, static_cast<uint32_t>(targets_.back().below));
  const auto found = std::find_if(targets_.begin(), targets_.end(),
                                  [number](const auto& target) { return number < target.below; });
  return *found;
}

void Route::AppendTarget(std::string_view target, std::string& scratch, std::string& out) const {
  const std::string_view path = codec::NormalPath(codec::PathOf(target), scratch);
  const size_t start = out.size();
  if (path.starts_with('/')) {
    out.append(*rewrite_.prefix).append(path.substr(path_.size()));
  } else {
    out.append(path);  // "*"
  }
  if (out.size() == start) out.push_back('/');
  out.append(codec::QueryOf(target));
}

const RouteTarget* Route::MirrorOf(uint64_t draw) const {
  constexpr uint64_t kSalt = 0x6d6972726f72u;  // not the draw that chose the target
  return mirror_ && Unit(Mix(draw ^ kSalt)) < mirror_share_ ? &*mirror_ : nullptr;
}

bool Route::TakesHost(std::string_view host) const {
  if (any_host_) return true;
  return wildcard_ ? HasSuffix(host, host_) : EqualIgnoringCase(host, host_);
}

bool Route::TakesAlpn(std::string_view offered) const {
  return alpn_.empty() || std::any_of(alpn_.begin(), alpn_.end(), [&](const std::string& one) {
           return codec::OffersProtocol(offered, one);
         });
}

bool Route::TakesPath(std::string_view path) const {
  switch (path_match_) {
    case config::PathMatch::kPrefix:
      return HasPrefix(path, path_);
    case config::PathMatch::kExact:
      return path == path_;
    case config::PathMatch::kRegex:
      return pattern_->Matches(path);
  }
  return false;
}

// A tunnel is only for who is named as having it.
bool Route::TakesMethod(std::string_view method) const {
  if (methods_.empty()) return method != "CONNECT";
  return std::find(methods_.begin(), methods_.end(), method) != methods_.end();
}

bool Route::TakesFields(const codec::Head& head, std::string& scratch) const {
  for (const auto& wanted : headers_) {
    const bool found = std::any_of(head.begin(), head.end(), [&](const Field& field) {
      return EqualIgnoringCase(field.name, wanted.first) &&
             (wanted.second == "*" || field.value == wanted.second);
    });
    if (!found) return false;
  }
  for (const auto& [name, value] : query_) {
    const auto parameter = codec::QueryParameter(head.path, name, scratch);
    if (!parameter || (value != "*" && *parameter != value)) return false;
  }
  return true;
}

RouteTable::RouteTable(const std::vector<config::Route>& routes, const routing::Table& table) {
  for (const config::Route& route : routes) routes_.emplace_back(route, table);
}

const Route* RouteTable::Match(const codec::Head& head, std::string& scratch) const {
  const std::string_view host = WithoutRoot(head.host);
  std::string_view path = codec::NormalPath(codec::PathOf(head.path), scratch);
  for (const Route& route : routes_) {
    if (!route.TakesHost(host) || !route.TakesMethod(head.method) || !route.TakesPath(path))
      continue;
    if (route.headers_.empty() && route.query_.empty()) return &route;
    if (route.TakesFields(head, scratch)) return &route;
    path = codec::NormalPath(codec::PathOf(head.path), scratch);  // a parameter may have taken it
  }
  return nullptr;
}

ServiceId RouteTable::MatchHello(std::string_view name, std::string_view alpn) const {
  name = WithoutRoot(name);
  for (const Route& route : routes_) {
    if (route.TakesHost(name) && route.TakesAlpn(alpn)) return route.targets_.front().service;
  }
  return ServiceId{};
}

}  // namespace meridian::snapshot
