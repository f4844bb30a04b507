// The routes of one listener, compiled: a request, or a TLS server name, to the first route that
// takes it, and from there to a service. Constant once built; any thread; a match allocates nothing
// but what `scratch` grows by.
#pragma once

#include <meridian/codec/http1.h>
#include <meridian/config/path_pattern.h>
#include <meridian/config/route.h>
#include <meridian/routing/table.h>
#include <meridian/snapshot/header_edits.h>
#include <meridian/snapshot/own_answer.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace meridian::snapshot {

// A service that a route leads to. A uniform number below the route's last `below` falls to the
// first target that it is below.
struct RouteTarget {
  ServiceId service;
  uint64_t below = 1;
  topology::Timeouts timeouts = {};  // the service's, but for what the route says
  topology::RetryPolicy retries = {};
};

class Route {
 public:
  Route(const config::Route& route, const routing::Table& table);

  // At least one, unless the route answers itself. With one, `below` says nothing.
  const std::vector<RouteTarget>& targets() const { return targets_; }
  // That of a uniform 64-bit value.
  const RouteTarget& TargetOf(uint64_t draw) const;

  const OwnAnswer* answer() const { return answer_ ? &*answer_ : nullptr; }

  // Where this draw's copy goes; null: none is made.
  const RouteTarget* MirrorOf(uint64_t draw) const;

  const HeaderEdits& request_edits() const { return request_edits_; }
  const HeaderEdits& response_edits() const { return response_edits_; }
  std::string_view host() const { return rewrite_.host; }  // to ask for; empty: as received
  bool rewrites_path() const { return rewrite_.prefix.has_value(); }
  // What the backend is asked for in place of `target`, which the route took. Precondition:
  // rewrites_path(). The content of `scratch` is replaced.
  void AppendTarget(std::string_view target, std::string& scratch, std::string& out) const;

 private:
  friend class RouteTable;
  bool TakesHost(std::string_view host) const;
  bool TakesAlpn(std::string_view offered) const;
  bool TakesPath(std::string_view path) const;
  bool TakesMethod(std::string_view method) const;
  bool TakesFields(const codec::Head& head, std::string& scratch) const;

  std::string host_;  // lower case; of a wildcard what follows the '*'
  bool any_host_ = false, wildcard_ = false;
  std::vector<std::string> alpn_;
  config::PathMatch path_match_;
  std::string path_;
  std::optional<config::PathPattern> pattern_;
  std::vector<std::string> methods_;
  std::vector<std::pair<std::string, std::string>> headers_, query_;
  std::vector<RouteTarget> targets_;
  std::optional<OwnAnswer> answer_;
  HeaderEdits request_edits_, response_edits_;
  config::Rewrite rewrite_;
  std::optional<RouteTarget> mirror_;
  double mirror_share_ = 0;
};

class RouteTable {
 public:
  RouteTable(const std::vector<config::Route>& routes, const routing::Table& table);

  // Null: no route. The content of `scratch` is replaced.
  const Route* Match(const codec::Head& head, std::string& scratch) const;
  // A server name without port, any case; the protocols offered, as codec::ClientHello::alpn() has
  // them. !ok(): no route.
  ServiceId MatchHello(std::string_view name, std::string_view alpn) const;

 private:
  std::vector<Route> routes_;
};

}  // namespace meridian::snapshot
