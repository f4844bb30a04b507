// What a decision tells of each site it considers, and of those it would go on to, for explain. The
// live path has none.
#pragma once

#include <meridian/routing/decide.h>

#include <algorithm>
#include <vector>

namespace meridian::routing {

// What a step says of one site for one client.
enum class Standing : uint8_t {
  kUsable,
  kWeightless,  // its weight, or that of all its endpoints, is 0
  kOut,
  kDraining,
  kDown,
  kNotItsShare,  // degraded, and this client is not of the share it keeps
  kFull,         // at its capacity
};

class Trace {
 public:
  struct Seen {
    SiteId site;
    Standing standing = Standing::kUsable;
  };

  // In the client's order; a site once, as it stood at first.
  void Consider(SiteId site, Standing standing) {
    for (const Seen& seen : seen_) {
      if (seen.site == site) return;
    }
    seen_.push_back({site, standing});
  }
  const std::vector<Seen>& seen() const { return seen_; }

  // In the order of their turns: the choice, what comes if that is tried in vain, and so on.
  void Await(SiteId site) {
    if (TurnOf(site) < 0) awaited_.push_back(site);
  }
  int TurnOf(SiteId site) const {
    const auto found = std::find(awaited_.begin(), awaited_.end(), site);
    return found == awaited_.end() ? -1 : static_cast<int>(found - awaited_.begin());
  }
  const std::vector<SiteId>& awaited() const { return awaited_; }

 private:
  std::vector<Seen> seen_;
  std::vector<SiteId> awaited_;
};

}  // namespace meridian::routing
