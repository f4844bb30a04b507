// See chronicle.h.
#include "simulate/chronicle.h"

#include <meridian/base/format.h>
#include <meridian/base/text.h>

namespace meridian::simulate {
namespace {

constexpr Duration kOneEvent = std::chrono::seconds(1);   // states that follow within are one
constexpr Duration kOneOutage = std::chrono::seconds(5);  // refusals that do

}  // namespace

void Chronicle::Tell(Kind kind, std::string text, bool is_bad) {
  if (agenda_.SinceStart() < Duration(0)) return;
  if (moments_.size() >= kMaxMoments) {
    ++dropped_;
    return;
  }
  moments_.push_back({agenda_.SinceStart(), kind, std::move(text), is_bad});
}

void Chronicle::TellHealth(const Health& health) {
  const Duration now = agenda_.SinceStart();
  if (now < Duration(0)) return;
  const bool is_bad = health.state == health::State::kDown || health.state == health::State::kOut;
  std::string text = Format("{} is {} for {}{}{}", health.site, health::Name(health.state),
                            health.services, health.why.empty() ? "" : ": ", health.why);
  Known& known = known_[{health.site, health.services}];
  const bool follows = known.at > Duration(0) && now - known.at <= kOneEvent;
  if (follows && known.moment < moments_.size()) {
    moments_.erase(moments_.begin() + static_cast<ptrdiff_t>(known.moment));
    for (auto& [key, other] : known_) other.moment -= other.moment > known.moment ? 1 : 0;
    for (auto& [key, outage] : outages_) outage.moment -= outage.moment > known.moment ? 1 : 0;
  }
  known = {moments_.size(), now};
  Tell(Kind::kHealth, std::move(text), is_bad);
}

void Chronicle::TellRefused(const std::string& service, routing::NoChoice why, uint64_t tries) {
  const Duration now = agenda_.SinceStart();
  if (now < Duration(0)) return;
  Outage& outage = outages_[service];
  if (outage.tries.empty() || now - outage.last > kOneOutage) {
    outage = {moments_.size(), now, now, {}};
    Tell(Kind::kTraffic, {}, true);
  }
  outage.last = now;
  outage.tries[ReasonText(why)] += tries;
  if (outage.moment >= moments_.size()) return;
  std::string text;
  for (const auto& [reason, count] : outage.tries) {
    text += Format("{}{} {} refused: {}", text.empty() ? "" : ", ", GroupThousands(count),
                   count == 1 ? "try" : "tries", reason);
  }
  const Duration lasted = outage.last - outage.first;
  moments_[outage.moment].text =
      Format("{}: {}{}", service, text,
             lasted > Duration(0)
                 ? Format(" (over {:.1f}s)", std::chrono::duration<double>(lasted).count())
                 : std::string());
}

std::string ReasonText(routing::NoChoice why) {
  switch (why) {
    case routing::NoChoice::kNoSites:
      return "no site may take them";
    case routing::NoChoice::kAllDown:
    case routing::NoChoice::kExhausted:
      return "no candidate answers";
    case routing::NoChoice::kSessionRejected:
      return "their session's place is down";
    case routing::NoChoice::kAtCapacity:
      return "every candidate is full";
    case routing::NoChoice::kRefused:
      return "it is not sure which site is active";
    case routing::NoChoice::kHeld:
    case routing::NoChoice::kNone:
      break;
  }
  return routing::Name(why);
}

}  // namespace meridian::simulate
