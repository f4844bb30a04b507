// Step 9: the endpoints of one service at one site, and the choice among them. Weights, hash table
// and round-robin sequence are constant; the round-robin cursor and the cached health of the pool
// are one atomic each, so any thread may pick at any time, with no lock and no allocation.
//
// **Slow start**: an endpoint that came up takes part in a share of the picks that grows over
// `slow_start` (health::RampShare), as any other would; in the rest it is passed over as if it were
// down, unless nothing else can be taken. The share is of random draws, or of session hashes where
// the balance goes by hash, so that each session comes home once and stays. For least connections
// each session at it also counts as more than one, so that it does not fill up at once. The share
// of its weight that an endpoint's agent gives it counts in the same way.
//
// **Tiers**: endpoints of one priority are a tier. A pick is made in the lowest tier that has one
// to give (RFC 2782), and the pool's health is that of the lowest tier that has anything up.
#pragma once

#include "routing/maglev.h"

#include <meridian/routing/decide.h>

#include <atomic>
#include <optional>
#include <span>
#include <vector>

namespace meridian::routing {

// Which endpoints may be picked.
enum class Take : uint8_t {
  kNew,       // up, with a weight
  kPinned,    // up, or draining before its deadline, whatever the weight
  kStaying,   // the same, with a weight
  kDraining,  // panic: still alive, with a weight
  kAny,       // panic: all but `out` and weight 0
};

// The health of a pool as a whole.
struct PoolStatus {
  health::State state = health::State::kDown;
  double share = 0;  // of the endpoint weight that is up, less what slow starts hold back
};

class alignas(kCacheLine) EndpointPool {
 public:
  static constexpr size_t kMaxRoundRobin =
      4096;  // turns in a cycle; heavier weights are scaled down to fit

  struct Input {
    std::span<const Endpoint> endpoints;  // outlives the pool
    topology::Balance balance = topology::Balance::kLeastConnections;
    bool hashed = false;  // sessions are homed by hash, whatever `balance` says
    double min_healthy = 0;
    bool closed = false;   // its site has no weight
    bool limited = false;  // its site has a capacity
    Duration slow_start{};
    bool agents = false;  // its endpoints have agents
  };
  static constexpr uint16_t kEveryTier = UINT16_MAX;
  EndpointPool() = default;
  void Build(const Input& input);

  struct Request {
    Take take = Take::kNew;
    bool hashed = false;
    bool peek = false;  // leave the round-robin cursor where it is
    uint64_t hash = 0;  // of the session
    uint64_t draw = 0;
    WallTime wall{};
    MonotonicTime now{};                     // zero: slow starts are over
    bool ramped = false;                     // Pick's own: slow starts count
    uint16_t tier = kEveryTier;              // Pick's own
    std::span<const EndpointId> tried = {};  // not again
  };
  // An index into the endpoints, or empty when none may be taken.
  std::optional<uint32_t> Pick(const Request& request) const;
  // The endpoint the hash belongs to while all are up. Precondition: built `hashed`, and some
  // weight.
  uint32_t Home(uint64_t hash) const { return maglev_.At(hash); }

  // As of the registry's version; sums up anew only when that has moved. `now` is for slow starts
  // (to 8 ms); zero: they count as over.
  PoolStatus Status(uint32_t version, MonotonicTime now = {}) const;

  // Takes no new session, whatever fails: no weight at the site or at any endpoint.
  bool closed() const { return closed_; }
  bool limited() const { return limited_; }
  EndpointId IdOf(uint32_t index) const { return EndpointId{first_.value + index}; }

  std::span<const Endpoint> endpoints() const { return endpoints_; }
  std::span<health::EndpointHealth* const> health() const { return health_; }
  uint64_t total_weight() const { return total_weight_; }
  // The cycle of smooth weighted round-robin.
  std::span<const uint16_t> cycle() const { return cycle_; }

 private:
  bool Eligible(uint32_t index, const Request& request) const;
  // Registered one after the other, as they mostly were, they lie side by side.
  health::EndpointHealth& HealthOf(uint32_t index) const {
    return side_by_side_ != nullptr ? side_by_side_[index] : *health_[index];
  }
  uint32_t WeightOf(uint32_t index) const {
    return common_weight_ != 0 ? common_weight_ : weights_[index];
  }
  uint32_t Weight(uint32_t index, const Request& request) const;
  bool IsOfTier(uint32_t index, uint16_t tier) const {
    return tier == kEveryTier || tier_of_[index] == tier;
  }
  void BuildTiers();
  std::vector<MaglevTable::Item> HashItems() const;
  uint16_t TierInUse() const;
  std::optional<uint32_t> PickInTier(const Request& request) const;
  std::optional<uint32_t> PickBalanced(const Request& request) const;
  double RampShareOf(uint32_t index, MonotonicTime now) const;
  double ShareOf(uint32_t index, MonotonicTime now) const;
  bool TakesPart(uint32_t index, const Request& request) const;
  double RampedLoad(uint32_t index, const Request& request) const;
  bool LessLoaded(uint32_t a, uint32_t b, const Request& request) const;
  std::optional<uint32_t> LeastLoaded(const Request& request) const;
  std::optional<uint32_t> LeastConnections(const Request& request) const;
  std::optional<uint32_t> RoundRobin(const Request& request) const;
  std::optional<uint32_t> Hashed(const Request& request) const;
  std::optional<uint32_t> Random(const Request& request) const;
  uint64_t Summarize() const;
  double RampedShare(uint32_t version, MonotonicTime now) const;

  // What every decision reads stands first, in one cache line.
  mutable std::atomic<uint64_t> summary_{0};  // version · share · state; endpoint_status.cc
  health::EndpointHealth* side_by_side_ = nullptr;
  EndpointId first_;
  uint32_t count_ = 0;
  uint32_t common_weight_ = 0;  // of all endpoints; 0: they differ, or have none
  topology::Balance balance_ = topology::Balance::kLeastConnections;
  bool closed_ = false, limited_ = false, agents_ = false;
  uint16_t tiers_ = 1;
  Duration slow_start_{};

  std::vector<health::EndpointHealth*> health_;
  double min_healthy_ = 0;
  mutable std::atomic<int64_t> warm_at_ns_{0};  // when the last slow start ends
  mutable std::atomic<uint64_t> ramped_{0};     // version · tick · share; endpoint_status.cc
  std::vector<uint32_t> weights_;
  std::vector<uint16_t> tier_of_;  // the lowest is 0; empty: there is only one
  std::span<const Endpoint> endpoints_;
  std::vector<uint64_t> cumulative_;  // random: weights added up
  std::vector<uint16_t> cycle_;       // round-robin
  MaglevTable maglev_;
  uint64_t total_weight_ = 0;
  mutable std::atomic<uint64_t> cursor_{0};  // round-robin: turns taken
};

// Smooth weighted round-robin as nginx does it (each turn all weights are added, the highest sum
// wins and pays the total): one whole cycle for weights divided by their greatest common divisor,
// at most about `limit` turns.
std::vector<uint16_t> SmoothCycle(std::span<const uint32_t> weights, size_t limit);

}  // namespace meridian::routing
