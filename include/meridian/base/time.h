// Time as Meridian uses it: nanosecond durations, a monotonic clock for everything measured or
// waited for, and the wall clock only for what is shown or leaves the process (cookies, logs,
// expiry of an intent).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace meridian {

using Duration = std::chrono::nanoseconds;

// Nanoseconds since an arbitrary start; comparable only within one Clock.
struct MonotonicClockTag {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<MonotonicClockTag, duration>;
  static constexpr bool is_steady = true;
};
using MonotonicTime = MonotonicClockTag::time_point;
using WallTime = std::chrono::time_point<std::chrono::system_clock, Duration>;

// "250ms", "2s", "5m", "1h", "1.5s"; a unit is required, except for "0". Empty on anything else, on
// a negative value and on what does not fit.
std::optional<Duration> ParseDuration(std::string_view text);

// The shortest exact form that ParseDuration reads back: "1500ms", "2s", "1h".
std::string FormatDuration(Duration duration);

// For people, two units at most: "4m12s", "41s", "120ms", "3d4h".
std::string FormatAge(Duration duration);

// RFC 3339 in UTC with milliseconds: "2026-01-31T09:05:07.123Z".
std::string FormatTime(WallTime time);

}  // namespace meridian
