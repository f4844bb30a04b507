// Virtual time: what is due, by time and then in the order of asking. The simulation's only clock;
// it moves when the next task is run, and by nothing else. One thread.
#pragma once

#include <meridian/net/loop.h>

#include <functional>
#include <queue>
#include <utility>
#include <vector>

namespace meridian::simulate {

class Agenda final : public net::Clock {
 public:
  // Far from zero, so that what lies before the scenario has a time too.
  static constexpr MonotonicTime kStart = MonotonicTime(std::chrono::hours(24));

  explicit Agenda(Duration before) : now_(kStart - before) {}

  MonotonicTime Now() const override { return now_; }
  WallTime WallNow() const override {
    return WallTime(std::chrono::seconds(1'767'225'600)) + (now_ - kStart);  // 2026-01-01
  }
  Duration SinceStart() const { return now_ - kStart; }

  void At(MonotonicTime when, std::function<void()> task) {
    tasks_.push({std::max(when, now_), ++asked_, std::move(task)});
  }
  void After(Duration delay, std::function<void()> task) { At(now_ + delay, std::move(task)); }

  // Runs the next task due by `end`. False: there is none, and it is `end` now.
  bool RunNext(MonotonicTime end) {
    if (tasks_.empty() || tasks_.top().when > end) {
      now_ = std::max(now_, end);
      return false;
    }
    now_ = tasks_.top().when;
    const std::function<void()> task = std::move(const_cast<Task&>(tasks_.top()).run);
    tasks_.pop();
    task();
    return true;
  }

 private:
  struct Task {
    MonotonicTime when;
    uint64_t asked = 0;
    std::function<void()> run;

    bool operator<(const Task& other) const {  // the queue's top is its greatest
      return when != other.when ? when > other.when : asked > other.asked;
    }
  };

  MonotonicTime now_;
  uint64_t asked_ = 0;
  std::priority_queue<Task> tasks_;
};

}  // namespace meridian::simulate
