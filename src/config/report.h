// Where every complaint of a load goes: diagnostics with the file they are about, bounded in
// number. Control thread; lives as long as one load.
#pragma once

#include <meridian/config/load.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace meridian::config {

inline constexpr size_t kMaxDiagnostics = 1000;

// A spot in one of the files read. Line and column count from 1; 0: the file as a whole.
struct Spot {
  uint32_t file = 0;
  int line = 0, column = 0;
};

class Report {
 public:
  // The number by which places name this file.
  uint32_t AddFile(const std::string& name);
  const std::vector<std::string>& files() const { return files_; }

  void Error(Spot place, std::string message);
  void Warning(Spot place, std::string message);
  bool has_errors() const { return errors_ > 0; }

  std::string ToString(Spot place) const;  // "sites/dallas.yaml:9:7"
  // All of them, by file in the order of reading, then by place.
  std::vector<Diagnostic> Take();

 private:
  void Add(Diagnostic::Severity severity, Spot place, std::string message);

  struct Entry {
    Spot place;
    Diagnostic diagnostic;
  };
  std::vector<std::string> files_;
  std::vector<Entry> entries_;
  size_t errors_ = 0, dropped_ = 0;
};

// What came from a file, fit for a terminal: control characters as \xNN, at most 80 bytes.
std::string Printable(std::string_view text);
// The same between quotes.
std::string Quote(std::string_view text);
// "a, b or c"; of a long list the first dozen.
std::string Alternatives(std::span<const std::string_view> names);
// "; did you mean 'nearest'?", or empty if nothing is near.
std::string DidYouMean(std::string_view text, std::span<const std::string_view> names);

}  // namespace meridian::config
