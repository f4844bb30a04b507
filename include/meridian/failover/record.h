// What is persisted for one service: which site is active under which epoch, and why. Written
// before it takes effect. Text, one key a line, so that an operator can read it:
//
//   meridian-failover 1
//   service <TAB> billing
//   epoch <TAB> 8
//   active <TAB> dallas
//   …
//   end <TAB> hash of all lines before, in hex
//
// Times are of the wall clock, nanoseconds since 1970, 0: none. Read strictly: anything that
// WriteRecord does not write is refused, and no active site is ever guessed from the rest.
#pragma once

#include <meridian/base/result.h>
#include <meridian/base/time.h>
#include <meridian/failover/state.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace meridian::failover {

inline constexpr uint64_t kMaxEpoch = uint64_t{1} << 62;
inline constexpr size_t kMaxRecordSites = 64;  // in each list

// A move that was begun and is neither made nor given up. While the disk says so nothing is routed,
// so that whoever was asked to prepare the site may do so.
struct BegunMove {
  std::string to;
  uint64_t epoch = 0;  // the move's, if it is made
  Cause cause = Cause::kAutomatic;
  std::string author;

  bool operator==(const BegunMove&) const = default;
};

struct Record {
  std::string service;
  uint64_t epoch = 1;
  std::string active;
  State state = State::kNormal;  // one of rest: kNormal, kFailedOver or kSplitBrain
  Cause cause = Cause::kFirstStart;
  std::string author;                // of the operator's move; empty: none
  bool is_operator_choice = false;   // no automatic move away from the active site
  bool is_acknowledged = true;       // false: an automatic move nobody has acknowledged
  bool is_automation_on = true;      // the kill switch of this service
  bool is_all_automation_on = true;  // the kill switch of all
  WallTime since{};                  // of the epoch
  WallTime cooldown_from{};          // of the automatic move that cools down; zero: none does
  std::vector<std::string> claims;   // split-brain: who claims besides the active
  std::vector<std::string> refused_claims;  // sites whose claim an operator has decided against
  std::optional<BegunMove> begun;
  uint64_t given_epoch = 0;  // the highest ever given to a begun move; 0: none above `epoch`

  bool operator==(const Record&) const = default;
};

std::string WriteRecord(const Record& record);
// Errors: kMalformed, kTooLarge; the context says what is wrong and what an operator can do.
Result<Record> ReadRecord(std::string_view text);

}  // namespace meridian::failover
