// What a Locator is made of, and how it comes to be.
//
//   address ─▶ tree ─▶ leaf ─▶ spot
//                        └───▶ answer {place, origin, source, prefix} ─▶ place
#pragma once

#include <meridian/geo/locator.h>

#include "geo/string_pool.h"
#include "geo/wide_trie.h"

#include <vector>

namespace meridian::geo {

struct Locator::Contents {
  struct Answer {
    PlaceId place{0};
    Origin origin = Origin::kUnknown;
    uint8_t source = Location::kNoSource;
    uint8_t prefix_length = 0;

    bool operator==(const Answer&) const = default;
  };

  WideTrie tree;                 // its values are answers
  std::vector<Answer> answers;   // the first: of an address that nothing knows
  std::vector<Location> places;  // by PlaceId; the first: nothing known
  std::vector<Point> spots;      // by SpotId; the first means nothing
  std::vector<DatabaseReport> reports;
  StringPool strings;
};

}  // namespace meridian::geo
