// How long an endpoint takes to answer at its slowest: the 99th percentile of its response times,
// estimated in one word. Many workers write, relaxed; a sample lost to another's does not matter.
//
// Each sample above the estimate raises it by a twentieth (but not past the sample), each below
// lowers it by a two-thousandth: it rests where one in a hundred is above, and follows a change
// within some hundred requests. It begins as the largest of the first kLeastSamples.
#pragma once

#include <meridian/base/time.h>

#include <atomic>
#include <cstdint>

namespace meridian::health {

class ResponseTime {
 public:
  static constexpr uint32_t kLeastSamples = 100;

  void Observe(Duration took);
  // Zero: too few samples to say.
  Duration p99() const;

 private:
  static constexpr int kCountBits = 8;
  std::atomic<uint64_t> word_{0};  // samples, up to kLeastSamples, in the low bits; nanoseconds
};

}  // namespace meridian::health
