// What `meridian wait` waits for, and whether an answer of the API says it holds. Plain values.
//
//   ready                  listeners accept
//   generation N           generation N or a later one runs
//   site/NAME STATE        up | degraded | draining | down | out, or
//   site/NAME drained      it is draining or out, and has no session left
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
  enum class Kind { kReady, kGeneration, kSiteState, kSiteDrained };
  Kind kind_ = Kind::kReady;
  std::string site_, state_, text_;
  uint64_t generation_ = 0;
};

}  // namespace meridian::app
