// The health of a pool as a whole, summed up once per change of the registry by whoever first needs
// it. The summary is one atomic word, so that two threads that sum up at once do no harm:
//
//   bits 0–31 version · 32–47 share of the weight that is up, in 1/65535 · 48–55 state
//
// While an endpoint is in slow start the share also grows with time. It is then that of a tick's
// beginning, summed up once per tick, so that it is still a function of (health view, time):
//
//   bits 0–23 version · 24–47 tick of 2^23 ns (~8 ms) · 48–63 share, in 1/65535
#include "routing/endpoint_pool.h"

#include <algorithm>
#include <cmath>

namespace meridian::routing {
namespace {

constexpr double kWhole = 65535;
constexpr int kTickShift = 23;
constexpr uint64_t kLow24 = (uint64_t{1} << 24) - 1, kTagBits = (uint64_t{1} << 48) - 1;

// A share that is not nothing must not round to nothing.
uint64_t Parts(double share) {
  return static_cast<uint64_t>(std::ceil(share * kWhole));
}

}  // namespace

PoolStatus EndpointPool::Status(uint32_t version, MonotonicTime now) const {
  uint64_t summary = summary_.load(std::memory_order_acquire);
  if (static_cast<uint32_t>(summary) != version || summary == 0) {
    summary = Summarize() | version;
    summary_.store(summary, std::memory_order_release);
  }
  PoolStatus status{.state = static_cast<health::State>(summary >> 48 & 0xff),
                    .share = static_cast<double>(summary >> 32 & 0xffff) / kWhole};
  const bool ramps = slow_start_ != Duration(0) && now != MonotonicTime{};
  if (ramps && now.time_since_epoch().count() < warm_at_ns_.load(std::memory_order_relaxed)) {
    status.share = RampedShare(version, now);
  }
  return status;
}

double EndpointPool::RampedShare(uint32_t version, MonotonicTime now) const {
  const int64_t tick = now.time_since_epoch().count() >> kTickShift;
  const uint64_t tag = (version & kLow24) | (static_cast<uint64_t>(tick) & kLow24) << 24;
  uint64_t ramped = ramped_.load(std::memory_order_relaxed);
  if (ramped == 0 || (ramped & kTagBits) != tag) {
    double up = 0, total = 0;
    const uint16_t tier = TierInUse();
    for (uint32_t i = 0; i < count_; ++i) {
      if (!IsOfTier(i, tier)) continue;
      const double weight = total_weight_ == 0 ? 1 : weights_[i];
      total += weight;
      if (HealthOf(i).state() != health::State::kUp) continue;
      up += weight * RampShareOf(i, MonotonicTime(Duration(tick << kTickShift)));
    }
    ramped = tag | Parts(total == 0 ? 0 : up / total) << 48;
    ramped_.store(ramped, std::memory_order_relaxed);
  }
  return static_cast<double>(ramped >> 48) / kWhole;
}

// Every tier, if there is but one or nothing is up in any.
uint16_t EndpointPool::TierInUse() const {
  uint16_t lowest = kEveryTier;
  for (uint32_t i = 0; tiers_ > 1 && i < count_; ++i) {
    const bool counts = weights_[i] != 0 || total_weight_ == 0;
    if (counts && HealthOf(i).state() == health::State::kUp) lowest = std::min(lowest, tier_of_[i]);
  }
  return lowest;
}

uint64_t EndpointPool::Summarize() const {
  const bool weightless = total_weight_ == 0;
  const uint16_t tier = TierInUse();
  uint64_t up = 0, total = 0;
  bool draining = false, all_out = true, all_up = true;
  int64_t last_cold_ns = 0;
  for (size_t i = 0; i < health_.size(); ++i) {
    const uint64_t weight = weightless ? 1 : weights_[i];
    const health::State state = HealthOf(i).state();
    const bool counts = IsOfTier(static_cast<uint32_t>(i), tier);
    total += counts ? weight : 0;
    all_up &= state == health::State::kUp || weight == 0;
    if (state == health::State::kUp) {
      up += counts ? weight : 0;
      last_cold_ns =
          std::max<int64_t>(last_cold_ns, HealthOf(i).cold_since().time_since_epoch().count());
    }
    draining |= state == health::State::kDraining;
    all_out &= state == health::State::kOut;
  }
  const double share = total == 0 ? 0 : static_cast<double>(up) / static_cast<double>(total);
  health::State state = health::State::kDown;
  if (up != 0 && share >= min_healthy_) {
    state = all_up ? health::State::kUp : health::State::kDegraded;
  } else if (up == 0 && draining) {
    state = health::State::kDraining;
  } else if (all_out) {
    state = health::State::kOut;
  }
  warm_at_ns_.store(last_cold_ns == 0 ? 0 : last_cold_ns + slow_start_.count(),
                    std::memory_order_relaxed);
  return Parts(share) << 32 | static_cast<uint64_t>(state) << 48;
}

}  // namespace meridian::routing
