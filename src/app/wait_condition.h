// What `meridian wait` waits for, and whether an answer of the API says it holds. Plain values.
//
//   ready                            listeners accept
//   generation N                     generation N or a later one runs
//   site/NAME STATE                  up | degraded | draining | down | out
//   site/NAME drained                it takes nothing new, and has no session left; also of
//     region/NAME, endpoint/SITE/ADDRESS, which an operator has drained
//   service/NAME STATE               normal | failed-over | blocked …, of a service with disaster
//                                    recovery; up | degraded | down, of any other
//   service/NAME at SITE             that site is active
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace meridian::app {

class WaitCondition {
 public:
  // `words` as given on the command line, split at spaces. Error: what is wrong.
  static std::optional<WaitCondition> Parse(const std::vector<std::string>& words,
                                            std::string& fault);

  // The path to ask: GET, again and again.
  std::string Target() const;
  // `now` gets what was seen instead, for people.
  bool Holds(std::string_view json, std::string& now) const;
  const std::string& text() const { return text_; }

 private:
  enum class Kind { kReady, kGeneration, kSite, kSiteDrained, kDrained, kService, kActive };
  static std::optional<WaitCondition> OfThing(std::string_view thing, std::string_view name,
                                              const std::vector<std::string>& words,
                                              std::string& fault);
  bool DrainHolds(std::string_view json, std::string& now) const;

  Kind kind_ = Kind::kReady;
  std::string name_, state_, text_;  // of what, which state (or site) of it
  uint64_t generation_ = 0;
};

}  // namespace meridian::app
