// One compiled, immutable, numbered configuration: what a worker holds behind one pointer. Made on
// the control thread; a session keeps the one it began with until its next decision.
#pragma once

#include <meridian/config/config.h>
#include <meridian/geo/locator.h>
#include <meridian/routing/table.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace meridian::snapshot {

// Host and path to service, first match wins (config::Route tells how).
class RouteTable {
 public:
  RouteTable(const std::vector<config::Route>& routes, const routing::Table& table);
  // `host` without port, any case; `path` with or without its query. !ok(): no route.
  ServiceId Match(std::string_view host, std::string_view path) const;

 private:
  struct Compiled {
    std::string host;  // lower case
    bool any_host = false, wildcard = false;
    std::string path;
    ServiceId service;
  };
  std::vector<Compiled> routes_;
};

struct Listener {
  config::Listener config;
  ServiceId service;                   // tcp
  std::unique_ptr<RouteTable> routes;  // http
};

struct Snapshot {
  uint64_t generation = 0;
  config::Config config;
  std::shared_ptr<const geo::Locator> locator;
  std::unique_ptr<const routing::Table> table;
  std::vector<Listener> listeners;  // in order of config.listeners: ListenerId is the index

  const Listener* FindListener(std::string_view name) const;
};

using SnapshotPtr = std::shared_ptr<const Snapshot>;

// What survives from one snapshot to the next, besides the registry: ephemeral cookie keys, by
// service.
struct Keys {
  std::vector<std::pair<std::string, tls::HmacKey>> ephemeral;
};

struct Compiled {
  SnapshotPtr snapshot;  // null if there is an error
  std::vector<std::string>
      errors;  // databases or key files that cannot be used, each naming the file and why
  std::vector<std::string> warnings;  // an ephemeral session key, …
};

// The databases, networks and default of `geo` as one Locator; null, and why in `errors`, if any of
// them cannot be used. Seconds for a large database; any thread.
std::shared_ptr<const geo::Locator> OpenLocator(const config::Geo& geo,
                                                std::vector<std::string>& errors);

// Opens databases and key files, builds all tables. Control thread; milliseconds to seconds. A
// `locator` made of the same `geo` spares opening the databases.
Compiled Compile(config::Config config, uint64_t generation, health::Registry& registry, Keys& keys,
                 std::shared_ptr<const geo::Locator> locator = nullptr);

}  // namespace meridian::snapshot
