// See text.h.
#include "simulate/text.h"

#include <meridian/base/format.h>
#include <meridian/base/text.h>

#include <cmath>
#include <cstdlib>

namespace meridian::simulate {

std::string Clock(Duration at) {
  const int64_t tenths = std::llround(std::chrono::duration<double>(at).count() * 10);
  const int64_t whole = std::abs(tenths);
  return Format("{}{}:{:02}.{}", tenths < 0 ? "-" : "", whole / 600, whole / 10 % 60, whole % 10);
}

std::string Seconds(Duration duration) {
  return Format("{:.1f}s", std::chrono::duration<double>(duration).count());
}

std::string CapacityText(const std::optional<uint64_t>& capacity) {
  return capacity ? GroupThousands(*capacity) : "no limit";
}

std::string LoadText(uint64_t sessions, const std::optional<uint64_t>& capacity) {
  if (!capacity || *capacity == 0) return "–";
  return Format("{:.0f}%", 100 * static_cast<double>(sessions) / static_cast<double>(*capacity));
}

Paint PaintOfLoad(uint64_t sessions, const std::optional<uint64_t>& capacity) {
  if (!capacity || sessions < *capacity * 9 / 10) return Paint::kPlain;
  return sessions > *capacity ? Paint::kBad : Paint::kDoubtful;
}

Paint PaintOfState(std::string_view state) {
  if (state == "up") return Paint::kGood;
  return state == "down" || state == "out" ? Paint::kBad : Paint::kDoubtful;
}

std::string Wrapped(std::string_view text, size_t indent) {
  std::string out;
  size_t column = indent;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const size_t width = DisplayWidth(word);
    if (column > indent && column + 1 + width > kColumns) {
      out.append("\n").append(indent, ' ');
      column = indent;
    } else if (column > indent) {
      out += ' ';
      ++column;
    }
    out += word;
    column += width;
  }
  return out;
}

std::string Heading(std::string_view text, bool color) {
  return "\n" + Painted(text, Paint::kStrong, color) + "\n";
}

}  // namespace meridian::simulate
