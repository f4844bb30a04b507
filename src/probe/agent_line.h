// What an agent beside an endpoint says of it, in HAProxy's form (its documentation: agent-check):
// one line of words, in any order, with spaces, tabs or commas between them, and after a '#' the
// reason.
//
//   "up 75%\n"   "drain # being replaced\n"   "down,fail # disk full\n"   "ready\n"
//
// ready, drain and maint are one thing that it may say; up, down, fail, failed and stopped another;
// a percentage, of the configured weight, a third. What a line does not mention stays as it was.
// Pure; bounded by what it is given.
#pragma once

#include <meridian/health/facts.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace meridian::probe {

struct AgentLine {
  enum class Admin : uint8_t { kReady, kDrain, kMaint };

  std::optional<Admin> admin;
  std::optional<bool> up;
  std::optional<uint8_t> percent;  // 0 to 100; more counts as 100
  std::string reason;              // printable ASCII, at most 120 bytes; often empty
};

// Empty if there is no word in it that means something. Words that don't are passed over.
std::optional<AgentLine> ParseAgentLine(std::string_view line);

// All that an agent has said so far.
class AgentMemory {
 public:
  void Hear(const AgentLine& line);

  // kNone until it has said something.
  health::Agent word() const;
  uint8_t share() const { return percent_ == 0 ? 100 : percent_; }  // 0 % is a drain
  const std::string& reason() const { return reason_; }

  bool operator==(const AgentMemory&) const = default;

 private:
  AgentLine::Admin admin_ = AgentLine::Admin::kReady;
  bool heard_ = false, up_ = true;
  uint8_t percent_ = 100;
  std::string reason_;
};

}  // namespace meridian::probe
