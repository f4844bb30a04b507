// See drain_progress.h.
#include "drain_progress.h"

#include <meridian/base/format.h>

#include <utility>

namespace meridian::app {
namespace {

constexpr Duration kEvery = std::chrono::seconds(1);

}  // namespace

DrainProgress::DrainProgress(net::Loop& loop, health::Registry& registry, Count count, Tell tell)
    : loop_(loop),
      registry_(registry),
      count_(std::move(count)),
      tell_(std::move(tell)),
      timer_(*this) {}

// A drain whose deadline passes becomes another record of the same drain: that is told of once.
void DrainProgress::Watch() {
  std::map<std::string, Watched> next;
  for (const auto& intent : registry_.Intents()) {
    const std::string& target = intent.first;
    const auto known = watched_.find(target);
    if (known != watched_.end()) {
      next.emplace(target, std::move(known->second));
    } else {
      next[target].samples.push_back({loop_.Now(), count_(target)});
    }
  }
  watched_ = std::move(next);
  if (watched_.empty()) {
    timer_.Disarm();
  } else if (!timer_.armed()) {
    loop_.Arm(timer_, kEvery);
  }
}

void DrainProgress::OnTimer(net::Timer&) {
  for (auto& [target, watched] : watched_) {
    watched.samples.push_back({loop_.Now(), count_(target)});
    if (watched.samples.size() > kSamples) watched.samples.pop_front();
    if (watched.samples.back().sessions > 0 || std::exchange(watched.told, true)) continue;
    tell_(Format("{}: drained, no session is left", target));
  }
  if (!watched_.empty()) loop_.Arm(timer_, kEvery);
}

admin::DrainState DrainProgress::At(const std::string& target) const {
  admin::DrainState state{count_(target), 0};
  const auto known = watched_.find(target);
  if (known == watched_.end()) return state;
  const Sample& first = known->second.samples.front();
  const double seconds = std::chrono::duration<double>(loop_.Now() - first.at).count();
  if (seconds > 0 && first.sessions > state.sessions) {
    state.leaving_per_second = static_cast<double>(first.sessions - state.sessions) / seconds;
  }
  return state;
}

}  // namespace meridian::app
