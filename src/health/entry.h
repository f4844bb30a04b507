// One endpoint as the Registry keeps it: its health and what names it. Every EndpointHealth is the
// base of one.
#pragma once

#include "health/word.h"

#include <string>

namespace meridian::health {

struct Registry::Entry final : EndpointHealth {
  Entry(std::string_view site_name, std::string_view address_text, std::string_view check_name,
        SiteHealth& health_of_site)
      : site(site_name), address(address_text), check(check_name), site_health(health_of_site) {}

  const std::string site, address, check;
  SiteHealth& site_health;
};

inline Registry::Entry& Registry::EntryOf(EndpointHealth& endpoint) {
  return static_cast<Entry&>(endpoint);
}

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
    const State was = static_cast<State>(before >> 8 & 0xff), is = Effective(word.facts);
    if (was == is) return false;
    if (now != MonotonicTime{}) {
      const int64_t now_ns = now.time_since_epoch().count();
      endpoint.since_ns_.store(now_ns, std::memory_order_relaxed);
      const bool cold =
          is == State::kUp && !word.warm && slow_starts_.load(std::memory_order_relaxed);
      if (cold) endpoint.cold_since_ns_.store(now_ns, std::memory_order_relaxed);
    }
    version_.fetch_add(1, std::memory_order_release);
    const Entry& entry = EntryOf(endpoint);
    told = {entry.site, entry.address, entry.check, &endpoint, was, is, word.facts};
    return true;
  }
}

}  // namespace meridian::health
