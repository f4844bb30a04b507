// Counters that one thread writes and any thread reads: plain adds for the owner (a relaxed store,
// no locked instruction), torn-free for the reader. Group those of one thread in a struct aligned
// to kCacheLine.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace meridian {

inline constexpr size_t kCacheLine = 64;

class Counter {
 public:
  void Add(uint64_t amount = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  void Subtract(uint64_t amount = 1) {
    value_.store(value_.load(std::memory_order_relaxed) - amount, std::memory_order_relaxed);
  }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

}  // namespace meridian
