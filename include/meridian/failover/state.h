// The states of a disaster-recovery service and the one table of legal moves between them; drawn in
// src/failover/README.md. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace meridian::failover {

enum class State : uint8_t {
  kNormal,       // the primary is active
  kActivating,   // the active site is dead; a candidate is being chosen and persisted
  kBlocked,      // none qualifies, or nothing may move by itself
  kFailedOver,   // a standby is active, the primary is not healthy
  kReconciling,  // … the primary is healthy, and not yet known to follow
  kReady,        // … and it follows
  kSwitching,    // planned: new sessions wait, the old active drains, the new one catches up
  kSplitBrain,   // two sites claim the primary role; nothing moves
};
inline constexpr size_t kStateCount = 8;

enum class Trigger : uint8_t {
  kActiveDead,      // dead, not merely unreachable, for `after`
  kOneQualifies,    // a candidate's gate opened and nothing hinders
  kNoneQualifies,   // no gate is open, or something hinders
  kVetoed,          // who had to approve of the candidate did not
  kOpenedPrimary,   // epoch + 1 with the primary active, persisted
  kOpenedStandby,   // epoch + 1 with a standby active, persisted
  kPrimaryServes,   // back to rest where it was, and that is the primary
  kStandbyServes,   // back to rest where it was, and that is a standby
  kPrimaryHealthy,  // the primary is up while a standby is active
  kPrimaryLost,     // … and is no longer
  kReconciled,      // … and follows the active site
  kDiverged,        // … and no longer does
  kSwitchAsked,     // a planned move begins
  kTwoClaim,        // two sites claim the primary role, or one with an epoch above ours
};
inline constexpr size_t kTriggerCount = 14;

struct Move {
  State from;
  Trigger trigger;
  State to;
};

std::span<const Move> LegalMoves();
// Where the trigger leads from there; empty: it is not legal there.
std::optional<State> Next(State from, Trigger trigger);

// Why the active site is the active site, and why a move was made.
enum class Cause : uint8_t {
  kFirstStart,   // no record: the primary, as configured
  kAutomatic,    // the active was dead and a candidate qualified
  kFailback,     // automatic, after hold
  kOperator,     // an operator's failover or failback, with nothing forced
  kForced,       // an operator's, past a closed gate
  kResolved,     // an operator's word in a split brain
  kHigherEpoch,  // a site claims the primary role with an epoch above the recorded one
};
inline constexpr size_t kCauseCount = 7;

const char* Name(State state);      // "normal", "failed-over", … as status and events show it
const char* Name(Trigger trigger);  // "active-dead", …
const char* Name(Cause cause);      // "first-start", "automatic", …

}  // namespace meridian::failover
