// What has happened, for who asks later and who listens now: the process's last thousand events,
// each with a number that only grows, over restarts too. Control thread.
#pragma once

#include <meridian/base/time.h>

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

namespace meridian::admin {

struct Event {
  uint64_t id = 0;        // given by EventLog
  WallTime at{};          // likewise
  std::string_view kind;  // "endpoint", "failover", "hook", "intent", "reload", "process"; static
  bool grave = false;     // somebody should look at it
  std::string service = {};  // what it is about; empty: nothing of that kind
  std::string site = {}, endpoint = {};
  std::string text = {};       // a sentence
  std::string_view what = {};  // which of its kind: "moved", "succeeded"; static; may be empty
  // Of disaster recovery: the move that was made, or is asked about.
  std::string from = {}, to = {}, cause = {}, author = {};
  uint64_t epoch = 0;  // 0: none
  std::optional<bool> planned = {};
  std::optional<Duration> lag = {};            // of `to`
  std::optional<uint64_t> backlog_bytes = {};  // likewise
};

// One event as the API gives it.
std::string ToJson(const Event& event);

class EventListener {
 public:
  virtual void OnEvent(const Event& event) = 0;

 protected:
  ~EventListener() = default;
};

class EventLog {
 public:
  static constexpr size_t kKept = 1000;

  // `start`: of the process. Numbers begin at its microseconds since 1970, so that a number from
  // before a restart is a smaller one; they stay exact in JavaScript.
  explicit EventLog(WallTime start);

  // What it became; valid until the next one.
  const Event& Add(WallTime now, Event event);
  // Oldest first.
  const std::deque<Event>& kept() const { return kept_; }
  // The number that the last event has, or would have had.
  uint64_t last() const { return next_ - 1; }
  // Whether there may have been events after `id` that are kept no more.
  bool Forgot(uint64_t id) const;
  // One, or null. It is told of each event as it is added.
  void SetListener(EventListener* listener) { listener_ = listener; }

 private:
  std::deque<Event> kept_;
  uint64_t next_;
  EventListener* listener_ = nullptr;
};

}  // namespace meridian::admin
