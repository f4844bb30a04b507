// A clock that stands still until a test moves it.
#pragma once

#include <meridian/net/loop.h>

namespace meridian::fakes {

class ManualClock final : public net::Clock {
 public:
  explicit ManualClock(MonotonicTime now = MonotonicTime(std::chrono::hours(1)),
                       WallTime wall = WallTime(std::chrono::seconds(1'767'225'600)))
      : now_(now), wall_(wall) {}

  MonotonicTime Now() const override { return now_; }
  WallTime WallNow() const override { return wall_; }

  // Both clocks; `by` may not be negative.
  void Advance(Duration by) {
    now_ += by;
    wall_ += by;
  }
  // The wall clock may jump either way.
  void SetWall(WallTime wall) { wall_ = wall; }

 private:
  MonotonicTime now_;
  WallTime wall_;
};

}  // namespace meridian::fakes
