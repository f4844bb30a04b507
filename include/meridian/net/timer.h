// Timers of one loop: an intrusive node in a hierarchical wheel (Varghese and Lauck 1987, scheme
// 7), so that arming and disarming are a few stores, with no allocation and no system call. A
// session may hold several.
#pragma once

#include <meridian/base/list.h>
#include <meridian/base/time.h>

#include <array>
#include <cstdint>

namespace meridian::net {

class Timer;

class TimerHandler {
 public:
  // `timer` is disarmed and may be armed again or destroyed here.
  virtual void OnTimer(Timer& timer) = 0;

 protected:
  ~TimerHandler() = default;
};

// Fires once, never early, at most kTick late when the loop is not busy. Not movable; disarmed by
// its destructor.
class Timer : public ListNode {
 public:
  explicit Timer(TimerHandler& handler) : handler_(&handler) {}
  bool armed() const { return linked(); }
  void Disarm() { Unlink(); }

 private:
  friend class TimerWheel;
  TimerHandler* handler_;
  uint64_t deadline_tick_ = 0;
};

// Owned by a Loop implementation, which calls Advance at the top of each turn and sleeps at most
// until NextExpiry.
class TimerWheel {
 public:
  static constexpr Duration kTick = std::chrono::milliseconds(1);

  explicit TimerWheel(MonotonicTime start) : start_(start) {}

  // Re-arms if armed. A delay below zero counts as zero; beyond 2^32 ticks it is cut to that.
  void Arm(Timer& timer, MonotonicTime now, Duration delay);
  // Fires all timers due at `now`, in order of their ticks.
  void Advance(MonotonicTime now);
  // The time at which Advance should be called next: exact or early, never late. max() when nothing
  // is armed.
  MonotonicTime NextExpiry();

 private:
  static constexpr int kLevels = 4;
  static constexpr int kSlots = 256;  // per level; one level spans kSlots slots of the level below

  void Place(Timer& timer);
  void Cascade(int level);
  uint64_t NextTick();
  int NextOccupied(int level);

  MonotonicTime start_;
  uint64_t tick_ = 0;  // all timers due at or before it have fired
  std::array<std::array<List<Timer>, kSlots>, kLevels> slots_;
  // A bit per slot, set where a timer may be; Disarm leaves it, and the next search clears it.
  std::array<std::array<uint64_t, kSlots / 64>, kLevels> occupied_{};
};

}  // namespace meridian::net
