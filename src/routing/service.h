// One service, compiled: everything its decisions read besides the sites. Immutable but for the
// atomics inside its pools.
#pragma once

#include "routing/endpoint_pool.h"
#include "routing/fence.h"

#include <meridian/tls/hmac.h>

#include <optional>
#include <vector>

namespace meridian::routing {

// The sites of a disaster-recovery service, the primary first, and the live view that names the
// active one.
struct RecoverySites {
  struct Member {
    SiteId site;
    health::SiteOrdinal ordinal = health::kNoSite;
  };
  const health::ServiceHealth* live = nullptr;
  std::vector<Member> members;  // at most kMaxRecoverySites; those that offer the service
  bool reads_nearest = false;
};

// Whether sessions have a key that is to decide alone, wherever their clients are. A SIP Call-ID is
// not: a call goes to a site as its caller does, and keeps to a server there.
inline bool KeyDecides(topology::SessionBy by) {
  return by == topology::SessionBy::kHeader || by == topology::SessionBy::kQuery ||
         by == topology::SessionBy::kSni || by == topology::SessionBy::kBytes;
}

struct Service {
  static constexpr uint32_t kNoPool = UINT32_MAX;

  const topology::Service* policy = nullptr;
  uint64_t key = 0;  // Hash of the name: keeps the hashes of services apart
  std::optional<tls::HmacKeys> cookie_keys;
  std::vector<uint32_t> pool_of_site;  // by SiteId
  std::vector<EndpointPool> pools;     // in order of all.set's members
  Stage all;
  std::vector<FenceRule> rules;
  std::optional<RecoverySites> recovery;  // exactly in mode disaster-recovery

  const EndpointPool* PoolAt(SiteId site) const {
    const uint32_t pool = pool_of_site[site.value];
    return pool == kNoPool ? nullptr : &pools[pool];
  }
};

}  // namespace meridian::routing
