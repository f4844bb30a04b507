// See round_trip.h. Any thread.
#include <meridian/health/round_trip.h>

#include <algorithm>

namespace meridian::health {

bool RoundTrip::Observe(Duration sample) {
  uint64_t before = state_.load(std::memory_order_relaxed);
  const int64_t count = std::min<int64_t>(static_cast<int64_t>(before & kCountMask) + 1, kSamples);
  const int64_t old = static_cast<int64_t>(before >> kCountBits);
  const int64_t capped = std::clamp<int64_t>(sample.count(), 1, kLongest.count());
  const int64_t average = std::max<int64_t>(old + (capped - old) / count, 1);
  const uint64_t after =
      static_cast<uint64_t>(average) << kCountBits | static_cast<uint64_t>(count);
  if (!state_.compare_exchange_strong(before, after, std::memory_order_relaxed)) return false;
  const bool settled = count == kSamples && (before & kCountMask) != kSamples;
  const Duration known = published();
  const Duration moved =
      known > Duration(average) ? known - Duration(average) : Duration(average) - known;
  if (known != Duration(0) && !settled && moved <= Band(known)) return false;
  published_ns_.store(average, std::memory_order_relaxed);
  return true;
}

}  // namespace meridian::health
