// What a decision tells of each site it considers, for explain. The live path has none.
#pragma once

#include <meridian/routing/decide.h>

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

 private:
  std::vector<Seen> seen_;
};

}  // namespace meridian::routing
