// What a Database is made of, for the Locator, which merges several.
#pragma once

#include <meridian/geo/database.h>

#include "geo/string_pool.h"
#include "geo/trie.h"

#include <vector>

namespace meridian::geo {

struct Database::Contents {
  DatabaseReport report;
  Trie trie;
  std::vector<Location> records;  // by leaf value; the first is unused
  StringPool strings;
};

}  // namespace meridian::geo
