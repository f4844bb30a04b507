// See schedule.h.
#include "probe/schedule.h"

#include <map>
#include <utility>

namespace meridian::probe {

Schedule::Schedule(net::Loop& loop, net::Random& random, health::Registry& registry,
                   net::Descriptors* descriptors, uint32_t max_in_flight)
    : slots_(max_in_flight),
      tls_(loop),
      context_{loop, random, registry, slots_, metrics_, tls_, http2_, descriptors},
      ready_timer_(*this) {}

void Schedule::Update(std::span<const Target> targets) {
  std::vector<std::unique_ptr<Check>> before = std::exchange(checks_, {});
  const std::array<Positions, 2> old_positions = std::exchange(positions_, {});
  std::map<std::pair<std::string_view, std::string_view>, Known> known;
  for (const auto& check : before) {
    if (!check->answered()) continue;
    Known& of = known[{check->site(), check->address_text()}];
    if (!check->beside()) of.probe = check->verdict();
    if (check->agent().word() != health::Agent::kNone) of.agent = check->agent();
  }
  checks_.reserve(targets.size());
  for (const Target& target : targets) {
    const size_t kind = target.beside ? 1 : 0;
    // Another service may have the same endpoint under the same definition.
    if (!positions_[kind].emplace(target.health, checks_.size()).second) continue;
    const auto old = old_positions[kind].find(target.health);
    if (old != old_positions[kind].end()) {
      checks_.push_back(std::move(before[old->second]));
      checks_.back()->Adopt(target);
      continue;
    }
    const auto assumed = known.find({target.site, target.address_text});
    checks_.push_back(std::make_unique<Check>(context_, *this, target,
                                              assumed == known.end() ? Known() : assumed->second));
  }
  for (const auto& check : before) {
    if (check != nullptr) check->Retire();
  }
  unanswered_ = 0;
  for (const auto& check : checks_) unanswered_ += check->answered() ? 0 : 1;
  size_.Subtract(size_.value());
  size_.Add(checks_.size());
  updated_ = true;
  TellIfReady();
}

void Schedule::Recheck(health::EndpointHealth& endpoint) {
  const auto position = positions_[0].find(&endpoint);
  if (position != positions_[0].end()) checks_[position->second]->Recheck();
}

void Schedule::WhenAllAnswered(std::function<void()> ready) {
  ready_ = std::move(ready);
  TellIfReady();
}

void Schedule::OnFirstAnswer() {
  --unanswered_;
  TellIfReady();
}

void Schedule::TellIfReady() {
  if (ready_ && updated_ && unanswered_ == 0) context_.loop.Arm(ready_timer_, Duration(0));
}

void Schedule::OnTimer(net::Timer&) {
  if (!ready_ || unanswered_ > 0) return;
  const auto ready = std::exchange(ready_, nullptr);
  ready();
}

void Schedule::Collect(MetricSink& sink) const {
  metrics_.Collect(sink);
  sink.Gauge("meridian_checks_scheduled", "Endpoints under an active check.", {},
             static_cast<double>(size_.value()));
  sink.Gauge("meridian_checks_in_flight", "Checks under way.", {},
             static_cast<double>(slots_.in_flight()));
  sink.Gauge("meridian_checks_waiting", "Checks that are due and wait for one under way to end.",
             {}, static_cast<double>(slots_.waiting()));
}

}  // namespace meridian::probe
