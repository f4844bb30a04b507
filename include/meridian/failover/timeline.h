// What a controller tells of the past: the timeline of each move, and events. Values.
#pragma once

#include <meridian/base/time.h>
#include <meridian/failover/state.h>

#include <cstdint>
#include <optional>
#include <string>

namespace meridian::failover {

// The wall clock is for people; durations are differences of the monotonic one.
struct Instant {
  MonotonicTime monotonic{};
  WallTime wall{};

  bool operator==(const Instant&) const = default;
};

// One move of the active role.
struct Timeline {
  uint64_t epoch = 0;
  Cause cause = Cause::kFirstStart;
  std::string from, to;
  std::string author;  // empty: nobody asked
  std::string why;     // `to` rather than another; empty: it was named, or no other could
  std::optional<Instant> first_error, detected, decided, persisted, first_success, drained;
  uint64_t sessions_moved = 0;
  uint64_t requests_lost = 0;
};
inline constexpr size_t kMaxTimelines = 16;

enum class EventKind : uint8_t {
  kState,          // from `before` to `after`
  kMoved,          // another site is active, under a new epoch
  kSwitchAborted,  // a planned move ended where it began
  kOperator,       // an order was taken
  kStorage,        // the record could not be written, or can be again
  kChannel,        // a replication channel's alarm changed
  kAlarm,          // something an operator should look at
  kApproval,       // a move was vetoed or given up, or an answer came that counts no more
};

struct Event {
  EventKind kind = EventKind::kState;
  Instant at;
  State before = State::kNormal, after = State::kNormal;
  uint64_t epoch = 0;
  std::string site;
  std::string text;
  std::string from, to;                   // of a move, or of one that was not made
  std::optional<Duration> lag;            // … of `to`, when it was decided
  std::optional<uint64_t> backlog_bytes;  // likewise
};
inline constexpr size_t kMaxEvents = 256;

const char* Name(EventKind kind);

}  // namespace meridian::failover
