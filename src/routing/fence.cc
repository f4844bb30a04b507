// Matching the rules of a fence.
#include "routing/fence.h"

namespace meridian::routing {

FenceRule::FenceRule(const topology::Rule& rule, size_t rule_number)
    : number(rule_number), strict(rule.strict), clients(rule.match), headers(rule.match.header) {}

bool FenceRule::Matches(const geo::Location& location, const net::IpAddress& client,
                        const HeaderSource* source) const {
  if (!clients.HoldsInEach(location, client)) return false;
  for (const auto& [name, value] : headers) {
    if (source == nullptr || source->Header(name) != value) return false;
  }
  return true;
}

}  // namespace meridian::routing
