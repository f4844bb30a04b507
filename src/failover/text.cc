// Names of small enums, and numbers for people.
#include "text.h"

#include <meridian/base/format.h>
#include <meridian/failover/observation.h>
#include <meridian/failover/timeline.h>
#include <meridian/failover/view.h>

#include <array>

namespace meridian::failover {

std::string BytesText(uint64_t bytes) {
  if (bytes < 1024) return Format("{} B", bytes);
  constexpr std::array<const char*, 6> kUnits{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return Format("{:.1f} {}", value, kUnits[unit]);
}

std::string BytesText(const std::optional<uint64_t>& bytes) {
  return bytes ? BytesText(*bytes) : "unknown";
}

std::string LagText(const std::optional<Duration>& lag) {
  if (!lag) return "unknown";
  return *lag == Duration(0) ? "0s" : FormatAge(*lag);
}

const char* Name(Verdict verdict) {
  switch (verdict) {
    case Verdict::kUnknown:
      return "unknown";
    case Verdict::kUp:
      return "up";
    case Verdict::kDown:
      return "down";
    case Verdict::kOut:
      return "out";
  }
  return "";
}

const char* Name(Role role) {
  switch (role) {
    case Role::kUnknown:
      return "unknown";
    case Role::kPrimary:
      return "primary";
    case Role::kStandby:
      return "standby";
  }
  return "";
}

const char* Name(EventKind kind) {
  switch (kind) {
    case EventKind::kState:
      return "state";
    case EventKind::kMoved:
      return "moved";
    case EventKind::kSwitchAborted:
      return "switch-aborted";
    case EventKind::kOperator:
      return "operator";
    case EventKind::kStorage:
      return "storage";
    case EventKind::kChannel:
      return "channel";
    case EventKind::kAlarm:
      return "alarm";
    case EventKind::kApproval:
      return "approval";
  }
  return "";
}

const char* Name(Traffic traffic) {
  switch (traffic) {
    case Traffic::kRoute:
      return "route";
    case Traffic::kHold:
      return "hold";
    case Traffic::kRefuse:
      return "refuse";
  }
  return "";
}

const char* Name(Life life) {
  switch (life) {
    case Life::kUnknown:
      return "unknown";
    case Life::kAlive:
      return "alive";
    case Life::kOut:
      return "out";
    case Life::kUnreachable:
      return "unreachable";
    case Life::kDead:
      return "dead";
  }
  return "";
}

const char* Name(Hindrance hindrance) {
  switch (hindrance) {
    case Hindrance::kNotAutomatic:
      return "not-automatic";
    case Hindrance::kAutomationOff:
      return "automation-off";
    case Hindrance::kAllAutomationOff:
      return "all-automation-off";
    case Hindrance::kOperatorChoice:
      return "operator-choice";
    case Hindrance::kCooldown:
      return "cooldown";
    case Hindrance::kOtherClaims:
      return "other-claims";
    case Hindrance::kVetoed:
      return "vetoed";
  }
  return "";
}

}  // namespace meridian::failover
