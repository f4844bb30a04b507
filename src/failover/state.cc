// The table of legal moves, and the names of states, triggers and causes.
#include <meridian/failover/state.h>

namespace meridian::failover {
namespace {

using enum State;
using enum Trigger;

// kOpenedPrimary and kOpenedStandby stand wherever an operator may force a move.
constexpr Move kMoves[] = {
    {kNormal, kActiveDead, kActivating},
    {kNormal, kSwitchAsked, kSwitching},
    {kNormal, kOpenedPrimary, kNormal},  // forced: the same site, under a new epoch
    {kNormal, kOpenedStandby, kFailedOver},
    {kNormal, kStandbyServes, kFailedOver},  // a reload made another site the primary
    {kNormal, kTwoClaim, kSplitBrain},

    {kActivating, kOpenedPrimary, kNormal},
    {kActivating, kOpenedStandby, kFailedOver},
    {kActivating, kNoneQualifies, kBlocked},
    {kActivating, kVetoed, kBlocked},
    {kActivating, kPrimaryServes, kNormal},
    {kActivating, kStandbyServes, kFailedOver},
    {kActivating, kTwoClaim, kSplitBrain},

    {kBlocked, kOneQualifies, kActivating},
    {kBlocked, kOpenedPrimary, kNormal},
    {kBlocked, kOpenedStandby, kFailedOver},
    {kBlocked, kPrimaryServes, kNormal},
    {kBlocked, kStandbyServes, kFailedOver},
    {kBlocked, kTwoClaim, kSplitBrain},

    {kFailedOver, kActiveDead, kActivating},
    {kFailedOver, kPrimaryHealthy, kReconciling},
    {kFailedOver, kSwitchAsked, kSwitching},
    {kFailedOver, kOpenedPrimary, kNormal},
    {kFailedOver, kOpenedStandby, kFailedOver},
    {kFailedOver, kPrimaryServes, kNormal},
    {kFailedOver, kTwoClaim, kSplitBrain},

    {kReconciling, kActiveDead, kActivating},
    {kReconciling, kPrimaryLost, kFailedOver},
    {kReconciling, kReconciled, kReady},
    {kReconciling, kSwitchAsked, kSwitching},
    {kReconciling, kOpenedPrimary, kNormal},
    {kReconciling, kOpenedStandby, kFailedOver},
    {kReconciling, kPrimaryServes, kNormal},
    {kReconciling, kTwoClaim, kSplitBrain},

    {kReady, kActiveDead, kActivating},
    {kReady, kPrimaryLost, kFailedOver},
    {kReady, kDiverged, kReconciling},
    {kReady, kSwitchAsked, kSwitching},
    {kReady, kOpenedPrimary, kNormal},
    {kReady, kOpenedStandby, kFailedOver},
    {kReady, kPrimaryServes, kNormal},
    {kReady, kTwoClaim, kSplitBrain},

    {kSwitching, kOpenedPrimary, kNormal},
    {kSwitching, kOpenedStandby, kFailedOver},
    {kSwitching, kPrimaryServes, kNormal},
    {kSwitching, kStandbyServes, kFailedOver},
    {kSwitching, kTwoClaim, kSplitBrain},

    {kSplitBrain, kOpenedPrimary, kNormal},
    {kSplitBrain, kOpenedStandby, kFailedOver},
    {kSplitBrain, kPrimaryServes, kNormal},
    {kSplitBrain, kStandbyServes, kFailedOver},
};

}  // namespace

std::span<const Move> LegalMoves() {
  return kMoves;
}

std::optional<State> Next(State from, Trigger trigger) {
  for (const Move& move : kMoves) {
    if (move.from == from && move.trigger == trigger) return move.to;
  }
  return std::nullopt;
}

const char* Name(State state) {
  switch (state) {
    case kNormal:
      return "normal";
    case kActivating:
      return "activating";
    case kBlocked:
      return "blocked";
    case kFailedOver:
      return "failed-over";
    case kReconciling:
      return "reconciling";
    case kReady:
      return "ready";
    case kSwitching:
      return "switching";
    case kSplitBrain:
      return "split-brain";
  }
  return "";
}

const char* Name(Trigger trigger) {
  switch (trigger) {
    case kActiveDead:
      return "active-dead";
    case kOneQualifies:
      return "one-qualifies";
    case kNoneQualifies:
      return "none-qualifies";
    case kVetoed:
      return "vetoed";
    case kOpenedPrimary:
      return "opened-primary";
    case kOpenedStandby:
      return "opened-standby";
    case kPrimaryServes:
      return "primary-serves";
    case kStandbyServes:
      return "standby-serves";
    case kPrimaryHealthy:
      return "primary-healthy";
    case kPrimaryLost:
      return "primary-lost";
    case kReconciled:
      return "reconciled";
    case kDiverged:
      return "diverged";
    case kSwitchAsked:
      return "switch-asked";
    case kTwoClaim:
      return "two-claim";
  }
  return "";
}

const char* Name(Cause cause) {
  switch (cause) {
    case Cause::kFirstStart:
      return "first-start";
    case Cause::kAutomatic:
      return "automatic";
    case Cause::kFailback:
      return "failback";
    case Cause::kOperator:
      return "operator";
    case Cause::kForced:
      return "forced";
    case Cause::kResolved:
      return "resolved";
    case Cause::kHigherEpoch:
      return "higher-epoch";
  }
  return "";
}

}  // namespace meridian::failover
