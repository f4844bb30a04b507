// See moved_sessions.h.
#include <meridian/base/check.h>
#include <meridian/base/hash.h>
#include <meridian/routing/moved_sessions.h>

#include <algorithm>
#include <bit>

namespace meridian::routing {
namespace {

constexpr uint64_t kFree = 0, kInUse = 1;
constexpr uint64_t kTagMask = 0xffffffff00000000u;

uint64_t SecondsOf(WallTime time) {
  const int64_t seconds =
      std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
  return static_cast<uint64_t>(std::clamp<int64_t>(seconds, 2, UINT32_MAX));
}

uint64_t TimeOf(uint64_t stamp) {
  return stamp & ~kTagMask;
}

bool IsOf(uint64_t stamp, uint64_t session) {
  return stamp > kInUse && (stamp & kTagMask) == (session & kTagMask);
}

}  // namespace

MovedSessions::MovedSessions(size_t sessions)
    : mask_(std::bit_ceil(std::max<size_t>((sessions + kWays - 1) / kWays, 1)) - 1),
      sets_(std::make_unique<Set[]>(mask_ + 1)) {
  static_assert(sizeof(Slot) == kSlotBytes);
}

std::optional<MovedSessions::Place> MovedSessions::Find(uint64_t session, WallTime now,
                                                        Duration ttl) const {
  const uint64_t oldest = SecondsOf(now - ttl);
  uint64_t latest = 0, found = 0;
  for (const Slot& slot : sets_[session & mask_].slots) {
    const uint64_t stamp = slot.stamp.load(std::memory_order_acquire);
    if (!IsOf(stamp, session) || TimeOf(stamp) < oldest || TimeOf(stamp) < latest) continue;
    latest = TimeOf(stamp);
    found = slot.place.load(std::memory_order_relaxed) ^ Mix(session);
  }
  if (latest == 0) return std::nullopt;
  return Place{static_cast<uint32_t>(found >> 32), static_cast<uint32_t>(found)};
}

// A slot is taken by marking it as in use, which one writer alone can do; a writer that loses a
// slot looks again, and what finds none in as many rounds as there are slots is not remembered.
void MovedSessions::Put(uint64_t session, Place place, WallTime now) {
  Set& set = sets_[session & mask_];
  const uint64_t stamp = (session & kTagMask) | SecondsOf(now);
  const uint64_t value = (uint64_t{place.site} << 32 | place.endpoint) ^ Mix(session);
  for (size_t round = 0; round < kWays; ++round) {
    Slot* best = nullptr;
    uint64_t seen = 0;
    for (Slot& slot : set.slots) {
      const uint64_t there = slot.stamp.load(std::memory_order_relaxed);
      if (there == kInUse) continue;
      if (best == nullptr || TimeOf(there) < TimeOf(seen)) best = &slot, seen = there;
      if (!IsOf(there, session)) continue;
      best = &slot, seen = there;
      break;
    }
    if (best == nullptr) continue;
    if (!best->stamp.compare_exchange_strong(seen, kInUse, std::memory_order_acquire)) continue;
    best->place.store(value, std::memory_order_relaxed);
    best->stamp.store(stamp, std::memory_order_release);
    if (seen == kFree) {
      entries_.fetch_add(1, std::memory_order_relaxed);
    } else if (!IsOf(seen, session)) {
      evictions_.fetch_add(1, std::memory_order_relaxed);
    }
    return;
  }
  evictions_.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace meridian::routing
