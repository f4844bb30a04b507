// The project's own files as the house rules read them: each line as written, and as code alone,
// with comments and the contents of literals blanked. Owned by one test; read once, then constant.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace meridian::arch {

struct SourceFile {
  std::string path;                // relative to the root, with '/'
  std::vector<std::string> lines;  // without line ends
  std::vector<std::string> code;   // as many; comments blanked, literals reduced to their quotes
};

struct SourceTree {
  std::vector<SourceFile>
      sources;  // .h and .cc under include, src, tests and bench, sorted by path
  std::vector<SourceFile> readmes;  // README.md of the rooms
  SourceFile cmake;                 // the top CMakeLists.txt
};

// A file from its text, as ReadTree makes it from disk.
SourceFile ParseSource(std::string path, std::string_view text);

// Every source under root. What cannot be read is missing from the result.
SourceTree ReadTree(const std::string& root);

// "include/meridian/geo/x.h", "src/geo/x.cc", "tests/unit/geo/x_test.cc" -> "geo"; otherwise empty.
std::string_view RoomOf(std::string_view path);

// Code points, not bytes.
size_t Columns(std::string_view line);

}  // namespace meridian::arch
