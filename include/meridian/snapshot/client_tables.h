// What is known of clients for their limits: how much of its rate each has used, and how many
// connections it has open. Two tables of fixed size that all workers share, without a lock; they
// outlive snapshots. Clients are told apart by a seeded hash.
//
//   set = 8 words, one cache line
//   rates        tag 24 · the time (40 bits of 256 ns) at which all it has sent is paid for
//   connections  tag 48 · how many (16); a word without any is free
//
// Rates are counted by the generic cell rate algorithm (ITU-T I.371): a token bucket in one
// number. A full set of rates forgets the client that is paid for first; in a full set of
// connections a new client is not counted. Both are counted: then the tables are too small.
#pragma once

#include <meridian/base/counter.h>
#include <meridian/base/time.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

namespace meridian::snapshot {

inline constexpr size_t kClientWays = 8;
struct alignas(kCacheLine) ClientSet {
  std::array<std::atomic<uint64_t>, kClientWays> words{};
};

// So many requests a second, and so many at once.
struct Rate {
  uint32_t per_second = 1;
  uint32_t burst = 1;
};

class RateTable {
 public:
  static constexpr uint32_t kMostPerSecond = 1'000'000;
  static constexpr Duration kLongest = std::chrono::hours(1);  // a burst's worth of time
  // At least `clients` words: the next power of two.
  explicit RateTable(size_t clients);

  // Whether one more request of `client` is within `rate` now; counts it if so. Precondition: the
  // rate is at most kMostPerSecond, its burst at most kLongest.
  bool Admit(uint64_t client, MonotonicTime now, const Rate& rate);
  uint64_t evictions() const { return evictions_.load(std::memory_order_relaxed); }

 private:
  size_t mask_;
  std::unique_ptr<ClientSet[]> sets_;
  std::atomic<uint64_t> evictions_{0};
};

class ConnectionTable {
 public:
  static constexpr uint32_t kMost = 65535;  // of one client
  explicit ConnectionTable(size_t clients);

  // One connection, counted as long as this lives; or none. The table outlives it.
  class Place {
   public:
    Place() = default;
    explicit Place(std::atomic<uint64_t>& word) : word_(&word) {}
    Place(Place&& other) noexcept : word_(std::exchange(other.word_, nullptr)) {}
    Place& operator=(Place&& other) noexcept {
      std::swap(word_, other.word_);
      return *this;
    }
    ~Place() {
      if (word_ != nullptr) word_->fetch_sub(1, std::memory_order_relaxed);
    }

   private:
    std::atomic<uint64_t>* word_ = nullptr;
  };
  // Whether `client` may have one more besides those it has, `most` in all; then `place` counts it.
  bool Enter(uint64_t client, uint32_t most, Place& place);
  uint64_t uncounted() const { return uncounted_.load(std::memory_order_relaxed); }

 private:
  size_t mask_;
  std::unique_ptr<ClientSet[]> sets_;
  std::atomic<uint64_t> uncounted_{0};
};

struct ClientTables {
  ClientTables(size_t clients, uint64_t with_seed)
      : seed(with_seed), rates(clients), connections(clients) {}

  const uint64_t seed;
  RateTable rates;
  ConnectionTable connections;
};

}  // namespace meridian::snapshot
