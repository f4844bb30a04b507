// The house rules that a machine can judge. Each reads a tree and returns what breaks the rule,
// with the place and what to do about it; none touches the disk.
#pragma once

#include <string>
#include <vector>

#include "source_tree.h"

namespace meridian::arch {

struct Violation {
  std::string path;
  size_t line = 0;  // from 1
  std::string message;

  bool operator==(const Violation&) const = default;
};

using Violations = std::vector<Violation>;

Violations CheckIncludes(
    const SourceTree& tree);  // downward only, libraries in their rooms, uvio by app
Violations CheckLinks(const SourceTree& tree);       // meridian_room() agrees with the level table
Violations CheckSizes(const SourceTree& tree);       // of headers, sources and functions
Violations CheckHeads(const SourceTree& tree);       // head comment, #pragma once
Violations CheckNames(const SourceTree& tree);       // files, types, client and backend
Violations CheckColumns(const SourceTree& tree);     // 100, but for literals and addresses
Violations CheckExceptions(const SourceTree& tree);  // only where a library throws them
Violations CheckLeftovers(const SourceTree& tree);   // notes to self, code in comments
Violations CheckReadmes(const SourceTree& tree);     // one per room, at most 60 lines

// One line each: "path:line: message".
std::string Print(const Violations& violations);

}  // namespace meridian::arch
