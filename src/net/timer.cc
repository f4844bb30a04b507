// The wheel. A timer stands on the level that its distance in ticks asks for, in the slot that its
// deadline's byte of that level names:
//
//   level 0: 1 … 255 ticks away          fires when the tick reaches its slot
//   level 1: 256 … 65,535                moves down when the tick reaches the start of its slot
//   level 2: 65,536 … 16,777,215         likewise
//   level 3: 16,777,216 … 2^32           likewise
//
// Invariant: no timer stands in the slot of the current tick on any level, unless a whole turn of
// that level away. So the next thing to do is at the first occupied slot after the current one, and
// Advance jumps from one such tick to the next, however long nothing was due.
#include <meridian/net/timer.h>

#include <algorithm>
#include <bit>

namespace meridian::net {
namespace {

constexpr int kLevelBits = 8;
constexpr uint64_t kMaxTicks = uint64_t{1} << 32;
constexpr uint64_t kNever = UINT64_MAX;

}  // namespace

void TimerWheel::Arm(Timer& timer, MonotonicTime now, Duration delay) {
  timer.Disarm();
  const Duration wait =
      std::clamp<Duration>(delay, Duration(0), static_cast<int64_t>(kMaxTicks) * kTick);
  const Duration due = std::max(now - start_, Duration(0)) + wait;
  const auto due_tick = static_cast<uint64_t>((due + kTick - Duration(1)) / kTick);
  timer.deadline_tick_ = std::clamp(due_tick, tick_ + 1, tick_ + kMaxTicks);
  Place(timer);
}

void TimerWheel::Place(Timer& timer) {
  const uint64_t distance = timer.deadline_tick_ - tick_;
  int level = 0;
  while (level < kLevels - 1 && distance >> (kLevelBits * (level + 1)) != 0) ++level;
  const size_t slot = (timer.deadline_tick_ >> (kLevelBits * level)) % kSlots;
  slots_[level][slot].PushBack(timer);
  occupied_[level][slot / 64] |= uint64_t{1} << (slot % 64);
}

// Slots from the current one to the first occupied after it (1 … kSlots); 0: none.
int TimerWheel::NextOccupied(int level) {
  auto& words = occupied_[level];
  const uint64_t current = (tick_ >> (kLevelBits * level)) % kSlots;
  for (uint64_t step = 1; step <= kSlots;) {
    const uint64_t slot = (current + step) % kSlots;
    const uint64_t rest = words[slot / 64] >> (slot % 64);
    if (rest == 0) {
      step += 64 - slot % 64;
      continue;
    }
    const auto skip = static_cast<uint64_t>(std::countr_zero(rest));
    step += skip;
    if (step > kSlots) break;
    const uint64_t found = slot + skip;
    if (!slots_[level][found].empty()) return static_cast<int>(step);
    words[found / 64] &= ~(uint64_t{1} << (found % 64));
  }
  return 0;
}

uint64_t TimerWheel::NextTick() {
  uint64_t next = kNever;
  for (int level = 0; level < kLevels; ++level) {
    const int steps = NextOccupied(level);
    if (steps == 0) continue;
    const int shift = kLevelBits * level;
    next = std::min(next, ((tick_ >> shift) + static_cast<uint64_t>(steps)) << shift);
  }
  return next;
}

// Moves the timers of the current slot of `level` to where they stand now.
void TimerWheel::Cascade(int level) {
  List<Timer>& slot = slots_[level][(tick_ >> (kLevelBits * level)) % kSlots];
  slot.ForEach([this](Timer& timer) {
    timer.Unlink();
    Place(timer);
  });
}

void TimerWheel::Advance(MonotonicTime now) {
  if (now < start_) return;
  const auto target = static_cast<uint64_t>((now - start_) / kTick);
  while (tick_ < target) {
    const uint64_t next = NextTick();
    if (next > target) {
      tick_ = target;
      return;
    }
    tick_ = next;
    for (int level = kLevels - 1; level > 0; --level) {
      const uint64_t span = uint64_t{1} << (kLevelBits * level);
      if (tick_ % span == 0) Cascade(level);
    }
    List<Timer>& due = slots_[0][tick_ % kSlots];
    while (!due.empty()) {
      Timer& timer = due.front();
      timer.Unlink();
      timer.handler_->OnTimer(timer);
    }
  }
}

MonotonicTime TimerWheel::NextExpiry() {
  const uint64_t next = NextTick();
  if (next == kNever) return MonotonicTime::max();
  return start_ + static_cast<int64_t>(next) * kTick;
}

}  // namespace meridian::net
