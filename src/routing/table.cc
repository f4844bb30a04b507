// Compiling a Table from a validated topology, and looking things up in it. Control thread;
// afterwards constant.
#include <meridian/routing/table.h>

#include "routing/service.h"

#include <meridian/base/check.h>

#include <algorithm>
#include <map>

namespace meridian::routing {
namespace {

template <class Range>
uint32_t IndexOf(const Range& named, std::string_view name) {
  const auto found = std::lower_bound(
      named.begin(), named.end(), name,
      [](const auto& item, std::string_view wanted) { return item.name < wanted; });
  if (found == named.end() || found->name != name) return SiteId::kNoneValue;
  return static_cast<uint32_t>(found - named.begin());
}

// The check that watches a service's endpoints; empty: none.
std::string_view CheckOf(const topology::Service& service, const topology::Topology& topology) {
  if (service.health_check.empty()) return {};
  const auto& checks = topology.health_checks;
  const uint32_t index = IndexOf(checks, service.health_check);
  MERIDIAN_CHECK(index < checks.size());
  return checks[index].type == topology::CheckType::kNone ? std::string_view()
                                                          : service.health_check;
}

bool HasAgents(const topology::Service& service, const topology::Topology& topology) {
  if (CheckOf(service, topology).empty()) return false;
  const topology::HealthCheck& check =
      topology.health_checks[IndexOf(topology.health_checks, service.health_check)];
  return check.type == topology::CheckType::kAgent || check.agent_port != 0;
}

// Of all site sets together: 32 MB, and less than half a second.
constexpr size_t kMaxRankedSpots = size_t{4} << 20;

// Whether sites are chosen by weight alone.
bool ByWeight(const topology::Service& policy) {
  return policy.steering == topology::Steering::kWeighted ||
         policy.steering == topology::Steering::kRandom || KeyDecides(policy.session.by);
}

bool ByDistance(const topology::Service& policy) {
  return policy.steering == topology::Steering::kNearest ||
         policy.steering == topology::Steering::kLatency;
}

bool HomesByHash(const topology::SessionPolicy& session) {
  const bool keyed = session.by == topology::SessionBy::kSource ||
                     session.by == topology::SessionBy::kSipCallId || KeyDecides(session.by);
  return keyed && session.scope == topology::SessionScope::kEndpoint;
}

}  // namespace

class TableBuilder {
 public:
  explicit TableBuilder(const CompileInput& input) : input_(input), topology_(*input.topology) {}

  std::unique_ptr<const Table> Build() {
    table_.locator_ = input_.locator;
    table_.registry_ = input_.registry;
    table_.moved_sessions_ = input_.moved_sessions;
    table_.policies_ = topology_.services;
    AddSites();
    for (uint32_t i = 0; i < table_.policies_.size(); ++i) AddEndpoints(ServiceId{i});
    for (uint32_t i = 0; i < table_.policies_.size(); ++i) AddService(ServiceId{i});
    return std::move(owned_);
  }

 private:
  void AddSites() {
    for (const topology::Site& site : topology_.sites) {
      const SiteId id{static_cast<uint32_t>(table_.sites_.size())};
      if (!site.region.empty()) input_.registry->SetRegion(site.name, site.region);
      const std::optional<geo::Point> point = geo::Point::At(site.latitude, site.longitude);
      MERIDIAN_CHECK(point.has_value());
      table_.sites_.push_back({.id = id,
                               .name = site.name,
                               .region = site.region,
                               .key = Hash(site.name),
                               .latitude = site.latitude,
                               .longitude = site.longitude,
                               .point = *point,
                               .bias = site.bias,
                               .weight = site.weight,
                               .capacity = site.capacity.value_or(UINT64_MAX),
                               .health = &input_.registry->Site(site.name)});
      table_.site_keys_.emplace_back(table_.sites_.back().key, id);
    }
    std::sort(table_.site_keys_.begin(), table_.site_keys_.end());
  }

  // All endpoints stand in one vector before any pool points into it.
  void AddEndpoints(ServiceId service) {
    const topology::Service& policy = table_.policies_[service.value];
    const std::string_view check = CheckOf(policy, topology_);
    for (uint32_t site = 0; site < topology_.sites.size(); ++site) {
      const auto offered = topology_.sites[site].services.find(policy.name);
      if (offered == topology_.sites[site].services.end() || offered->second.empty()) continue;
      ranges_[{service, SiteId{site}}] = {table_.endpoints_.size(), offered->second.size()};
      for (const topology::Endpoint& endpoint : offered->second) {
        const std::optional<net::Address> address = net::Address::Parse(endpoint.address);
        MERIDIAN_CHECK(address.has_value());
        table_.endpoints_.push_back(
            {.id = EndpointId{static_cast<uint32_t>(table_.endpoints_.size())},
             .site = SiteId{site},
             .service = service,
             .address = *address,
             .address_text = endpoint.address,
             .key = Hash(endpoint.address),
             .weight = endpoint.weight,
             .priority = endpoint.priority,
             .name = endpoint.name,
             .health =
                 &input_.registry->Endpoint(topology_.sites[site].name, endpoint.address, check)});
      }
    }
  }

  void AddService(ServiceId id) {
    auto service = std::make_unique<Service>();
    const topology::Service& policy = table_.policies_[id.value];
    const bool recovers = policy.mode == topology::Mode::kDisasterRecovery;
    MERIDIAN_CHECK(recovers == policy.disaster_recovery.has_value());
    service->policy = &policy;
    service->key = Hash(policy.name);
    if (id.value < input_.cookie_keys.size()) service->cookie_keys = input_.cookie_keys[id.value];
    AddPools(id, *service);
    std::vector<SiteId> sites;
    for (const auto& [key, range] : ranges_) {
      if (key.first == id) sites.push_back(key.second);
    }
    service->all = MakeStage(policy, sites);
    for (size_t i = 0; i < policy.rules.size(); ++i) AddRule(policy, i, *service);
    if (recovers) AddRecovery(policy, *service);
    table_.services_.push_back(std::move(service));
  }

  void AddPools(ServiceId id, Service& service) {
    service.pool_of_site.assign(table_.sites_.size(), Service::kNoPool);
    const auto first = ranges_.lower_bound({id, SiteId{0}});
    const auto last = ranges_.lower_bound({ServiceId{id.value + 1}, SiteId{0}});
    service.pools = std::vector<EndpointPool>(static_cast<size_t>(std::distance(first, last)));
    uint32_t index = 0;
    for (auto range = first; range != last; ++range, ++index) {
      service.pool_of_site[range->first.second.value] = index;
      service.pools[index].Build(
          {.endpoints =
               std::span(table_.endpoints_).subspan(range->second.first, range->second.second),
           .balance = service.policy->balance,
           .hashed = HomesByHash(service.policy->session),
           .min_healthy = service.policy->min_healthy,
           .closed = table_.site(range->first.second).weight == 0,
           .limited = table_.site(range->first.second).capacity != UINT64_MAX,
           .slow_start = service.policy->slow_start,
           .agents = HasAgents(*service.policy, topology_)});
    }
  }

  void AddRule(const topology::Service& policy, size_t index, Service& service) {
    FenceRule rule(policy.rules[index], index + 1);
    rule.holds.assign(table_.sites_.size(), false);
    std::vector<SiteId> sites;
    for (const std::string& name : policy.rules[index].sites) {
      const SiteId site = table_.FindSite(name);
      MERIDIAN_CHECK(site.ok());
      if (service.PoolAt(site) == nullptr || rule.holds[site.value]) continue;
      rule.holds[site.value] = true;
      sites.push_back(site);
    }
    std::sort(sites.begin(), sites.end());
    rule.sites = MakeStage(policy, sites);
    service.rules.push_back(std::move(rule));
  }

  void AddRecovery(const topology::Service& policy, Service& service) {
    const topology::DisasterRecovery& recovery = *policy.disaster_recovery;
    RecoverySites sites{.live = &input_.registry->Service(policy.name),
                        .members = {},
                        .reads_nearest = recovery.reads == topology::Reads::kNearest};
    const auto add = [&](const std::string& name) {
      const SiteId site = table_.FindSite(name);
      MERIDIAN_CHECK(site.ok());
      if (service.PoolAt(site) == nullptr) return;
      sites.members.push_back({site, table_.site(site).health->ordinal});
    };
    add(recovery.primary);
    for (const std::string& name : recovery.standby) add(name);
    MERIDIAN_CHECK(sites.members.size() <= topology::kMaxRecoverySites);
    service.recovery = std::move(sites);
  }

  Stage MakeStage(const topology::Service& policy, const std::vector<SiteId>& sites) {
    Stage stage;
    SiteSet& set = SetOf(sites, ByWeight(policy));
    stage.set = &set;
    if (ByDistance(policy)) RankSpots(set);
    if (policy.steering != topology::Steering::kOrdered) return stage;
    std::vector<bool> listed(sites.size(), false);
    const auto list = [&](SiteId site) {
      const auto found = std::lower_bound(sites.begin(), sites.end(), site);
      if (found == sites.end() || *found != site || listed[found - sites.begin()]) return;
      listed[found - sites.begin()] = true;
      stage.ordered.push_back(static_cast<uint16_t>(found - sites.begin()));
    };
    for (const std::string& name : policy.order) list(table_.FindSite(name));
    for (const SiteId site : sites) list(site);
    return stage;
  }

  void RankSpots(SiteSet& set) {
    const size_t spots = input_.locator->spot_count();
    if (set.ranked_spots() != 0 || spots > spots_left_) return;
    set.RankSpots(*input_.locator);
    spots_left_ -= spots;
  }

  SiteSet& SetOf(const std::vector<SiteId>& sites, bool precise) {
    SiteSet*& set = sets_[{sites, precise}];
    if (set == nullptr) {
      table_.site_sets_.push_back(std::make_unique<SiteSet>(sites, table_.sites_, precise));
      set = table_.site_sets_.back().get();
    }
    return *set;
  }

  const CompileInput& input_;
  const topology::Topology& topology_;
  std::unique_ptr<Table> owned_{new Table};
  Table& table_ = *owned_;
  std::map<std::pair<ServiceId, SiteId>, std::pair<size_t, size_t>>
      ranges_;  // first endpoint, count
  std::map<std::pair<std::vector<SiteId>, bool>, SiteSet*> sets_;
  size_t spots_left_ = kMaxRankedSpots;
};

Table::Table() = default;
Table::~Table() = default;

std::unique_ptr<const Table> Table::Compile(const CompileInput& input) {
  MERIDIAN_CHECK(input.topology != nullptr && input.locator != nullptr &&
                 input.registry != nullptr);
  return TableBuilder(input).Build();
}

ServiceId Table::FindService(std::string_view name) const {
  return ServiceId{IndexOf(policies_, name)};
}

SiteId Table::FindSite(std::string_view name) const {
  return SiteId{IndexOf(sites_, name)};
}

SiteId Table::SiteByKey(uint64_t key) const {
  const auto found =
      std::lower_bound(site_keys_.begin(), site_keys_.end(), std::pair(key, SiteId{0}));
  return found != site_keys_.end() && found->first == key ? found->second : SiteId{};
}

std::span<const std::pair<uint64_t, SiteId>> Table::SitesByKeyHead(uint32_t head) const {
  const auto first = std::lower_bound(site_keys_.begin(), site_keys_.end(),
                                      std::pair(uint64_t{head} << 32, SiteId{0}));
  auto last = first;
  while (last != site_keys_.end() && last->first >> 32 == head) ++last;
  return {first, last};
}

std::span<const Endpoint> Table::Pool(ServiceId service, SiteId site) const {
  const EndpointPool* pool = services_[service.value]->PoolAt(site);
  return pool == nullptr ? std::span<const Endpoint>() : pool->endpoints();
}

std::span<health::EndpointHealth* const> Table::PoolHealth(ServiceId service, SiteId site) const {
  const EndpointPool* pool = services_[service.value]->PoolAt(site);
  return pool == nullptr ? std::span<health::EndpointHealth* const>() : pool->health();
}

std::span<const SiteId> Table::SitesOf(ServiceId service) const {
  return services_[service.value]->all.set->members();
}

health::State Table::SiteState(ServiceId service, SiteId site) const {
  const EndpointPool* pool = services_[service.value]->PoolAt(site);
  return pool == nullptr ? health::State::kDown : pool->Status(registry_->version()).state;
}

}  // namespace meridian::routing
