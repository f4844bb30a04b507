// The health of a pool as a whole, summed up once per change of the registry by whoever first needs
// it. The summary is one atomic word, so that two threads that sum up at once do no harm:
//
//   bits 0–31 version · 32–47 share of the weight that is up, in 1/65535 · 48–55 state
#include "routing/endpoint_pool.h"

#include <cmath>

namespace meridian::routing {
namespace {

constexpr double kWhole = 65535;

}  // namespace

PoolStatus EndpointPool::Status(uint32_t version) const {
  uint64_t summary = summary_.load(std::memory_order_relaxed);
  if (static_cast<uint32_t>(summary) != version || summary == 0) {
    summary = Summarize() | version;
    summary_.store(summary, std::memory_order_relaxed);
  }
  return {.state = static_cast<health::State>(summary >> 48 & 0xff),
          .share = static_cast<double>(summary >> 32 & 0xffff) / kWhole};
}

uint64_t EndpointPool::Summarize() const {
  const bool weightless = total_weight_ == 0;
  uint64_t up = 0, total = 0;
  bool draining = false, all_out = true;
  for (size_t i = 0; i < health_.size(); ++i) {
    const uint64_t weight = weightless ? 1 : weights_[i];
    const health::State state = health_[i]->state();
    total += weight;
    if (state == health::State::kUp) up += weight;
    draining |= state == health::State::kDraining;
    all_out &= state == health::State::kOut;
  }
  const double share = total == 0 ? 0 : static_cast<double>(up) / static_cast<double>(total);
  health::State state = health::State::kDown;
  if (up != 0 && share >= min_healthy_) {
    state = up == total ? health::State::kUp : health::State::kDegraded;
  } else if (up == 0 && draining) {
    state = health::State::kDraining;
  } else if (all_out) {
    state = health::State::kOut;
  }
  // A share that is not nothing must not round to nothing.
  const uint64_t parts = static_cast<uint64_t>(std::ceil(share * kWhole));
  return parts << 32 | static_cast<uint64_t>(state) << 48;
}

}  // namespace meridian::routing
