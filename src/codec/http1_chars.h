// What a byte may be part of in HTTP/1 (RFC 9110 section 5.6, RFC 9112), as one table. Values are
// never changed: any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace meridian::codec {

enum CharClass : uint8_t {
  kTokenChar = 1,   // RFC 9110 tchar: methods and field names
  kValueChar = 2,   // field values, reasons, chunk extensions: HTAB, SP, VCHAR, obs-text
  kTargetChar = 4,  // request targets: VCHAR but "#"; bytes above 127 belong percent-encoded
  kHostChar = 8,    // names and IPv4 addresses: unreserved of RFC 3986
};

inline constexpr std::array<uint8_t, 256> kCharClasses = [] {
  std::array<uint8_t, 256> classes{};
  constexpr std::string_view kTokenMarks = "!#$%&'*+-.^_`|~";
  for (unsigned c = 0; c < 256; ++c) {
    const char byte = static_cast<char>(c);
    const bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z' && c < 128;
    const bool alphanumeric = letter || (c >= '0' && c <= '9');
    const bool visible = c > 0x20 && c < 0x7f;
    if (alphanumeric || kTokenMarks.find(byte) != std::string_view::npos) classes[c] |= kTokenChar;
    if (visible || c == ' ' || c == '\t' || c >= 0x80) classes[c] |= kValueChar;
    if (visible && c != '#') classes[c] |= kTargetChar;
    if (alphanumeric || c == '-' || c == '.' || c == '_' || c == '~') classes[c] |= kHostChar;
  }
  return classes;
}();

inline bool Is(char c, CharClass kind) {
  return (kCharClasses[static_cast<uint8_t>(c)] & kind) != 0;
}

// Also true of empty text.
inline bool AllAre(std::string_view text, CharClass kind) {
  for (const char c : text) {
    if (!Is(c, kind)) return false;
  }
  return true;
}

inline bool IsToken(std::string_view text) {
  return !text.empty() && AllAre(text, kTokenChar);
}

// `lower` is lower-case letters and hyphens, `text` token bytes: comparing costs one OR a byte.
inline bool SameToken(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (size_t i = 0; i < lower.size(); ++i) {
    if (static_cast<char>(text[i] | 0x20) != lower[i]) return false;
  }
  return true;
}

}  // namespace meridian::codec
