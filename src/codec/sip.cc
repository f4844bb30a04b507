// See codec/sip.h.
#include <meridian/base/text.h>
#include <meridian/codec/sip.h>

#include <optional>

namespace meridian::codec {
namespace {

constexpr std::string_view kVersion = "SIP/2.0";

// The next line without its end, taken off `rest`; nothing while its end is not there.
std::optional<std::string_view> TakeLine(std::string_view& rest) {
  const size_t end = rest.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// "SIP/2.0 200 OK" or "INVITE sip:a@b SIP/2.0".
bool IsStart(std::string_view line) {
  return (line.starts_with(kVersion) && line.substr(kVersion.size()).starts_with(' ')) ||
         (line.ends_with(kVersion) && line.size() > kVersion.size() &&
          line[line.size() - kVersion.size() - 1] == ' ');
}

bool IsBlank(char c) {
  return c == ' ' || c == '\t';
}

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsBlank(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace

CallId FindCallId(std::string_view bytes) {
  constexpr CallId kMore{CallId::Progress::kNeedMore};
  std::string_view rest = bytes;
  std::optional<std::string_view> line;
  do {
    line = TakeLine(rest);
    if (!line) return kMore;
  } while (line->empty());
  if (!IsStart(*line)) return {};
  bool in_field = false;  // the lines before were of the Call-ID, and had nothing of its value
  while (true) {
    line = TakeLine(rest);
    if (!line) return kMore;
    if (line->empty()) return {};
    if (IsBlank(line->front())) {
      if (in_field && !Trimmed(*line).empty()) return {.value = Trimmed(*line)};
      continue;
    }
    const size_t colon = line->find(':');
    const std::string_view name = Trimmed(line->substr(0, colon));
    in_field = colon != std::string_view::npos &&
               (EqualIgnoringCase(name, "Call-ID") || EqualIgnoringCase(name, "i"));
    if (!in_field) continue;
    const std::string_view value = Trimmed(line->substr(colon + 1));
    if (!value.empty()) return {.value = value};
  }
}

}  // namespace meridian::codec
