// See body_pace.h.
#include "proxy/body_pace.h"

#include <algorithm>

namespace meridian::proxy {
namespace {

constexpr MonotonicTime kNever = MonotonicTime::max();

}  // namespace

void BodyPace::Begin(const config::Limits& limits, MonotonicTime now) {
  *this = BodyPace();
  if (limits.body_timeout) due_ = now + *limits.body_timeout;
  if (!limits.min_rate) return;
  window_end_ = now + kWindow;
  least_bytes_ = *limits.min_rate * (kWindow / std::chrono::seconds(1));
}

void BodyPace::Pause(MonotonicTime now) {
  if (paused_at_ == kNever) paused_at_ = now;
}

void BodyPace::Resume(MonotonicTime now) {
  if (paused_at_ == kNever) return;
  const Duration away = now - paused_at_;
  paused_at_ = kNever;
  if (due_ != kNever) due_ += away;
  if (window_end_ != kNever) window_end_ += away;
}

Failure BodyPace::Check(MonotonicTime now) {
  if (paused_at_ != kNever) return Failure::kCount;
  if (now >= due_) return Failure::kBodyTimeout;
  if (now < window_end_) return Failure::kCount;
  if (window_bytes_ < least_bytes_) return Failure::kBodyTooSlow;
  window_bytes_ = 0;
  window_end_ = now + kWindow;
  return Failure::kCount;
}

MonotonicTime BodyPace::next() const {
  return paused_at_ != kNever ? kNever : std::min(due_, window_end_);
}

}  // namespace meridian::proxy
