// How far away a site is in time, for steering by latency: a moving average of measured round trips
// and, apart from it, the published value by which sites are put in order. The published value
// follows the average only once that has left a band around it, so that noise moves no client; two
// sites change places only when one of them has become slower or faster by more than the band. (And
// once more with the kSamples-th sample: what a few samples gave is no firm ground to stand on.)
// Atomics; written by any thread, and a sample that loses a race against another is dropped.
#pragma once

#include <meridian/base/time.h>

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace meridian::health {

class RoundTrip {
 public:
  // A sample's weight in the average, once there are that many: until then it is the plain mean.
  static constexpr int64_t kSamples = 32;
  // The band is the larger of the two.
  static constexpr Duration kLeastBand = std::chrono::milliseconds(1);
  static constexpr int64_t kBandDivisor = 10;
  static constexpr Duration kLongest = std::chrono::minutes(1);  // longer samples count as this

  static constexpr Duration Band(Duration published) {
    return std::max(kLeastBand, published / kBandDivisor);
  }

  // True: the published value has moved.
  bool Observe(Duration sample);

  // Zero: never measured.
  Duration average() const {
    return Duration(static_cast<int64_t>(state_.load(std::memory_order_relaxed) >> kCountBits));
  }
  Duration published() const { return Duration(published_ns_.load(std::memory_order_relaxed)); }

 private:
  static constexpr int kCountBits = 8;
  static constexpr uint64_t kCountMask = 0xff;

  std::atomic<uint64_t> state_{0};  // average in ns, samples up to kSamples
  std::atomic<int64_t> published_ns_{0};
};

}  // namespace meridian::health
