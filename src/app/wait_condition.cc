// See wait_condition.h.
#include "wait_condition.h"

#include <meridian/admin/client.h>
#include <meridian/base/format.h>
#include <meridian/base/text.h>

#include <algorithm>
#include <array>
#include <span>

#include "live_call.h"

namespace meridian::app {
namespace {

constexpr std::array<std::string_view, 6> kSiteStates{"up",   "degraded", "draining",
                                                      "down", "out",      "drained"};
constexpr std::array<std::string_view, 11> kServiceStates{
    "up",          "degraded",    "down",  "normal",    "activating", "blocked",
    "failed-over", "reconciling", "ready", "switching", "split-brain"};
constexpr std::array<std::string_view, 1> kDrained{"drained"};

// Whether `state` is one of `known`; if not, `fault` says so.
bool IsOneOf(std::string_view state, std::span<const std::string_view> known,
             std::string_view thing, std::string& fault) {
  if (std::find(known.begin(), known.end(), state) != known.end()) return true;
  const auto nearest = NearestName(state, known);
  fault = Format("'{}' is not a state a {} can be waited for in", state, thing) +
          (nearest ? Format("; did you mean '{}'?", *nearest) : "");
  return false;
}

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
  const std::string text = OneLine(given);
  const std::vector<std::string> words = Split(text);
  std::optional<WaitCondition> condition;
  if (words.size() == 1 && words[0] == "ready") condition.emplace();
  if (words.size() == 2 && words[0] == "generation") {
    if (const auto number = ParseUnsigned(words[1])) {
      condition.emplace();
      condition->kind_ = Kind::kGeneration;
      condition->generation_ = *number;
    }
  }
  if (words.size() >= 2) {
    const size_t slash = words[0].find('/');
    if (slash != std::string::npos && slash + 1 < words[0].size()) {
      condition = OfThing(words[0].substr(0, slash), words[0].substr(slash + 1), words, fault);
    }
  }
  if (condition) {
    condition->text_ = text;
  } else if (fault.empty()) {
    fault = Format(
        "'{}' is not a condition: ready, generation N, site/NAME STATE, site/NAME drained, "
        "region/NAME drained, endpoint/SITE/ADDRESS drained, service/NAME STATE, "
        "service/NAME at SITE",
        text);
  }
  return condition;
}

std::optional<WaitCondition> WaitCondition::OfThing(std::string_view thing, std::string_view name,
                                                    const std::vector<std::string>& words,
                                                    std::string& fault) {
  WaitCondition condition;
  condition.name_ = name;
  condition.state_ = words.back();
  if (thing == "service" && words.size() == 3 && words[1] == "at") {
    condition.kind_ = Kind::kActive;
    return condition;
  }
  if (words.size() != 2) return std::nullopt;
  if (thing == "site" && IsOneOf(words[1], kSiteStates, thing, fault)) {
    condition.kind_ = words[1] == "drained" ? Kind::kSiteDrained : Kind::kSite;
    return condition;
  }
  if (thing == "service" && IsOneOf(words[1], kServiceStates, thing, fault)) {
    condition.kind_ = Kind::kService;
    return condition;
  }
  if ((thing == "region" || thing == "endpoint") && IsOneOf(words[1], kDrained, thing, fault)) {
    condition.kind_ = Kind::kDrained;
    return condition;
  }
  return std::nullopt;
}

std::string WaitCondition::Target() const {
  switch (kind_) {
    case Kind::kReady:
    case Kind::kGeneration:
      break;
    case Kind::kSite:
    case Kind::kSiteDrained:
      return "/v1/sites/" + PercentEncode(name_);
    case Kind::kDrained:
      return "/v1/drain?target=" + PercentEncode(name_);
    case Kind::kService:
    case Kind::kActive:
      return "/v1/services/" + PercentEncode(name_);
  }
  return "/v1/status";
}

bool WaitCondition::Holds(std::string_view json, std::string& now) const {
  const auto field = [json](const char* pointer) {
    return admin::FieldOf(json, pointer).value_or("");
  };
  const std::string state = field("/state");
  switch (kind_) {
    case Kind::kReady:
      now = "it is " + state;
      return state == "serving";
    case Kind::kGeneration:
      now = "generation " + field("/generation");
      return ParseUnsigned(field("/generation")).value_or(0) >= generation_;
    case Kind::kSite:
      now = Format("site {} is {}", name_, state);
      return state == state_;
    case Kind::kSiteDrained:
      now = Format("site {} is {} with {} sessions", name_, state, field("/sessions"));
      return (state == "draining" || state == "out" || state == "down") &&
             field("/sessions") == "0";
    case Kind::kDrained:
      return DrainHolds(json, now);
    case Kind::kService: {
      const std::string recovery = field("/recovery/state");
      now = Format("service {} is {}", name_, recovery.empty() ? state : recovery);
      return (recovery.empty() ? state : recovery) == state_;
    }
    case Kind::kActive:
      now = Format("{} is active", field("/active").empty() ? "no site" : field("/active"));
      return field("/active") == state_;
  }
  return false;
}

bool WaitCondition::DrainHolds(std::string_view json, std::string& now) const {
  const std::string intent = admin::FieldOf(json, "/intent").value_or("");
  const std::string sessions = admin::FieldOf(json, "/sessions").value_or("");
  if (intent == "serve") {
    now = name_ + " is not being drained";
    return false;
  }
  now = Format("{} is {} with {} sessions", name_, intent == "out" ? "out" : "draining", sessions);
  return sessions == "0";
}

}  // namespace meridian::app
