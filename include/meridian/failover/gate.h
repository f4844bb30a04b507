// The gate a site must pass to become active, with its numbers: why it would open, or why not; and
// which of the open ones is to be preferred. Pure functions, used by the decision, by status, by
// what-if and by an operator's preview.
#pragma once

#include <meridian/failover/observation.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace meridian::failover {

enum class Obstacle : uint8_t {
  kHealthUnknown,  // not yet probed
  kDown,
  kOut,            // an operator took it out, or drains it
  kNoStatus,       // never heard of its replication
  kStale,          // … not for three intervals
  kBeforeFailure,  // … not since the active site failed
  kNotStandby,     // it claims the primary role, or tells none
  kLagUnknown,
  kLag,
  kBacklogUnknown,
  kBacklog,
  kOlderEpoch,  // it was cut off before the present epoch
};
inline constexpr size_t kObstacleCount = 12;

struct Gate {
  std::string site;
  uint16_t obstacles = 0;  // one bit each; 0: the gate is open
  std::optional<Duration> status_age;
  std::optional<Duration> lag;
  std::optional<uint64_t> backlog_bytes;
  std::optional<uint64_t> epoch;
  // Where its log ends for good: told after the failure, and nothing is received any more.
  std::optional<uint64_t> position_bytes;

  bool is_open() const { return obstacles == 0; }
  bool Has(Obstacle obstacle) const { return obstacles >> static_cast<int>(obstacle) & 1; }
  bool operator==(const Gate&) const = default;
};

struct GateQuestion {
  const Policy& policy;
  uint64_t epoch;  // the service's
  MonotonicTime now;
  // A status from before this says nothing of what was lost; empty: nothing has failed.
  std::optional<MonotonicTime> failed_at;
};

Gate EvaluateGate(std::string_view site, const Observation& seen, const GateQuestion& question);

// The open gate whose site has the most of what the failed site wrote; `gates` are in configured
// order, which decides between those that are level or cannot be told apart.
//
// Positions are compared exactly. Lags count only where a position is unknown, and beyond what the
// ages of two statuses may hide. A backlog does not count: it may be received and lack only being
// applied, which opening makes good.
struct Preference {
  const Gate* gate = nullptr;  // null: none is open
  std::string why;             // "3.0 KiB ahead of dallas"; empty: no other is open
};
Preference Freshest(std::span<const Gate> gates, const Policy& policy);

// "lag", "older-epoch", … as JSON and metrics show it.
const char* Name(Obstacle obstacle);
// "dallas would open: lag 1s of 30s, backlog 4 KiB of 64 MiB", "dallas stays closed: lag 41s, limit
// 30s; …". For people; allocates.
std::string Describe(const Gate& gate, const Policy& policy);

}  // namespace meridian::failover
