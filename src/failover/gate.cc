// The gate: each condition by itself, so that all that is in the way is told at once.
#include <meridian/base/format.h>
#include <meridian/failover/gate.h>

#include "text.h"

namespace meridian::failover {
namespace {

void Add(Gate& gate, Obstacle obstacle) {
  gate.obstacles = static_cast<uint16_t>(gate.obstacles | 1u << static_cast<int>(obstacle));
}

void JudgeHealth(Gate& gate, Verdict verdict) {
  if (verdict == Verdict::kUnknown) Add(gate, Obstacle::kHealthUnknown);
  if (verdict == Verdict::kDown) Add(gate, Obstacle::kDown);
  if (verdict == Verdict::kOut) Add(gate, Obstacle::kOut);
}

// What a status that is fresh must say.
void JudgeStatus(Gate& gate, const ReplicationStatus& status, const GateQuestion& question) {
  const Policy& policy = question.policy;
  if (status.role != Role::kStandby) Add(gate, Obstacle::kNotStandby);
  if (!status.lag) {
    Add(gate, Obstacle::kLagUnknown);
  } else if (*status.lag > policy.max_lag) {
    Add(gate, Obstacle::kLag);
  }
  if (policy.max_backlog) {
    if (!status.backlog_bytes) {
      Add(gate, Obstacle::kBacklogUnknown);
    } else if (*status.backlog_bytes > *policy.max_backlog) {
      Add(gate, Obstacle::kBacklog);
    }
  }
  if (status.epoch && *status.epoch < question.epoch) Add(gate, Obstacle::kOlderEpoch);
}

std::string Reason(const Gate& gate, Obstacle obstacle, const Policy& policy) {
  switch (obstacle) {
    case Obstacle::kHealthUnknown:
      return "not yet probed";
    case Obstacle::kDown:
      return "down";
    case Obstacle::kOut:
      return "taken out by an operator";
    case Obstacle::kNoStatus:
      return "its replication was never heard of";
    case Obstacle::kStale:
      return Format("its status is {} old, older than {}", LagText(gate.status_age),
                    FormatAge(kFreshIntervals * policy.status_interval));
    case Obstacle::kBeforeFailure:
      return "its status is from before the failure";
    case Obstacle::kNotStandby:
      return "it is not a standby";
    case Obstacle::kLagUnknown:
      return "lag unknown";
    case Obstacle::kLag:
      return Format("lag {}, limit {}", LagText(gate.lag), LagText(policy.max_lag));
    case Obstacle::kBacklogUnknown:
      return "backlog unknown";
    case Obstacle::kBacklog:
      return Format("backlog {}, limit {}", BytesText(gate.backlog_bytes),
                    BytesText(policy.max_backlog));
    case Obstacle::kOlderEpoch:
      return Format("it announces the older epoch {}", gate.epoch.value_or(0));
  }
  return "";
}

}  // namespace

Gate EvaluateGate(std::string_view site, const Observation& seen, const GateQuestion& question) {
  Gate gate;
  gate.site = site;
  JudgeHealth(gate, seen.verdict);
  if (!seen.replication) {
    Add(gate, Obstacle::kNoStatus);
    return gate;
  }
  const ReplicationStatus& status = *seen.replication;
  gate.status_age = question.now - status.at;
  gate.epoch = status.epoch;
  if (!IsFresh(status, question.policy, question.now)) {
    Add(gate, Obstacle::kStale);
    return gate;
  }
  gate.lag = status.lag;
  gate.backlog_bytes = status.backlog_bytes;
  if (question.failed_at && status.at < *question.failed_at) Add(gate, Obstacle::kBeforeFailure);
  JudgeStatus(gate, status, question);
  return gate;
}

const char* Name(Obstacle obstacle) {
  switch (obstacle) {
    case Obstacle::kHealthUnknown:
      return "health-unknown";
    case Obstacle::kDown:
      return "down";
    case Obstacle::kOut:
      return "out";
    case Obstacle::kNoStatus:
      return "no-status";
    case Obstacle::kStale:
      return "stale";
    case Obstacle::kBeforeFailure:
      return "before-failure";
    case Obstacle::kNotStandby:
      return "not-standby";
    case Obstacle::kLagUnknown:
      return "lag-unknown";
    case Obstacle::kLag:
      return "lag";
    case Obstacle::kBacklogUnknown:
      return "backlog-unknown";
    case Obstacle::kBacklog:
      return "backlog";
    case Obstacle::kOlderEpoch:
      return "older-epoch";
  }
  return "";
}

std::string Describe(const Gate& gate, const Policy& policy) {
  if (gate.is_open()) {
    std::string text = Format("{} would open: lag {} of {}", gate.site, LagText(gate.lag),
                              LagText(policy.max_lag));
    if (policy.max_backlog) {
      text += Format(", backlog {} of {}", BytesText(gate.backlog_bytes),
                     BytesText(policy.max_backlog));
    }
    return text;
  }
  std::string text = Format("{} stays closed: ", gate.site);
  const char* separator = "";
  for (size_t i = 0; i < kObstacleCount; ++i) {
    const auto obstacle = static_cast<Obstacle>(i);
    if (!gate.Has(obstacle)) continue;
    text += separator + Reason(gate, obstacle, policy);
    separator = "; ";
  }
  return text;
}

}  // namespace meridian::failover
