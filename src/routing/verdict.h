// One sentence for people on why a site was passed over, or what it is there for. Control and admin
// threads; allocates.
#pragma once

#include "routing/service.h"
#include "routing/trace.h"

#include <meridian/routing/explain.h>

#include <string>
#include <string_view>

namespace meridian::routing {

// What all verdicts of one explanation refer to.
struct VerdictContext {
  const Table& table;
  ServiceId service;
  const geo::Location& location;
  std::string client;
  WallTime now;
  MonotonicTime monotonic;
  std::vector<std::pair<std::string, health::IntentRecord>> intents;
};

std::string FencedVerdict(const VerdictContext& context, const FenceRule& rule);
// For every standing but kUsable.
std::string DroppedVerdict(const VerdictContext& context, SiteId site, Standing standing);
// For a site that the mode leaves out.
std::string ModeVerdict(const VerdictContext& context, SiteId site,
                        const health::ServiceDirection& direction);
// `session_how`: how a session's endpoint was found; empty: by the service's balance.
std::string ChosenVerdict(const VerdictContext& context, const Choice& choice,
                          std::string_view session_how);

}  // namespace meridian::routing
