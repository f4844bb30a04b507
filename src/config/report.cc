// Diagnostics: collecting, ordering, and the phrases they share.
#include "config/report.h"

#include <meridian/base/format.h>
#include <meridian/base/text.h>

#include <algorithm>
#include <tuple>

namespace meridian::config {

uint32_t Report::AddFile(const std::string& name) {
  files_.push_back(name);
  return static_cast<uint32_t>(files_.size() - 1);
}

void Report::Error(Spot place, std::string message) {
  ++errors_;
  Add(Diagnostic::Severity::kError, place, std::move(message));
}

void Report::Warning(Spot place, std::string message) {
  Add(Diagnostic::Severity::kWarning, place, std::move(message));
}

void Report::Add(Diagnostic::Severity severity, Spot place, std::string message) {
  if (entries_.size() >= kMaxDiagnostics) {
    ++dropped_;
    return;
  }
  entries_.push_back(
      {place, {severity, files_[place.file], place.line, place.column, std::move(message)}});
}

std::string Report::ToString(Spot place) const {
  return Format("{}:{}:{}", files_[place.file], place.line, place.column);
}

std::vector<Diagnostic> Report::Take() {
  std::stable_sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.place.file, a.place.line, a.place.column) <
           std::tie(b.place.file, b.place.line, b.place.column);
  });
  std::vector<Diagnostic> diagnostics;
  diagnostics.reserve(entries_.size() + 1);
  for (Entry& entry : entries_) diagnostics.push_back(std::move(entry.diagnostic));
  if (dropped_ > 0) {
    const auto severity =
        errors_ > 0 ? Diagnostic::Severity::kError : Diagnostic::Severity::kWarning;
    diagnostics.push_back({severity, files_.front(), 0, 0,
                           Format("{} more problems, not shown", GroupThousands(dropped_))});
  }
  entries_.clear();
  return diagnostics;
}

std::string Printable(std::string_view text) {
  constexpr size_t kShown = 80;
  std::string out;
  for (const char c : text.substr(0, kShown)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += Format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  if (text.size() > kShown) out += "…";
  return out;
}

std::string Quote(std::string_view text) {
  return "'" + Printable(text) + "'";
}

std::string Alternatives(std::span<const std::string_view> names) {
  constexpr size_t kShown = 12;
  std::string out;
  const size_t shown = std::min(names.size(), kShown);
  for (size_t i = 0; i < shown; ++i) {
    if (i > 0) out += i + 1 == names.size() ? " or " : ", ";
    out += Printable(names[i]);
  }
  if (names.size() > shown) out += ", …";
  return out;
}

std::string DidYouMean(std::string_view text, std::span<const std::string_view> names) {
  const auto nearest = NearestName(text, names);
  return nearest ? Format("; did you mean {}?", Quote(*nearest)) : std::string();
}

std::string Diagnostic::ToString() const {
  const char* const kind = severity == Severity::kError ? "error" : "warning";
  if (line == 0) return Format("{}: {}: {}", file, kind, message);
  return Format("{}:{}:{}: {}: {}", file, line, column, kind, message);
}

size_t Loaded::errors() const {
  return static_cast<size_t>(
      std::count_if(diagnostics.begin(), diagnostics.end(), [](const Diagnostic& diagnostic) {
        return diagnostic.severity == Diagnostic::Severity::kError;
      }));
}

size_t Loaded::warnings() const {
  return diagnostics.size() - errors();
}

}  // namespace meridian::config
