// See health/response_time.h.
#include <meridian/health/response_time.h>

#include <algorithm>

#include "health/apply.h"

namespace meridian::health {
namespace {

constexpr Duration kJustNow = std::chrono::milliseconds(1);

}  // namespace

void ResponseTime::Observe(Duration took) {
  constexpr uint64_t kMost = UINT64_MAX >> kCountBits;
  const uint64_t sample =
      std::min(static_cast<uint64_t>(std::max<int64_t>(took.count(), 1)), kMost);
  uint64_t word = word_.load(std::memory_order_relaxed);
  uint64_t count = word & ((1u << kCountBits) - 1), estimate = word >> kCountBits;
  if (count < kLeastSamples) {
    ++count;
    estimate = std::max(estimate, sample);
  } else if (sample > estimate) {
    estimate = std::min(estimate + estimate / 20 + 1, sample);
  } else {
    estimate -= estimate / 2000;
  }
  word_.compare_exchange_strong(word, estimate << kCountBits | count, std::memory_order_relaxed);
}

Duration ResponseTime::p99() const {
  const uint64_t word = word_.load(std::memory_order_relaxed);
  const bool known = (word & ((1u << kCountBits) - 1)) >= kLeastSamples;
  return Duration(known ? static_cast<int64_t>(word >> kCountBits) : 0);
}

ResponseTime& EndpointHealth::response_time() {
  return identity_->response_time;
}

MonotonicTime EndpointHealth::busy_until() const {
  return MonotonicTime(Duration(identity_->busy_until_ns.load(std::memory_order_relaxed)));
}

void EndpointHealth::SetBusy(MonotonicTime until) {
  identity_->busy_until_ns.store(until.time_since_epoch().count(), std::memory_order_relaxed);
}

MonotonicTime EndpointHealth::heard() const {
  return MonotonicTime(Duration(identity_->heard_ns.load(std::memory_order_relaxed)));
}

// Both write to a line that all workers read, so only what matters: who is heard of every
// millisecond is not silent.
void EndpointHealth::SetHeard(MonotonicTime now) {
  const int64_t at = now.time_since_epoch().count();
  const int64_t heard = identity_->heard_ns.load(std::memory_order_relaxed);
  const bool awaited = identity_->asked_ns.load(std::memory_order_relaxed) > heard;
  if (!awaited && heard > at - kJustNow.count()) return;
  identity_->heard_ns.store(at, std::memory_order_relaxed);
}

// What is left of somebody who no longer waits does not count: with nobody else there, the silence
// begins now.
void EndpointHealth::SetAsked(MonotonicTime now) {
  const int64_t at = now.time_since_epoch().count();
  const int64_t heard = identity_->heard_ns.load(std::memory_order_relaxed);
  if (heard > at - kJustNow.count()) return;
  if (identity_->asked_ns.load(std::memory_order_relaxed) > heard && in_flight() > 1) return;
  identity_->asked_ns.store(at, std::memory_order_relaxed);
}

MonotonicTime EndpointHealth::silent_since() const {
  const int64_t asked = identity_->asked_ns.load(std::memory_order_relaxed);
  if (in_flight() == 0 || asked <= identity_->heard_ns.load(std::memory_order_relaxed))
    return MonotonicTime::max();
  return MonotonicTime(Duration(asked));
}

}  // namespace meridian::health
