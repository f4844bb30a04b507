// What is known of one site for one disaster-recovery service: Meridian's own verdict on its
// health, and what its replication says of itself. Values, with the monotonic time they were taken
// at.
//
// A status older than three check intervals is unknown, and unknown is not zero. Its time is that
// of the moment the check was sent, so that a slow answer is never younger than what it tells.
#pragma once

#include <meridian/base/time.h>
#include <meridian/topology/disaster_recovery.h>

#include <cstdint>
#include <optional>

namespace meridian::failover {

using Policy = topology::DisasterRecovery;

enum class Verdict : uint8_t {
  kUnknown,  // not yet probed
  kUp,
  kDown,
  kOut,  // an operator took it out, or drains it: neither dead nor a candidate
};

enum class Role : uint8_t { kUnknown, kPrimary, kStandby };

struct ReplicationStatus {
  MonotonicTime at{};  // when the check was sent
  Role role = Role::kUnknown;
  std::optional<Duration> lag;            // how far it may be behind its source
  std::optional<uint64_t> backlog_bytes;  // sent or waiting, not yet applied
  std::optional<uint64_t> epoch;          // the highest it was told; 0 counts as none
  std::optional<bool> source_connected;   // it receives from its source now
  bool reconciled = false;                // its own word that it follows the active site again
  // Where the log that it holds ends, applied or not; comparable between sites of one service.
  std::optional<uint64_t> position_bytes;

  bool operator==(const ReplicationStatus&) const = default;
};

struct Observation {
  Verdict verdict = Verdict::kUnknown;
  std::optional<MonotonicTime> first_error;      // of what made the verdict kDown; for the timeline
  std::optional<ReplicationStatus> replication;  // empty: nothing newer was heard

  bool operator==(const Observation&) const = default;
};

constexpr int kFreshIntervals = 3;

inline bool IsFresh(const ReplicationStatus& status, const Policy& policy, MonotonicTime now) {
  return now - status.at <= kFreshIntervals * policy.status_interval;
}

const char* Name(Verdict verdict);
const char* Name(Role role);

}  // namespace meridian::failover
