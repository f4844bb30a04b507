// See hooks.h.
#include "hooks.h"

#include <meridian/base/format.h>
#include <meridian/base/log.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <deque>
#include <utility>

namespace meridian::app {
namespace {

constexpr Duration kKillAfter = std::chrono::seconds(1);
constexpr size_t kMaxLine = 200;

constexpr const char* kPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

bool Matches(const config::Hook& hook, const admin::Event& event) {
  if (event.kind == "hook" || hook.gate) return false;
  if (!hook.service.empty() && hook.service != event.service) return false;
  return std::any_of(hook.on_event.begin(), hook.on_event.end(), [&](const std::string& wanted) {
    return wanted == "*" || wanted == event.kind ||
           wanted == Format("{}/{}", event.kind, event.what);
  });
}

std::vector<std::string> EnvironmentOf(const config::Hook& hook, const admin::Event& event) {
  std::vector<std::string> all{kPath, "LANG=C.UTF-8", "MERIDIAN_HOOK=" + hook.name};
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) all.push_back(Format("MERIDIAN_{}={}", name, value));
  };
  add("KIND",
      event.what.empty() ? std::string(event.kind) : Format("{}/{}", event.kind, event.what));
  add("SERVICE", event.service);
  add("SITE", event.site);
  add("FROM", event.from);
  add("TO", event.to);
  add("EPOCH", event.epoch == 0 ? "" : std::to_string(event.epoch));
  add("CAUSE", event.cause);
  if (event.planned) add("PLANNED", *event.planned ? "yes" : "no");
  return all;
}

// Printable, whatever a program writes.
std::string Clean(std::string_view text) {
  std::string clean(text);
  for (char& c : clean) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = ' ';
  }
  return clean;
}

std::string LastLine(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  const size_t start = text.rfind('\n');
  if (start != std::string_view::npos) text.remove_prefix(start + 1);
  return Clean(text.substr(0, kMaxLine));
}

void LogOutput(const std::string& hook, const char* name, std::string_view text) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    if (end > 0) log::Info("hook {}: {}: {}", hook, name, Clean(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

}  // namespace

struct Hooks::Job {
  admin::Event event;
  Done done;  // empty: nobody waits
};

// One process, from its start to its end.
class Hooks::Run final : private net::ProgramHandler, private net::TimerHandler {
 public:
  Run(Hooks& hooks, One& one, Job job)
      : hooks_(hooks), one_(one), job_(std::move(job)), timer_(*this) {}

  Result<> Start(const config::Hook& hook) {
    timeout_ = hook.timeout;
    began_ = hooks_.loop_.Now();
    auto program = hooks_.programs_.StartProgram({.arguments = hook.run,
                                                  .environment = EnvironmentOf(hook, job_.event),
                                                  .input = admin::ToJson(job_.event)},
                                                 *this);
    if (!program) return tl::unexpected(program.error());
    program_ = std::move(*program);
    hooks_.loop_.Arm(timer_, timeout_);
    return {};
  }
  void Terminate() {
    if (is_terminated_) return;
    is_terminated_ = true;
    program_->Signal(SIGTERM);
    hooks_.loop_.Arm(timer_, kKillAfter);
  }
  Job& job() { return job_; }
  Duration lasted() const { return hooks_.loop_.Now() - began_; }

 private:
  void OnTimer(net::Timer&) override {
    if (!is_terminated_) {
      is_late_ = true;
      return Terminate();
    }
    program_->Signal(SIGKILL);
  }
  void OnEnd(const net::ProgramEnd& end) override;

  Hooks& hooks_;
  One& one_;
  Job job_;
  Duration timeout_{};
  MonotonicTime began_{};
  std::unique_ptr<net::Program> program_;
  net::Timer timer_;
  bool is_terminated_ = false, is_late_ = false;
};

struct Hooks::One {
  config::Hook hook;
  bool is_gone = false;  // no longer configured: stays while it runs
  std::deque<Job> queue;
  std::vector<std::unique_ptr<Run>> runs;
  std::array<uint64_t, kOutcomes> outcomes{};
  uint64_t dropped = 0;
  bool is_dropping = false;
};

// Whoever of its group is left when it was ended is ended with it.
void Hooks::Run::OnEnd(const net::ProgramEnd& end) {
  timer_.Disarm();
  if (is_terminated_) program_->Signal(SIGKILL);
  const std::string& name = one_.hook.name;
  LogOutput(name, "stdout", end.output);
  LogOutput(name, "stderr", end.errors);
  std::string how = is_late_          ? Format("no end within {}", FormatDuration(timeout_))
                    : end.signal != 0 ? Format("ended by signal {}", end.signal)
                                      : Format("exit {}", end.status);
  const bool is_good = !is_late_ && end.signal == 0 && end.status == 0;
  if (const std::string last = LastLine(end.errors); !is_good && !last.empty()) how += ": " + last;
  hooks_.Ended(one_, *this,
               is_good    ? Outcome::kGood
               : is_late_ ? Outcome::kLate
                          : Outcome::kBad,
               Format("hook {}: {}", name, how));
}

Hooks::Hooks(net::Loop& loop, net::Programs& programs, std::function<void(admin::Event)> tell)
    : loop_(loop), programs_(programs), tell_(std::move(tell)) {}

Hooks::~Hooks() = default;

std::vector<std::string> Hooks::Adopt(const std::vector<config::Hook>& hooks) {
  std::vector<std::string> changed;
  for (auto& [name, one] : hooks_) {
    const auto next = std::find_if(hooks.begin(), hooks.end(),
                                   [&](const config::Hook& hook) { return hook.name == name; });
    one->is_gone = next == hooks.end();
    if (one->is_gone || *next != one->hook) changed.push_back(name);
    if (!one->is_gone) one->hook = *next;
    while (one->is_gone && !one->queue.empty()) {
      Job job = std::move(one->queue.front());
      one->queue.pop_front();
      NotStarted(*one, std::move(job), "it is no longer configured");
    }
  }
  std::erase_if(hooks_,
                [](const auto& hook) { return hook.second->is_gone && hook.second->runs.empty(); });
  for (const config::Hook& hook : hooks) {
    auto& one = hooks_[hook.name];
    if (!one) one = std::make_unique<One>();
    one->hook = hook;
    StartNext(*one);
  }
  return changed;
}

void Hooks::OnEvent(const admin::Event& event) {
  if (is_stopping_) return;
  for (auto& [name, one] : hooks_) {
    if (!one->is_gone && Matches(one->hook, event)) Enqueue(*one, {event, nullptr});
  }
}

void Hooks::Ask(const std::string& hook, const admin::Event& event, Done done) {
  const auto found = hooks_.find(hook);
  if (found == hooks_.end() || found->second->is_gone || is_stopping_) {
    return Reply({event, std::move(done)}, Outcome::kNotStarted,
                 Format("hook {}: could not be started: {}", hook,
                        is_stopping_ ? "Meridian is stopping" : "it is not configured"));
  }
  Enqueue(*found->second, {event, std::move(done)});
}

void Hooks::Enqueue(One& one, Job job) {
  if (one.queue.size() >= one.hook.queue) {
    ++one.dropped;
    if (job.done) return NotStarted(one, std::move(job), "too many wait for it");
    if (std::exchange(one.is_dropping, true)) return;
    log::Warn("hook {}: {} events wait for it: more are dropped", one.hook.name, one.queue.size());
    admin::Event told;
    told.kind = "hook";
    told.what = "dropping";
    told.grave = true;
    told.text =
        Format("hook {}: {} events wait for it: more are dropped", one.hook.name, one.queue.size());
    return tell_(std::move(told));
  }
  one.queue.push_back(std::move(job));
  StartNext(one);
}

void Hooks::StartNext(One& one) {
  while (!is_stopping_ && !one.queue.empty() && one.runs.size() < one.hook.at_once) {
    Job job = std::move(one.queue.front());
    one.queue.pop_front();
    auto run = std::make_unique<Run>(*this, one, std::move(job));
    if (auto started = run->Start(one.hook); !started) {
      NotStarted(one, std::move(run->job()), std::strerror(started.error().system));
      continue;
    }
    one.runs.push_back(std::move(run));
  }
  if (one.queue.empty()) one.is_dropping = false;
}

void Hooks::NotStarted(One& one, Job job, const std::string& why) {
  ++one.outcomes[static_cast<size_t>(Outcome::kNotStarted)];
  const std::string text = Format("hook {}: could not be started: {}", one.hook.name, why);
  Tell(job, Outcome::kNotStarted, text);
  Reply(std::move(job), Outcome::kNotStarted, text);
}

void Hooks::Ended(One& one, Run& run, Outcome outcome, std::string text) {
  ++one.outcomes[static_cast<size_t>(outcome)];
  const auto at = std::find_if(one.runs.begin(), one.runs.end(),
                               [&](const auto& each) { return each.get() == &run; });
  const std::unique_ptr<Run> ended = std::move(*at);
  one.runs.erase(at);
  Tell(ended->job(), outcome, Format("{}, after {}", text, FormatAge(ended->lasted())));
  Reply(std::move(ended->job()), outcome, text);
  StartNext(one);
  if (one.is_gone && one.runs.empty()) hooks_.erase(std::string(one.hook.name));
  if (is_stopping_ && IsIdle() && stopped_) std::exchange(stopped_, nullptr)();
}

void Hooks::Tell(const Job& job, Outcome outcome, const std::string& text) {
  admin::Event told;
  told.kind = "hook";
  told.what = outcome == Outcome::kGood ? "succeeded" : "failed";
  told.grave = outcome != Outcome::kGood;
  told.service = job.event.service;
  told.site = job.event.to.empty() ? job.event.site : job.event.to;
  told.text = text;
  if (told.grave) {
    log::Warn("{}", text);
  } else {
    log::Info("{}", text);
  }
  tell_(std::move(told));
}

// Later: whoever asked may be in the middle of something.
void Hooks::Reply(Job job, Outcome outcome, const std::string& text) {
  if (!job.done) return;
  loop_.Post([done = std::move(job.done),
              answer = failover::Answer{outcome == Outcome::kGood, text}] { done(answer); });
}

bool Hooks::IsIdle() const {
  return std::all_of(hooks_.begin(), hooks_.end(),
                     [](const auto& hook) { return hook.second->runs.empty(); });
}

void Hooks::Stop(std::function<void()> done) {
  is_stopping_ = true;
  if (IsIdle()) return done();
  stopped_ = std::move(done);
  for (auto& [name, one] : hooks_) {
    for (auto& run : one->runs) run->Terminate();
  }
}

void Hooks::Collect(MetricSink& sink) const {
  constexpr const char* kNames[] = {"succeeded", "failed", "timeout", "not-started"};
  for (const auto& [name, one] : hooks_) {
    for (size_t i = 0; i < kOutcomes; ++i) {
      sink.Count("meridian_hook_runs_total", "Programs run by a hook, by how they ended.",
                 {{"hook", name}, {"result", kNames[i]}}, one->outcomes[i]);
    }
  }
  for (const auto& [name, one] : hooks_) {
    sink.Gauge("meridian_hook_running", "Programs of a hook that run.", {{"hook", name}},
               static_cast<double>(one->runs.size()));
  }
  for (const auto& [name, one] : hooks_) {
    sink.Gauge("meridian_hook_queued", "Events that wait for a hook.", {{"hook", name}},
               static_cast<double>(one->queue.size()));
  }
  for (const auto& [name, one] : hooks_) {
    sink.Count("meridian_hook_dropped_total", "Events that found a hook's queue full.",
               {{"hook", name}}, one->dropped);
  }
}

}  // namespace meridian::app
