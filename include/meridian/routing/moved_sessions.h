// Where sessions without a cookie stay once they have moved (on_recovery: stay): session hash →
// site and endpoint. A table of fixed size that all workers share, without a lock: a session is
// looked up at each of its decisions and written only when it moves. Made by the control thread; it
// outlives snapshots, since it names places by their keys, as cookies do.
//
//   set = 4 slots, one cache line; slot = two words
//   first    tag 32 (the hash's upper half) · written at 32 (s UTC; the word 0: free, 1: in use)
//   second   (site key 32 · endpoint key 32) ⊕ Mix(hash)
//
// The second word can be read only with the hash it was written for: a torn read, or a session with
// an equal tag, gives a place that is none. A full set gives up the slot that was written first.
#pragma once

#include <meridian/base/counter.h>
#include <meridian/base/time.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

namespace meridian::routing {

class MovedSessions {
 public:
  // The upper halves of a Site's and an Endpoint's key.
  struct Place {
    uint32_t site = 0, endpoint = 0;

    bool operator==(const Place&) const = default;
  };

  static constexpr size_t kSlotBytes = 16;
  static constexpr size_t kWays = 4;
  // At least `sessions` slots: the next power of two.
  explicit MovedSessions(size_t sessions);

  size_t capacity() const { return kWays * (mask_ + 1); }
  // Where the session moved to, if that was not longer ago than `ttl`. It may be a place that is
  // none.
  std::optional<Place> Find(uint64_t session, WallTime now, Duration ttl) const;
  void Put(uint64_t session, Place place, WallTime now);

  // Slots in use; what was given up for another session so far.
  uint64_t entries() const { return entries_.load(std::memory_order_relaxed); }
  uint64_t evictions() const { return evictions_.load(std::memory_order_relaxed); }

 private:
  struct Slot {
    std::atomic<uint64_t> stamp{0}, place{0};
  };
  struct alignas(kCacheLine) Set {
    std::array<Slot, kWays> slots;
  };

  size_t mask_;
  std::unique_ptr<Set[]> sets_;
  std::atomic<uint64_t> entries_{0}, evictions_{0};
};

}  // namespace meridian::routing
