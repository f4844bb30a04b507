// One service, compiled: everything its decisions read besides the sites. Immutable but for the
// atomics inside its pools.
#pragma once

#include "routing/endpoint_pool.h"
#include "routing/fence.h"

#include <meridian/tls/hmac.h>

#include <optional>
#include <vector>

namespace meridian::routing {

struct Service {
  static constexpr uint32_t kNoPool = UINT32_MAX;

  const topology::Service* policy = nullptr;
  uint64_t key = 0;  // Hash of the name: keeps the hashes of services apart
  std::optional<tls::HmacKey> cookie_key;
  std::vector<uint32_t> pool_of_site;  // by SiteId
  std::vector<EndpointPool> pools;     // in order of all.set's members
  Stage all;
  std::vector<FenceRule> rules;

  const EndpointPool* PoolAt(SiteId site) const {
    const uint32_t pool = pool_of_site[site.value];
    return pool == kNoPool ? nullptr : &pools[pool];
  }
};

}  // namespace meridian::routing
