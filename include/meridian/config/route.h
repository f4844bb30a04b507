// One route of a listener, as written: which requests (or TLS connections) it takes, and where they
// go. The first route that matches wins; an empty part matches all.
#pragma once

#include <meridian/topology/topology.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace meridian::config {

enum class PathMatch : uint8_t { kPrefix, kExact, kRegex };

// A service's share of a route's requests. Of weight 0 it takes only sessions that are its own.
struct ServiceShare {
  std::string service;
  uint32_t weight = 1;

  bool operator==(const ServiceShare&) const = default;
};

// Changes to a message's fields: those of `remove` and `set` go, those of `set` and `add` come.
struct HeaderChanges {
  std::vector<std::pair<std::string, std::string>> set = {}, add = {};
  std::vector<std::string> remove = {};

  bool operator==(const HeaderChanges&) const = default;
};

struct Rewrite {
  std::optional<std::string> prefix = {};  // in place of the path that matched; no trailing '/'
  std::string host = {};                   // with a port, maybe; empty: as received

  bool operator==(const Rewrite&) const = default;
};

// Answered by Meridian: the request goes nowhere.
struct Redirect {
  // {host} and {path} stand for the request's; path and query follow a URL without a path.
  std::string to;
  uint16_t status = 308;

  bool operator==(const Redirect&) const = default;
};
struct Respond {
  uint16_t status = 200;
  std::string body = {};
  std::string content_type = "text/plain";

  bool operator==(const Respond&) const = default;
};

// A share of the requests, copied to another service; what that answers is dropped.
struct MirrorTo {
  std::string service;
  double share = 1;

  bool operator==(const MirrorTo&) const = default;
};

struct Route {
  std::string host;  // lower case: exact, or "*.example.com" (one or more labels), or empty; with
                     // protocol tcp it is the TLS server name
  // As path_match says. A prefix ends at a segment boundary: "/api" matches /api, /api/x and
  // /api?q, not /apix. An expression is one that PathPattern takes. Paths are compared in normal
  // form (codec::NormalPath), without their query.
  std::string path;
  std::string service;  // empty: `shares`, or an answer of Meridian's own
  PathMatch path_match = PathMatch::kPrefix;
  std::vector<std::string> methods = {};  // any of them
  // All must be there: name and exact value, "*" for any; of fields any one, of parameters the
  // first.
  std::vector<std::pair<std::string, std::string>> headers = {}, query = {};
  std::vector<ServiceShare> shares = {};
  Rewrite rewrite = {};
  HeaderChanges request_headers = {}, response_headers = {};
  std::optional<Redirect> redirect = {};  // this or `respond`: no service
  std::optional<Respond> respond = {};
  std::optional<MirrorTo> mirror = {};
  // In place of the service's own.
  std::optional<Duration> response_timeout = {}, idle_timeout = {};
  std::optional<uint32_t> retry_attempts = {};
  std::optional<topology::RetryPolicy> retry_on = {};  // what of it says `on`
  std::vector<std::string> alpn = {};                  // tcp: the client offers any of them

  bool operator==(const Route&) const = default;
};

}  // namespace meridian::config
