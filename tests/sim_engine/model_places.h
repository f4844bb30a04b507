// Where everything is, and what is true of it: sites in regions, their endpoints, who lost what,
// what checks have told and what operators intend. The truth that the oracle judges by; nothing of
// it is taken from the engine.
#pragma once

#include <meridian/health/health.h>
#include <meridian/net/random.h>
#include <meridian/topology/topology.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace meridian::failover::sim {

inline constexpr int kRise = 2, kFall = 2;

struct ModelEndpoint {
  size_t site = 0;
  std::string service, address;
  uint32_t weight = 1;
  bool is_lost = false;
  // By the model's own count of what its checks told.
  int good = 0, bad = 0;
  health::Probe verdict = health::Probe::kUnknown;
};

class Places {
 public:
  Places(size_t sites, net::Random& random);

  size_t size() const { return names_.size(); }
  const std::vector<std::string>& names() const { return names_; }
  const std::string& region(size_t site) const { return regions_[site]; }
  bool InRegion(size_t site, const std::string& region) const { return regions_[site] == region; }
  size_t IndexOf(std::string_view site) const;  // size(): none
  uint32_t weight(size_t site) const { return topology_.sites[site].weight; }
  uint64_t capacity(size_t site) const {
    return topology_.sites[site].capacity.value_or(UINT64_MAX);
  }
  const topology::Topology& topology() const { return topology_; }
  void Recover(const topology::DisasterRecovery& policy) {  // of billing
    topology_.services[0].disaster_recovery = policy;
  }

  std::vector<ModelEndpoint>& endpoints() { return endpoints_; }
  const std::vector<ModelEndpoint>& endpoints() const { return endpoints_; }
  const ModelEndpoint& At(std::string_view address) const;

  // One answer of a check. True: it moved the verdict.
  static bool Count(ModelEndpoint& endpoint, bool is_good);
  void ForgetChecks();
  // Down, unless any endpoint of the service there is up; unknown until one was checked.
  health::Probe VerdictOf(size_t site, std::string_view service) const;

  // An operator's word for "region", "site" or "site/address"; it outlives a crash.
  void Intend(const std::string& target, const health::IntentRecord& record);
  const std::map<std::string, health::IntentRecord>& intents() const { return intents_; }
  // The strictest that covers it; of drains the one that ends first.
  health::IntentRecord IntentOf(size_t site, std::string_view address = {}) const;

 private:
  void AddEndpoints(const char* service, int third, int count, net::Random& random);

  std::vector<std::string> names_, regions_;
  topology::Topology topology_;
  std::vector<ModelEndpoint> endpoints_;
  std::map<std::string, health::IntentRecord> intents_;
};

}  // namespace meridian::failover::sim
