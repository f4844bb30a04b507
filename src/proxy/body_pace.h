// Whether a request's body comes fast enough: all of it within a time, and every few seconds so
// much. Time in which Meridian itself does not read counts for nothing. A value; no timer: the
// client's side calls Check at `next` and treats the answer as its own.
#pragma once

#include <meridian/config/config.h>
#include <meridian/proxy/metrics.h>

namespace meridian::proxy {

class BodyPace {
 public:
  static constexpr Duration kWindow = std::chrono::seconds(5);

  void Begin(const config::Limits& limits, MonotonicTime now);
  void Add(size_t bytes) { window_bytes_ += bytes; }
  // Reading stops, and goes on.
  void Pause(MonotonicTime now);
  void Resume(MonotonicTime now);

  // kBodyTimeout, kBodyTooSlow, or kCount: all is well.
  Failure Check(MonotonicTime now);
  // When to call Check next; MonotonicTime::max(): not at all, for now.
  MonotonicTime next() const;

 private:
  MonotonicTime due_ = MonotonicTime::max();         // of the whole body
  MonotonicTime window_end_ = MonotonicTime::max();  // of the bytes that are counted now
  MonotonicTime paused_at_ = MonotonicTime::max();
  uint64_t window_bytes_ = 0;
  uint64_t least_bytes_ = 0;  // in a window
};

}  // namespace meridian::proxy
