// See topology_state.h.
#include "admin/topology_state.h"

namespace meridian::admin {
namespace {

using health::State;

bool Usable(State state) {
  return state == State::kUp || state == State::kDegraded;
}

State FromIntent(health::Intent intent) {
  switch (intent) {
    case health::Intent::kServe:
      return State::kUp;
    case health::Intent::kDrain:
      return State::kDraining;
    case health::Intent::kOut:
      return State::kOut;
  }
  return State::kUp;
}

}  // namespace

size_t UsableSites(const routing::Table& table, ServiceId service) {
  size_t usable = 0;
  for (const SiteId site : table.SitesOf(service)) {
    if (Usable(table.SiteState(service, site))) ++usable;
  }
  return usable;
}

State OverallState(const routing::Table& table, SiteId site) {
  std::optional<State> overall;
  for (uint32_t i = 0; i < table.services().size(); ++i) {
    const ServiceId service{i};
    if (table.Pool(service, site).empty()) continue;
    const State state = table.SiteState(service, site);
    if (overall && *overall != state) return State::kDegraded;
    overall = state;
  }
  if (overall) return *overall;
  return FromIntent(static_cast<health::Intent>(table.site(site).health->intent.load()));
}

State ServiceState(const routing::Table& table, ServiceId service) {
  State best = State::kDown;
  for (const SiteId site : table.SitesOf(service)) {
    const State state = table.SiteState(service, site);
    if (state == State::kUp) return state;
    if (state == State::kDegraded) best = state;
  }
  return best;
}

std::optional<std::pair<std::string, health::IntentRecord>> SiteIntent(
    const health::Registry& registry, const routing::Site& site) {
  std::optional<std::pair<std::string, health::IntentRecord>> strictest;
  for (auto& entry : registry.Intents()) {
    if (entry.first != site.name && entry.first != site.region) continue;
    if (!strictest || entry.second.intent > strictest->second.intent) strictest = std::move(entry);
  }
  return strictest;
}

}  // namespace meridian::admin
