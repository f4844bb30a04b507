// Step 3: the rules of a service, compiled. The first that matches a client selects its sites; a
// strict one keeps it there. Constant once built; any thread; no allocation per query.
#pragma once

#include "routing/site_set.h"

#include <meridian/routing/client_set.h>
#include <meridian/routing/decide.h>
#include <meridian/topology/topology.h>

#include <string>
#include <utility>
#include <vector>

namespace meridian::routing {

// The sites of one stage of a client's order.
struct Stage {
  const SiteSet* set = nullptr;  // null: no sites
  std::vector<uint16_t>
      ordered;  // indices into set, as `order` lists them; steering: ordered alone
};

// Every list that is not empty must hold the client.
struct FenceRule {
  // Precondition: codes and prefixes parse.
  FenceRule(const topology::Rule& rule, size_t number);

  bool Matches(const geo::Location& location, const net::IpAddress& client,
               const HeaderSource* headers) const;
  bool Holds(SiteId site) const { return holds[site.value]; }

  size_t number = 0;  // from 1, as people count
  bool strict = false;
  ClientSet clients;
  std::vector<std::pair<std::string, std::string>> headers;
  Stage sites;
  std::vector<bool> holds;  // by SiteId
};

}  // namespace meridian::routing
