// Small text functions that several rooms need: case, trimming, numbers, and the nearest known name
// for an error message.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace meridian {

// ASCII only; bytes above 127 are left alone.
constexpr char LowerAscii(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}
bool EqualIgnoringCase(std::string_view a, std::string_view b);
std::string LowerAscii(std::string_view text);

// Without leading and trailing spaces and tabs (RFC 9110 OWS).
std::string_view TrimSpace(std::string_view text);

// Decimal digits only, the whole of text; empty on overflow or anything else.
std::optional<uint64_t> ParseUnsigned(std::string_view text);

// "64KiB", "1MiB", "512B", "10GiB"; a unit is required, except for "0". Empty on anything else.
std::optional<uint64_t> ParseBytes(std::string_view text);

// The candidate with the smallest Damerau-Levenshtein distance to text, when it is close enough to
// be what was meant (at most a third of the longer length, at least 1); empty otherwise.
std::optional<std::string_view> NearestName(std::string_view text,
                                            std::span<const std::string_view> candidates);

// 1204 -> "1,204".
std::string GroupThousands(uint64_t value);

}  // namespace meridian
