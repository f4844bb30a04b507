// The truth that Meridian does not see: what is dead, and who reaches whom. What is down is silent,
// as if its power had been cut; so is the other side of a partition.
#pragma once

#include <meridian/config/scenario.h>
#include <meridian/routing/table.h>

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace meridian::simulate {

class Nature {
 public:
  explicit Nature(const routing::Table& table)
      : table_(table),
        dead_(table.endpoints().size()),
        dead_sites_(table.sites().size()),
        cut_off_(table.sites().size()) {}

  void Set(const config::Target& target, bool alive) {
    const SiteId site = table_.FindSite(target.site);
    if (target.address.empty()) dead_sites_[site.value] = !alive;
    for (const routing::Endpoint& endpoint : table_.endpoints()) {
      const bool is_it = target.address.empty() || endpoint.address_text == target.address;
      if (endpoint.site == site && is_it) dead_[endpoint.id.value] = !alive;
    }
  }
  // One end may be "meridian".
  void SetReach(const std::pair<std::string, std::string>& ends, bool reach) {
    const SiteId b = table_.FindSite(ends.second);
    if (ends.first == config::kMeridian) {
      cut_off_[b.value] = !reach;
      return;
    }
    const SiteId a = table_.FindSite(ends.first);
    const std::pair<SiteId, SiteId> pair = std::minmax(a, b);
    if (reach) {
      cuts_.erase(pair);
    } else {
      cuts_.insert(pair);
    }
  }

  // Whether Meridian gets an answer.
  bool Answers(const routing::Endpoint& endpoint) const {
    return !dead_[endpoint.id.value] && !cut_off_[endpoint.site.value];
  }
  bool IsAlive(SiteId site) const { return !dead_sites_[site.value]; }
  bool IsReached(SiteId site) const { return IsAlive(site) && !cut_off_[site.value]; }
  bool AreConnected(SiteId a, SiteId b) const {
    return IsAlive(a) && IsAlive(b) && !cuts_.contains(std::minmax(a, b));
  }

 private:
  const routing::Table& table_;
  std::vector<bool> dead_, dead_sites_, cut_off_;  // by EndpointId, SiteId, SiteId
  std::set<std::pair<SiteId, SiteId>> cuts_;
};

}  // namespace meridian::simulate
