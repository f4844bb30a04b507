// The wheel against an oracle: a map sorted by the tick at which each timer is due.
#include <gtest/gtest.h>
#include <meridian/net/random.h>
#include <meridian/net/timer.h>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

namespace meridian::net {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr MonotonicTime kStart(std::chrono::seconds(1000));

struct Recorder final : TimerHandler {
  void OnTimer(Timer& timer) override {
    fired.push_back(&timer);
    if (then) then(timer);
  }
  std::vector<Timer*> fired;
  std::function<void(Timer&)> then;
};

// The first tick at or after `time`, counted from the start.
uint64_t TickOf(MonotonicTime time) {
  return static_cast<uint64_t>((time - kStart + TimerWheel::kTick - Duration(1)) /
                               TimerWheel::kTick);
}

TEST(TimerWheel, FiresAtTheTickAfterTheDelayAndNotBefore) {
  TimerWheel wheel(kStart);
  Recorder recorder;
  Timer timer(recorder);
  wheel.Arm(timer, kStart, microseconds(1500));
  EXPECT_TRUE(timer.armed());
  EXPECT_EQ(wheel.NextExpiry(), kStart + milliseconds(2));
  wheel.Advance(kStart + milliseconds(2) - Duration(1));
  EXPECT_TRUE(recorder.fired.empty());
  wheel.Advance(kStart + milliseconds(2));
  EXPECT_EQ(recorder.fired.size(), 1u);
  EXPECT_FALSE(timer.armed());
  EXPECT_EQ(wheel.NextExpiry(), MonotonicTime::max());
}

TEST(TimerWheel, ANegativeDelayCountsAsZeroAndAHugeOneIsCut) {
  TimerWheel wheel(kStart);
  Recorder recorder;
  Timer past(recorder), far(recorder);
  wheel.Arm(past, kStart, -hours(1));
  wheel.Arm(far, kStart, Duration::max());
  wheel.Advance(kStart + milliseconds(1));
  EXPECT_EQ(recorder.fired, std::vector<Timer*>{&past});
  const MonotonicTime cut = kStart + (int64_t{1} << 32) * TimerWheel::kTick;
  wheel.Advance(cut - Duration(1));
  EXPECT_TRUE(far.armed());
  wheel.Advance(cut);
  EXPECT_FALSE(far.armed());
}

TEST(TimerWheel, DisarmedAndDestroyedTimersDoNotFire) {
  TimerWheel wheel(kStart);
  Recorder recorder;
  Timer disarmed(recorder);
  auto destroyed = std::make_unique<Timer>(recorder);
  wheel.Arm(disarmed, kStart, milliseconds(5));
  wheel.Arm(*destroyed, kStart, hours(5));
  disarmed.Disarm();
  destroyed.reset();
  EXPECT_EQ(wheel.NextExpiry(), MonotonicTime::max());
  wheel.Advance(kStart + hours(6));
  EXPECT_TRUE(recorder.fired.empty());
}

TEST(TimerWheel, ArmingAnArmedTimerMovesIt) {
  TimerWheel wheel(kStart);
  Recorder recorder;
  Timer timer(recorder);
  wheel.Arm(timer, kStart, milliseconds(5));
  wheel.Arm(timer, kStart, milliseconds(50));
  wheel.Advance(kStart + milliseconds(49));
  EXPECT_TRUE(recorder.fired.empty());
  wheel.Advance(kStart + milliseconds(50));
  EXPECT_EQ(recorder.fired.size(), 1u);
}

TEST(TimerWheel, AHandlerMayArmDisarmAndDestroyTimersDueInTheSameTick) {
  TimerWheel wheel(kStart);
  Recorder recorder;
  Timer first(recorder), disarmed(recorder);
  auto destroyed = std::make_unique<Timer>(recorder);
  for (Timer* timer : {&first, &disarmed, destroyed.get()}) {
    wheel.Arm(*timer, kStart, milliseconds(3));
  }
  recorder.then = [&](Timer& timer) {
    disarmed.Disarm();
    destroyed.reset();
    if (recorder.fired.size() == 1) wheel.Arm(timer, kStart + milliseconds(3), Duration(0));
  };
  wheel.Advance(kStart + milliseconds(3));
  EXPECT_EQ(recorder.fired, std::vector<Timer*>{&first});
  wheel.Advance(kStart + milliseconds(4));
  EXPECT_EQ(recorder.fired, (std::vector<Timer*>{&first, &first}));
}

TEST(TimerWheel, ATimerOutlivesItsWheel) {
  Recorder recorder;
  Timer timer(recorder);
  {
    TimerWheel wheel(kStart);
    wheel.Arm(timer, kStart, milliseconds(1));
  }
  EXPECT_FALSE(timer.armed());
}

// Random arming, disarming and jumps of time, from microseconds to days.
class Schedule {
 public:
  explicit Schedule(uint64_t seed) : random_(seed) {
    recorder_.then = [this](Timer& timer) { Fired(timer); };
    for (int i = 0; i < 200; ++i) timers_.push_back(std::make_unique<Timer>(recorder_));
  }

  void Run(int steps) {
    for (int step = 0; step < steps; ++step) {
      const uint64_t draw = random_.Next() % 8;
      Timer& timer = *timers_[Reduce(random_.Next(), static_cast<uint32_t>(timers_.size()))];
      if (draw < 4) Arm(timer);
      if (draw == 4) Disarm(timer);
      if (draw > 4) Advance();
    }
  }

 private:
  Duration RandomDelay() {
    const int bits = static_cast<int>(random_.Next() % 49);  // up to 2^48 ns, 78 hours
    return Duration(static_cast<int64_t>(random_.Next() & ((uint64_t{1} << bits) - 1)));
  }

  void Arm(Timer& timer) {
    const Duration delay = RandomDelay();
    wheel_.Arm(timer, now_, delay);
    // A tick that has passed already fires at the next one.
    due_[&timer] = std::max(TickOf(now_ + delay), fired_tick_ + 1);
  }

  void Disarm(Timer& timer) {
    timer.Disarm();
    due_.erase(&timer);
  }

  uint64_t Earliest() const {
    uint64_t earliest = UINT64_MAX;
    for (const auto& [timer, tick] : due_) earliest = std::min(earliest, tick);
    return earliest;
  }

  void Advance() {
    const MonotonicTime expiry = wheel_.NextExpiry();
    if (due_.empty()) {
      EXPECT_EQ(expiry, MonotonicTime::max());
    } else {
      EXPECT_LE(TickOf(expiry), Earliest());
      EXPECT_GT(TickOf(expiry), fired_tick_);
    }
    const bool exactly = random_.Next() % 2 == 0 && !due_.empty() && expiry > now_;
    now_ = exactly ? expiry : now_ + RandomDelay();
    last_tick_ = 0;
    wheel_.Advance(now_);
    fired_tick_ = static_cast<uint64_t>((now_ - kStart) / TimerWheel::kTick);
    EXPECT_GT(Earliest(), fired_tick_);
  }

  void Fired(Timer& timer) {
    const auto found = due_.find(&timer);
    ASSERT_NE(found, due_.end());
    EXPECT_GE(found->second, last_tick_);
    EXPECT_LE(found->second, static_cast<uint64_t>((now_ - kStart) / TimerWheel::kTick));
    last_tick_ = found->second;
    due_.erase(found);
  }

  Xoshiro random_;
  MonotonicTime now_ = kStart;
  uint64_t fired_tick_ = 0;
  uint64_t last_tick_ = 0;
  TimerWheel wheel_{kStart};
  Recorder recorder_;
  std::vector<std::unique_ptr<Timer>> timers_;
  std::map<Timer*, uint64_t> due_;
};

TEST(TimerWheel, AgreesWithASortedMapOverRandomSchedules) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Schedule(seed).Run(5000);
  }
}

}  // namespace
}  // namespace meridian::net
