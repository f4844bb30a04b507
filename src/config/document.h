// One YAML file as a tree of our own, with the place of every node. The only part of the room that
// sees yaml-cpp, whose exceptions become diagnostics here. Aliases are expanded, so that no reader
// of the tree meets sharing or a cycle; the number of nodes and their depth are bounded before
// they exist. Control thread.
#pragma once

#include "config/report.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace meridian::config {

inline constexpr int kMaxDepth = 32;
inline constexpr uint64_t kMaxNodes =
    1'000'000;  // of one configuration, all files, aliases expanded

struct Node {
  enum class Kind : uint8_t { kNull, kScalar, kList, kMap };

  Kind kind = Kind::kNull;
  bool valid = false;   // set by Validate: of the right shape and value, and supported
  bool broken = false;  // `text` says why there is no value
  Spot place;
  std::string text;        // of a scalar
  std::vector<Node> keys;  // of a map: keys[i] is a scalar and leads to items[i]
  std::vector<Node> items;

  bool is_scalar() const { return kind == Kind::kScalar; }
  bool is_list() const { return kind == Kind::kList; }
  bool is_map() const { return kind == Kind::kMap; }
  // The value of the first key of this name; null if there is none or this is not a map.
  const Node* Find(std::string_view key) const;
  Node* Find(std::string_view key);
};

// The root of the file's one document (a null node if it is empty), or empty after reporting why
// not. `nodes` counts what was made so far and is raised.
std::optional<Node> ParseYaml(std::string_view text, uint32_t file, uint64_t& nodes,
                              Report& report);

}  // namespace meridian::config
