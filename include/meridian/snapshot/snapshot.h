// One compiled, immutable, numbered configuration: what a worker holds behind one pointer. Made on
// the control thread; a session keeps the one it began with until its next decision.
#pragma once

#include <meridian/config/config.h>
#include <meridian/geo/locator.h>
#include <meridian/routing/client_set.h>
#include <meridian/routing/table.h>
#include <meridian/snapshot/client_tables.h>
#include <meridian/snapshot/route_table.h>
#include <meridian/tls/client_context.h>
#include <meridian/tls/server_context.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace meridian::snapshot {

// Who may use a listener: whom one of the lists of `allow` holds, or everyone without it, but for
// those whom one of the lists of `deny` holds. A place that is not known is in no list.
class Access {
 public:
  Access() = default;  // everyone
  // `locator` outlives it.
  Access(const config::Listener& listener, const geo::Locator& locator);
  bool Admits(const net::IpAddress& client) const;

 private:
  std::optional<routing::ClientSet> allow_, deny_;
  const geo::Locator* locator_ = nullptr;
};

struct Listener {
  config::Listener config;
  ServiceId service;                   // udp; tcp without routes
  std::unique_ptr<RouteTable> routes;  // http by request; tcp by server name, or null
  bool reads_hello = false;            // tcp: the server name decides on something
  Access access;
  std::shared_ptr<const tls::ServerContext> tls;  // null: plain
};

struct Snapshot {
  uint64_t generation = 0;
  config::Config config;
  std::shared_ptr<const geo::Locator> locator;
  std::unique_ptr<const routing::Table> table;
  std::shared_ptr<ClientTables> clients;  // null: no listener has a limit that needs them
  std::vector<Listener> listeners;        // in order of config.listeners: ListenerId is the index
  // By ServiceId; null: plain.
  std::vector<std::shared_ptr<const tls::ClientContext>> backend_tls;
  // In order of config.topology.health_checks; null: plain.
  std::vector<std::shared_ptr<const tls::ClientContext>> check_tls;

  const Listener* FindListener(std::string_view name) const;
};

using SnapshotPtr = std::shared_ptr<const Snapshot>;

// What survives from one snapshot to the next, besides the registry: ephemeral cookie keys, by
// service; where sessions have moved to; the ephemeral ticket key; TLS contexts of backends, which
// live on while nothing in them changes.
struct Keys {
  std::vector<std::pair<std::string, tls::HmacKey>> ephemeral;
  // Null until a service needs it (on_recovery: stay without a cookie); then of the size that
  // process.session_table had.
  std::shared_ptr<routing::MovedSessions> moved_sessions;
  // Likewise, until a listener limits what one client may do; of the size process.client_table.
  std::shared_ptr<ClientTables> clients;
  std::optional<tls::TicketKeys> tickets;
  std::vector<std::shared_ptr<const tls::ClientContext>> backends;
};

struct Compiled {
  SnapshotPtr snapshot;  // null if there is an error
  std::vector<std::string>
      errors;  // databases, keys or certificates that cannot be used, each naming the file and why
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
