// What a Locator is made of, and how it comes to be.
//
//   address ─ first 16 bits ─▶ jump table ─▶ tree ─▶ answer {place, origin, source, prefix} ─▶
//   place
#pragma once

#include <meridian/geo/locator.h>

#include "geo/string_pool.h"
#include "geo/trie.h"

#include <vector>

namespace meridian::geo {

struct Locator::Contents {
  static constexpr int kJumpBits = 16;

  struct Answer {
    PlaceId place{0};
    Origin origin = Origin::kUnknown;
    uint8_t source = Location::kNoSource;
    uint8_t prefix_length = 0;

    bool operator==(const Answer&) const = default;
  };

  Trie trie;  // leaves are answers
  std::vector<Trie::Ref> jump4,
      jump6;                     // where a walk stands after kJumpBits, or the leaf it met before
  std::vector<Answer> answers;   // the first: of an address that nothing knows
  std::vector<Location> places;  // by PlaceId; the first: nothing known
  std::vector<DatabaseReport> reports;
  StringPool strings;
};

}  // namespace meridian::geo
