// One endpoint as the Registry keeps it: what names its health, and how that changes.
#pragma once

#include "health/word.h"

#include <string>

namespace meridian::health {

static_assert(sizeof(EndpointHealth) == kCacheLine);

struct EndpointHealth::Identity {
  std::string site, address, check;
  SiteHealth& site_health;
  std::atomic<int64_t> since_ns{0};
  ResponseTime response_time = {};
  std::atomic<int64_t> busy_until_ns{INT64_MIN};
  std::atomic<int64_t> heard_ns{INT64_MIN};
  std::atomic<int64_t> asked_ns{INT64_MIN};  // the first that was asked since
  std::atomic<int64_t> certificate_expires_ns{0};
  std::string agent_reason = {};  // the registry's mutex
};

// `update(Word&)` edits a copy and says whether to go on; it may run several times. True: the state
// changed, and `told` holds what to tell.
template <class Update>
bool Registry::Apply(EndpointHealth& endpoint, MonotonicTime now, Update update, Change& told) {
  uint64_t before = endpoint.word_.load(std::memory_order_relaxed);
  for (;;) {
    Word word = Word::Unpack(before);
    if (!update(word)) return false;
    const uint64_t after = word.Pack();
    if (after == before) return false;
    if (!endpoint.word_.compare_exchange_weak(before, after, std::memory_order_relaxed)) continue;
    const State was = EndpointHealth::StateOf(before), is = Effective(word.facts);
    if (was == is) return false;
    if (now != MonotonicTime{}) {
      const int64_t now_ns = now.time_since_epoch().count();
      endpoint.identity_->since_ns.store(now_ns, std::memory_order_relaxed);
      const bool cold =
          is == State::kUp && !word.warm && slow_starts_.load(std::memory_order_relaxed);
      if (cold) endpoint.cold_since_ns_.store(now_ns, std::memory_order_relaxed);
    }
    version_.fetch_add(1, std::memory_order_release);
    const EndpointHealth::Identity& name = *endpoint.identity_;
    told = {name.site, name.address, name.check, &endpoint, was, is, word.facts};
    return true;
  }
}

}  // namespace meridian::health
