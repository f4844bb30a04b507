// A set of clients, by what is known of them: where they are, which autonomous system and which
// network they come from. Compiled from a topology::Match; constant once built, any thread; no
// allocation per question. What is not known of a client is in no list.
#pragma once

#include <meridian/geo/location.h>
#include <meridian/geo/network_table.h>
#include <meridian/net/address.h>
#include <meridian/topology/topology.h>

#include <cstdint>
#include <vector>

namespace meridian::routing {

struct ClientSet {
  // Precondition: codes and prefixes parse. `match.header` is not looked at.
  explicit ClientSet(const topology::Match& match);

  // Every list that is not empty holds the client; without any list, everyone.
  bool HoldsInEach(const geo::Location& location, const net::IpAddress& client) const;
  // Some list holds the client; without any list, nobody.
  bool HoldsInAny(const geo::Location& location, const net::IpAddress& client) const;

  std::vector<geo::CountryCode> countries;
  std::vector<geo::ContinentCode> continents;
  std::vector<geo::SubdivisionCode> subdivisions;
  std::vector<uint32_t> asns;  // sorted
  geo::NetworkTable networks;
};

}  // namespace meridian::routing
