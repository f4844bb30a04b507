// See wait_condition.h.
#include "wait_condition.h"

#include <meridian/admin/client.h>
#include <meridian/base/format.h>
#include <meridian/base/text.h>

#include <algorithm>
#include <array>

#include "live_call.h"

namespace meridian::app {
namespace {

constexpr std::array<std::string_view, 6> kStates{"up",   "degraded", "draining",
                                                  "down", "out",      "drained"};

std::string OneLine(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::vector<std::string> Split(const std::string& text) {
  std::vector<std::string> words;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(' ', at), text.size());
    if (end > at) words.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

}  // namespace

std::optional<WaitCondition> WaitCondition::Parse(const std::vector<std::string>& given,
                                                  std::string& fault) {
  WaitCondition condition;
  condition.text_ = OneLine(given);
  const std::vector<std::string> words = Split(condition.text_);
  if (words.size() == 1 && words[0] == "ready") return condition;
  if (words.size() == 2 && words[0] == "generation") {
    const auto number = ParseUnsigned(words[1]);
    if (number) {
      condition.kind_ = Kind::kGeneration;
      condition.generation_ = *number;
      return condition;
    }
  }
  if (words.size() == 2 && words[0].starts_with("site/") && words[0].size() > 5) {
    if (std::find(kStates.begin(), kStates.end(), words[1]) != kStates.end()) {
      condition.kind_ = words[1] == "drained" ? Kind::kSiteDrained : Kind::kSiteState;
      condition.site_ = words[0].substr(5);
      condition.state_ = words[1];
      return condition;
    }
    const auto nearest = NearestName(words[1], kStates);
    fault = Format("'{}' is not a state a site can be in", words[1]) +
            (nearest ? Format("; did you mean '{}'?", *nearest) : "");
    return std::nullopt;
  }
  fault = Format("'{}' is not a condition: ready, generation N, site/NAME STATE, site/NAME drained",
                 condition.text_);
  return std::nullopt;
}

std::string WaitCondition::Target() const {
  if (kind_ == Kind::kReady || kind_ == Kind::kGeneration) return "/v1/status";
  return "/v1/sites/" + PercentEncode(site_);
}

bool WaitCondition::Holds(std::string_view json, std::string& now) const {
  if (kind_ == Kind::kGeneration) {
    now = admin::FieldOf(json, "/generation").value_or("0");
    const bool reached = ParseUnsigned(now).value_or(0) >= generation_;
    now = "generation " + now;
    return reached;
  }
  const std::string state = admin::FieldOf(json, "/state").value_or("");
  if (kind_ == Kind::kReady) {
    now = "it is " + state;
    return state == "serving";
  }
  now = Format("site {} is {}", site_, state);
  if (kind_ == Kind::kSiteState) return state == state_;
  const std::string sessions = admin::FieldOf(json, "/sessions").value_or("");
  now += Format(" with {} sessions", sessions);
  return (state == "draining" || state == "out" || state == "down") && sessions == "0";
}

}  // namespace meridian::app
