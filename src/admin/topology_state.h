// Sums over a routing table and the health behind it, as the views and the metrics show them. Read
// only; control thread.
#pragma once

#include <meridian/health/health.h>
#include <meridian/routing/table.h>

#include <optional>
#include <string>
#include <utility>

namespace meridian::admin {

// Sites of the service that may take a new session: up or degraded.
size_t UsableSites(const routing::Table& table, ServiceId service);

// Over all services that the site offers: up if each is up, down (draining, out) if each is, else
// degraded. A site without services is as its intent says.
health::State OverallState(const routing::Table& table, SiteId site);

// Up if a usable site is fully up, degraded if usable ones are all degraded, else down.
health::State ServiceState(const routing::Table& table, ServiceId service);

// The strictest record in force for a site, its own or its region's, with its target.
std::optional<std::pair<std::string, health::IntentRecord>> SiteIntent(
    const health::Registry& registry, const routing::Site& site);

}  // namespace meridian::admin
