// What a NetworkTable is made of, for the Locator, which merges its tree with those of the
// databases.
#pragma once

#include <meridian/geo/network_table.h>

#include "geo/trie.h"

#include <vector>

namespace meridian::geo {

struct NetworkTable::Contents {
  Trie trie;
  std::vector<Match> matches;  // by leaf value; the first is unused
};

}  // namespace meridian::geo
