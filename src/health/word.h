// The one atomic word of an EndpointHealth: its facts, the state they give, and until when
// traffic's verdict holds.
//
//   bits 0–1 intent · 2–3 probe · 4–6 agent · 7–8 traffic · 9–15 state · 16–63 until, in ticks of
//   2^20 ns (~1 ms)
//
// Packed together so that a change is one compare-and-swap: no reader and no writer ever meets half
// of one.
#pragma once

#include <meridian/health/health.h>

#include <algorithm>
#include <cstdint>

namespace meridian::health {

struct Registry::Word {
  Facts facts;
  uint64_t until_ticks =
      0;              // when kSuspect or kEjected ends, and afterwards when the last of them ended
  bool warm = false;  // not kept: said by an update under which coming up needs no slow start

  static constexpr int kTickShift = 20;

  static uint64_t Ticks(MonotonicTime time) {
    const int64_t ns = std::max<int64_t>(time.time_since_epoch().count(), 0);
    return static_cast<uint64_t>(ns) >> kTickShift;
  }

  static Word Unpack(uint64_t word) {
    return {.facts = {.intent = static_cast<Intent>(word & 3),
                      .probe = static_cast<Probe>(word >> 2 & 3),
                      .agent = static_cast<Agent>(word >> 4 & 7),
                      .traffic = static_cast<Traffic>(word >> 7 & 3)},
            .until_ticks = word >> 16};
  }

  uint64_t Pack() const {
    return static_cast<uint64_t>(facts.intent) | static_cast<uint64_t>(facts.probe) << 2 |
           static_cast<uint64_t>(facts.agent) << 4 | static_cast<uint64_t>(facts.traffic) << 7 |
           static_cast<uint64_t>(Effective(facts)) << EndpointHealth::kStateShift |
           until_ticks << 16;
  }
};

}  // namespace meridian::health
