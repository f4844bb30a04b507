// What a controller tells of the present and of what comes next: where sessions go, status, the
// outlook and an operator's preview. Values; they stay true only until the next input.
#pragma once

#include <meridian/failover/channel.h>
#include <meridian/failover/gate.h>
#include <meridian/failover/record.h>
#include <meridian/failover/timeline.h>

#include <string>
#include <vector>

namespace meridian::failover {

enum class Traffic : uint8_t {
  kRoute,   // to `site`, under `epoch`
  kHold,    // new sessions wait until `until` at most; established ones finish
  kRefuse,  // nowhere: it is not sure which site is active
};

// What the data path is to do with the sessions of the service (or its writes, with reads:
// nearest).
struct Direction {
  Traffic traffic = Traffic::kRoute;
  std::string site;
  uint64_t epoch = 0;  // forwarded with each session
  uint64_t version =
      0;  // moves with every change of state; reports name the one they were made under
  const char* reason = "";   // static; why not kRoute
  MonotonicTime until{};     // kHold: its end
  MonotonicTime close_at{};  // kHold: when the sessions still open on `site` are to be closed
};

// What is known of the life of the active site.
enum class Life : uint8_t { kUnknown, kAlive, kOut, kUnreachable, kDead };

// Why nothing moves by itself.
enum class Hindrance : uint8_t {
  kNotAutomatic,      // failover.automatic: false
  kAutomationOff,     // the kill switch of this service
  kAllAutomationOff,  // … of all
  kOperatorChoice,    // an operator chose the active site
  kCooldown,          // a move not long ago, not acknowledged
  kOtherClaims,       // another site claims the primary role: a move would make a second primary
  kVetoed,            // a veto not long ago: it is asked again after a while
};

// What is asked of whoever must approve before a site opens, and waits for an answer.
struct Question {
  uint64_t number = 0;  // grows with each question of one Controller
  std::string hook;     // Policy::approval
  std::string from, to;
  uint64_t epoch = 0;  // the move's
  Cause cause = Cause::kAutomatic;
  std::string author;
  bool is_planned = false;                // `from` lives, was drained, and `to` has caught up
  std::optional<Duration> lag;            // of `to`; empty: unknown
  std::optional<uint64_t> backlog_bytes;  // likewise
  MonotonicTime asked{};
  std::string why;  // `to` rather than another; as in Timeline

  bool operator==(const Question&) const = default;
};

struct Answer {
  bool is_yes = false;
  std::string reason;  // "hook promote: exit 1: no quorum"
};

// The last no, until a site opens or it is asked again.
struct Veto {
  std::string to, reason;
  bool is_of_switch = false;  // of a planned move
  MonotonicTime until{};      // nothing of that kind is asked by itself before
};

struct SiteView {
  std::string name;
  bool is_active = false, is_primary = false;
  bool takes_reads = false;
  bool is_claim_refused = false;
  Observation seen;
  uint64_t open_sessions = 0;
  ChannelView channel;
};

struct Status {
  std::string service;
  State state = State::kNormal;
  Instant since;  // of the state
  std::string active;
  uint64_t epoch = 0;
  WallTime epoch_since{};
  Cause cause = Cause::kFirstStart;
  std::string author;
  bool is_operator_choice = false, is_acknowledged = true;
  bool is_automation_on = true, is_all_automation_on = true;
  bool is_saved = true;  // false: the record on disk is not the present one, or may not be
  Duration cooldown_left{};
  int redundancy = 0;               // sites that could be active now, less one
  std::vector<std::string> claims;  // split-brain: who claims the primary role besides the active
  std::optional<BegunMove> begun;   // neither made nor given up
  std::optional<Question> question;
  std::optional<Veto> veto;
  std::vector<SiteView> sites;  // the primary first, then standbys in their order
};

// What would happen next, and when.
struct Outlook {
  Life life = Life::kUnknown;
  std::vector<std::string> witnesses;  // sites that still receive from the active one
  std::vector<Hindrance> hindrances;   // of an automatic failover
  std::vector<Gate> gates;             // of every site but the active, in configured order
  std::string would_activate;          // the freshest open one; empty: none
  std::string would_activate_why;      // rather than another; empty: no other is open
  std::optional<Duration> due_in;      // until the next timed step; empty: none is timed
  std::string text;                    // one sentence
};

// What an operator should know before ordering a failover.
struct Assessment {
  Gate gate;
  bool needs_force = false;
  bool is_planned = false;              // the active lives: held, drained, caught up; nothing lost
  std::optional<Duration> lag_at_risk;  // empty: unknown, which is not zero
  std::optional<uint64_t> bytes_at_risk;
  std::string text;
};

const char* Name(Traffic traffic);
const char* Name(Life life);
const char* Name(Hindrance hindrance);

}  // namespace meridian::failover
