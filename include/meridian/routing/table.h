// Everything a decision reads, compiled once per snapshot: services with their fences, candidate
// sites, orders, endpoint pools and hash tables, all as dense arrays of ids. Immutable; shared by
// all threads. The live part (health) stands behind pointers into the health::Registry.
#pragma once

#include <meridian/base/result.h>
#include <meridian/geo/locator.h>
#include <meridian/health/health.h>
#include <meridian/net/address.h>
#include <meridian/routing/moved_sessions.h>
#include <meridian/tls/hmac.h>
#include <meridian/topology/ids.h>
#include <meridian/topology/topology.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace meridian::routing {

// One endpoint of one service at one site.
struct Endpoint {
  EndpointId id;
  SiteId site;
  ServiceId service;
  net::Address address;
  std::string address_text;
  uint64_t key = 0;  // Hash of address_text: what a cookie carries
  uint32_t weight = 1;
  uint32_t priority = 0;
  std::string name = {};  // whose address it is; empty: its own
  health::EndpointHealth* health = nullptr;
};

struct Site {
  SiteId id;
  std::string name, region;
  uint64_t key = 0;  // Hash of the name: what a cookie carries
  double latitude = 0, longitude = 0;
  geo::Point point;
  int bias = 0;
  uint32_t weight = 100;
  uint64_t capacity = UINT64_MAX;  // concurrent sessions
  health::SiteHealth* health = nullptr;
};

// Private to the room: service.h, fence.h, site_set.h.
struct Service;
struct FenceRule;
class SiteSet;

struct CompileInput {
  const topology::Topology* topology = nullptr;
  std::shared_ptr<const geo::Locator> locator;
  health::Registry* registry = nullptr;
  std::vector<tls::HmacKeys> cookie_keys;  // of each service, in order of topology->services
  std::shared_ptr<MovedSessions> moved_sessions = {};  // null: none is remembered
};

class Table {
 public:
  // The topology was validated by config: addresses parse, names resolve. CHECKs otherwise.
  static std::unique_ptr<const Table> Compile(const CompileInput& input);
  ~Table();

  const std::vector<Site>& sites() const { return sites_; }
  const std::vector<Endpoint>& endpoints() const { return endpoints_; }
  const std::vector<topology::Service>& services() const { return policies_; }
  const topology::Service& service(ServiceId id) const { return policies_[id.value]; }
  const Site& site(SiteId id) const { return sites_[id.value]; }
  const Endpoint& endpoint(EndpointId id) const { return endpoints_[id.value]; }
  ServiceId FindService(std::string_view name) const;  // !ok() if there is none
  SiteId FindSite(std::string_view name) const;
  SiteId SiteByKey(uint64_t key) const;
  // The sites whose key has this upper half: one at most, as good as always.
  std::span<const std::pair<uint64_t, SiteId>> SitesByKeyHead(uint32_t head) const;
  const geo::Locator& locator() const { return *locator_; }

  // The endpoints of a service at a site: consecutive in endpoints(); empty if it is not offered
  // there.
  std::span<const Endpoint> Pool(ServiceId service, SiteId site) const;
  // Their health, as Registry::Report wants its peers.
  std::span<health::EndpointHealth* const> PoolHealth(ServiceId service, SiteId site) const;
  // Sites that offer the service, in id order.
  std::span<const SiteId> SitesOf(ServiceId service) const;
  // Up: all endpoint weight up. Degraded: part of it. Down: less than min_healthy of it. Else by
  // intent.
  health::State SiteState(ServiceId service, SiteId site) const;

  // Whether what is established at a site of the service may stay there: false once another site is
  // active, unless it only reads and the site takes reads. A hold changes nothing for it.
  bool Keeps(ServiceId service, SiteId site, bool is_read) const;
  // The live view of a disaster-recovery service; null for any other.
  const health::ServiceHealth* Recovery(ServiceId service) const;

  const Service& internals(ServiceId id) const { return *services_[id.value]; }
  const health::Registry& registry() const { return *registry_; }
  const std::shared_ptr<MovedSessions>& moved_sessions() const { return moved_sessions_; }

 private:
  friend class TableBuilder;
  Table();
  std::vector<Site> sites_;
  std::vector<Endpoint> endpoints_;
  std::vector<topology::Service> policies_;
  std::vector<std::unique_ptr<SiteSet>> site_sets_;  // shared by the services with the same sites
  std::vector<std::unique_ptr<Service>> services_;
  std::vector<std::pair<uint64_t, SiteId>> site_keys_;  // sorted
  std::shared_ptr<const geo::Locator> locator_;
  std::shared_ptr<MovedSessions> moved_sessions_;
  health::Registry* registry_ = nullptr;
};

}  // namespace meridian::routing
