// How a room reports its numbers: it is asked to Collect, and names each value to a sink. The admin
// room's sink writes Prometheus text; a test's sink keeps a map. Names carry the prefix
// "meridian_", base units and, for counters,
// "_total" (Prometheus naming rules). All samples of one name are reported in one run, help and
// labels alike.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

#include <meridian/base/counter.h>

namespace meridian {

struct Label {
  std::string_view name, value;
};
using Labels = std::initializer_list<Label>;

// Durations by powers of two: bucket i counts those below 2^i × 64 µs; the last is unbounded. One
// writer.
class Histogram {
 public:
  static constexpr size_t kBuckets = 20;
  static constexpr double UpperSeconds(size_t bucket) {
    return 64e-6 * static_cast<double>(uint64_t{1} << bucket);
  }

  void Observe(int64_t nanoseconds) {
    const uint64_t units = nanoseconds <= 0 ? 0 : static_cast<uint64_t>(nanoseconds) / 64000;
    size_t bucket = units == 0 ? 0 : static_cast<size_t>(64 - __builtin_clzll(units));
    if (bucket >= kBuckets) bucket = kBuckets - 1;
    counts_[bucket].Add();
    sum_ns_.Add(nanoseconds <= 0 ? 0 : static_cast<uint64_t>(nanoseconds));
  }

  // A copy of what a Histogram holds, to be summed over threads.
  struct Values {
    std::array<uint64_t, kBuckets> counts{};
    uint64_t sum_ns = 0;
  };
  void AddTo(Values& values) const {
    for (size_t i = 0; i < kBuckets; ++i) values.counts[i] += counts_[i].value();
    values.sum_ns += sum_ns_.value();
  }

 private:
  std::array<Counter, kBuckets> counts_;
  Counter sum_ns_;
};

class MetricSink {
 public:
  virtual void Count(std::string_view name, std::string_view help, Labels labels,
                     uint64_t value) = 0;
  virtual void Gauge(std::string_view name, std::string_view help, Labels labels, double value) = 0;
  virtual void Distribution(std::string_view name, std::string_view help, Labels labels,
                            const Histogram::Values& values) = 0;

 protected:
  ~MetricSink() = default;
};

}  // namespace meridian
