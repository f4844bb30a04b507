// One question to DNS and its answer, as values.
#pragma once

#include <meridian/base/time.h>
#include <meridian/net/address.h>

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace meridian::resolve {

enum class Type : uint8_t { kA, kAaaa, kSrv };

struct Question {
  std::string name;
  Type type = Type::kA;

  auto operator<=>(const Question&) const = default;
};

enum class Outcome : uint8_t {
  kFound,
  kPartial,  // of a name: one of its two families was found, the other's question failed
  kEmpty,    // the name has nothing of this type
  kNoName,   // NXDOMAIN
  kFailed,   // SERVFAIL, refused, no server can be reached, not to be understood
  kTimeout,
};
inline constexpr size_t kOutcomes = 6;
// "found", "partial", "empty", "no-name", "failed", "timeout".
std::string_view Name(Outcome outcome);

// RFC 2782.
struct ServiceRecord {
  uint16_t priority = 0, weight = 0, port = 0;
  std::string target;  // lower case, without a final dot

  auto operator<=>(const ServiceRecord&) const = default;
};

struct Answer {
  Outcome outcome = Outcome::kEmpty;
  Duration ttl{};
  std::vector<net::IpAddress> addresses;
  std::vector<ServiceRecord> services;
};

// Who is told what was asked for. Never from inside of Ask.
class AnswerHandler {
 public:
  virtual void OnAnswer(const Question& question, Answer answer) = 0;

 protected:
  ~AnswerHandler() = default;
};

}  // namespace meridian::resolve
