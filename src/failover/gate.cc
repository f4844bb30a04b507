// The gate: each condition by itself, so that all that is in the way is told at once. And the
// choice among open ones, by what can be compared.
#include <meridian/base/format.h>
#include <meridian/failover/gate.h>

#include <algorithm>
#include <vector>

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

// What the ages of two fresh statuses may hide.
Duration LagPrecision(const Policy& policy) {
  return kFreshIntervals * policy.status_interval;
}

std::string WhyBefore(const Gate& chosen, const Gate& other, const Policy& policy) {
  if (chosen.position_bytes && other.position_bytes &&
      *chosen.position_bytes > *other.position_bytes) {
    return Format("{} ahead of {}", BytesText(*chosen.position_bytes - *other.position_bytes),
                  other.site);
  }
  if (*other.lag - *chosen.lag > LagPrecision(policy)) {
    return Format("its lag is {}, that of {} {}", LagText(chosen.lag), other.site,
                  LagText(other.lag));
  }
  if (chosen.position_bytes && !other.position_bytes) {
    return Format("where the log of {} ends is unknown", other.site);
  }
  return chosen.position_bytes ? Format("level with {}, and before it in order", other.site)
                               : "first in order";
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
  if (question.failed_at && status.at < *question.failed_at) {
    Add(gate, Obstacle::kBeforeFailure);
  } else if (question.failed_at && status.source_connected != true) {
    gate.position_bytes = status.position_bytes;
  }
  JudgeStatus(gate, status, question);
  return gate;
}

// One known to be behind another is out first, whatever the lags say. Of several that are level,
// max_element gives the first.
Preference Freshest(std::span<const Gate> gates, const Policy& policy) {
  std::vector<const Gate*> open;
  for (const Gate& gate : gates) {
    if (gate.is_open()) open.push_back(&gate);
  }
  if (open.empty()) return {};
  std::vector<const Gate*> left = open;
  const auto less_known = [](const Gate* a, const Gate* b) {
    return a->position_bytes < b->position_bytes;
  };
  const auto furthest = (*std::max_element(left.begin(), left.end(), less_known))->position_bytes;
  std::erase_if(left, [&](const Gate* gate) {
    return gate->position_bytes && gate->position_bytes < furthest;
  });
  const auto less_lag = [](const Gate* a, const Gate* b) { return *a->lag < *b->lag; };
  const Duration least = *(*std::min_element(left.begin(), left.end(), less_lag))->lag;
  if (std::any_of(left.begin(), left.end(), [](const Gate* g) { return !g->position_bytes; })) {
    std::erase_if(left, [&](const Gate* g) { return *g->lag - least > LagPrecision(policy); });
  }
  const Gate* const chosen = *std::max_element(left.begin(), left.end(), less_known);
  const auto other =
      std::find_if(open.begin(), open.end(), [&](const Gate* gate) { return gate != chosen; });
  return {chosen, other == open.end() ? "" : WhyBefore(*chosen, **other, policy)};
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
