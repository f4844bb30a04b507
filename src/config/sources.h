// From files to one tree: reading within bounds, `include` with its globs, and merging. Control
// thread; lives as long as one load.
#pragma once

#include "config/document.h"
#include "config/keys.h"
#include "config/report.h"

#include <meridian/config/load.h>

#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace meridian::config {

inline constexpr size_t kMaxFileBytes = 16 * 1024 * 1024;
inline constexpr size_t kMaxIncludes = 1000;
inline constexpr size_t kMaxIncludeDepth = 16;

class Sources {
 public:
  Sources(const Environment& environment, Report& report)
      : environment_(environment), report_(report) {}

  // Call one of them once. The merged tree, or as much of it as could be read.
  Node LoadMain(const std::string& path);
  Node LoadMainText(std::string_view yaml, const std::string& name);

  // A path written in the file of that number, absolute.
  std::string Resolve(uint32_t file, std::string_view path) const;

 private:
  // `from` is where the file is named; {} for the main file.
  Node LoadOne(const std::string& path, Spot from);
  Node Parse(std::string_view yaml, const std::string& name);
  Node WithIncludes(Node root, uint32_t file);
  void Include(const Node& pattern, const std::string& folder, Node& into);
  void IncludeFile(const std::string& path, Spot from, Node& into);
  bool IsAllowed(const std::string& path, Spot from);
  void Merge(Node& into, Node&& from, const Spec& spec, const std::string& path);
  std::string Folder(uint32_t file) const;

  const Environment& environment_;
  Report& report_;
  uint64_t nodes_ = 0;
  bool too_many_ = false;                    // includes; said once
  std::set<std::filesystem::path> loaded_;   // canonical
  std::vector<std::filesystem::path> open_;  // those whose includes are being read, main first
};

// The whole of a regular file, or the reason why not.
struct FileText {
  std::string text;
  std::string problem;  // empty: none
};
FileText ReadFile(const std::string& path);

}  // namespace meridian::config
