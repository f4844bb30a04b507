// See client_tables.h.
#include <meridian/base/check.h>
#include <meridian/snapshot/client_tables.h>

#include <algorithm>
#include <bit>

namespace meridian::snapshot {
namespace {

constexpr int kTries = 4;  // against other workers; a client that is so busy is not counted once

size_t MaskFor(size_t clients) {
  return std::bit_ceil(std::max<size_t>((clients + kClientWays - 1) / kClientWays, 1)) - 1;
}

// ---- rates

constexpr int kTickShift = 8;  // 256 ns
constexpr int kTimeBits = 40;
constexpr uint64_t kTimeMask = (uint64_t{1} << kTimeBits) - 1;

uint64_t Ticks(int64_t nanoseconds) {
  return static_cast<uint64_t>(nanoseconds) >> kTickShift;
}

// How far `time` lies ahead of `now`, on the clock of 40 bits; what lies farther ahead than any
// burst is of the past.
uint64_t Ahead(uint64_t time, uint64_t now) {
  const uint64_t ahead = (time - now) & kTimeMask;
  return ahead <= 2 * Ticks(RateTable::kLongest.count()) ? ahead : 0;
}

uint64_t RateTag(uint64_t client) {
  return std::max<uint64_t>(client >> kTimeBits, 1) << kTimeBits;  // 0 is a free word
}

struct Found {
  std::atomic<uint64_t>* word = nullptr;
  uint64_t seen = 0;
  bool is_own = false;
};

// The client's word, or the one to take for it: that which is paid for first.
Found FindRate(ClientSet& set, uint64_t tag, uint64_t now) {
  Found best;
  for (auto& word : set.words) {
    const uint64_t seen = word.load(std::memory_order_relaxed);
    if ((seen & ~kTimeMask) == tag) return {&word, seen, true};
    if (best.word == nullptr || Ahead(seen, now) < Ahead(best.seen, now)) best = {&word, seen};
  }
  return best;
}

// ---- connections

constexpr uint64_t kCountMask = 0xffff;

}  // namespace

RateTable::RateTable(size_t clients)
    : mask_(MaskFor(clients)), sets_(std::make_unique<ClientSet[]>(mask_ + 1)) {}

bool RateTable::Admit(uint64_t client, MonotonicTime time, const Rate& rate) {
  MERIDIAN_CHECK(rate.per_second > 0 && rate.per_second <= kMostPerSecond && rate.burst > 0);
  const uint64_t now = Ticks(time.time_since_epoch().count()) & kTimeMask;
  const uint64_t cost = Ticks(1'000'000'000 / rate.per_second);
  const uint64_t tag = RateTag(client);
  ClientSet& set = sets_[client & mask_];
  for (int i = 0; i < kTries; ++i) {
    Found found = FindRate(set, tag, now);
    const uint64_t owed = found.seen == 0 ? 0 : Ahead(found.seen, now);
    const uint64_t own = found.is_own ? owed : 0;
    if (own + cost > rate.burst * cost) return false;
    const uint64_t next = tag | ((now + own + cost) & kTimeMask);
    if (!found.word->compare_exchange_weak(found.seen, next, std::memory_order_relaxed)) continue;
    if (!found.is_own && owed > 0) evictions_.fetch_add(1, std::memory_order_relaxed);
    return true;
  }
  return true;
}

ConnectionTable::ConnectionTable(size_t clients)
    : mask_(MaskFor(clients)), sets_(std::make_unique<ClientSet[]>(mask_ + 1)) {}

bool ConnectionTable::Enter(uint64_t client, uint32_t most, Place& place) {
  const uint64_t tag = client & ~kCountMask;
  ClientSet& set = sets_[client & mask_];
  for (int i = 0; i < kTries; ++i) {
    std::atomic<uint64_t>* word = nullptr;
    uint64_t seen = 0;
    for (auto& candidate : set.words) {
      const uint64_t there = candidate.load(std::memory_order_relaxed);
      const bool is_own = (there & kCountMask) != 0 && (there & ~kCountMask) == tag;
      if (!is_own && ((there & kCountMask) != 0 || word != nullptr)) continue;
      word = &candidate, seen = there;
      if (is_own) break;
    }
    if (word == nullptr) break;
    const uint64_t count = (seen & kCountMask) != 0 ? (seen & kCountMask) : 0;
    if (count >= std::min(most, kMost)) return false;
    if (!word->compare_exchange_weak(seen, tag | (count + 1), std::memory_order_relaxed)) continue;
    place = Place(*word);
    return true;
  }
  uncounted_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

}  // namespace meridian::snapshot
