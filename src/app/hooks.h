// Programs that the configuration names under `hooks`: run when an event happens, or asked whether
// a site may open (`gate`). Each gets the event as one JSON object on standard input and a small
// environment of its own; how it ended is an event, which starts no hook, a log line and a count.
// Owned by the Engine; control thread.
//
//   event ─► queued (at most `queue`; more are dropped) ─► running (at most `at_once`) ─► ended
//                                                            timeout: SIGTERM, SIGKILL a second
//                                                            later, to the whole process group
#pragma once

#include <meridian/admin/events.h>
#include <meridian/base/metrics.h>
#include <meridian/config/config.h>
#include <meridian/failover/view.h>
#include <meridian/net/loop.h>
#include <meridian/net/program.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace meridian::app {

class Hooks final {
 public:
  using Done = std::function<void(const failover::Answer& answer)>;

  // `tell` takes what becomes of programs; its events come back by OnEvent, or not.
  Hooks(net::Loop& loop, net::Programs& programs, std::function<void(admin::Event)> tell);
  ~Hooks();

  // What runs goes on; what waits for a hook that is gone is dropped. Gives the names of those that
  // are gone or not what they were.
  std::vector<std::string> Adopt(const std::vector<config::Hook>& hooks);
  void OnEvent(const admin::Event& event);
  // `done` is told once, later. A hook that is not there, or whose queue is full, says no.
  void Ask(const std::string& hook, const admin::Event& event, Done done);
  // Nothing new is started, what runs is ended; `done` when nothing runs any more, in about a
  // second at most.
  void Stop(std::function<void()> done);
  void Collect(MetricSink& sink) const;

 private:
  enum class Outcome : uint8_t { kGood, kBad, kLate, kNotStarted };
  static constexpr size_t kOutcomes = 4;
  struct Job;
  class Run;
  struct One;

  void Enqueue(One& one, Job job);
  void StartNext(One& one);
  void Ended(One& one, Run& run, Outcome outcome, std::string text);
  void NotStarted(One& one, Job job, const std::string& why);
  void Tell(const Job& job, Outcome outcome, const std::string& text);
  void Reply(Job job, Outcome outcome, const std::string& text);
  bool IsIdle() const;

  net::Loop& loop_;
  net::Programs& programs_;
  std::function<void(admin::Event)> tell_;
  std::map<std::string, std::unique_ptr<One>, std::less<>> hooks_;
  std::function<void()> stopped_;
  bool is_stopping_ = false;
};

}  // namespace meridian::app
