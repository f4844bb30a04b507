// Scalars: what text each type of key takes, and the sentence when it is another. Pure functions.
#pragma once

#include "config/keys.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace meridian::config {

std::optional<int64_t> ParseInteger(std::string_view text);  // decimal, a minus sign allowed
std::optional<double> ParseNumber(std::string_view text);    // finite
std::optional<double> ParseShare(std::string_view text);     // "50%" -> 0.5

struct StatusRange {
  uint16_t low = 0, high = 0;
};
std::optional<StatusRange> ParseStatusRange(std::string_view text);  // "200", "200-399"

// "header:X-User" -> "header" and "X-User"; without a colon the argument is empty.
struct WordArgument {
  std::string_view word, argument;
};
WordArgument SplitArgument(std::string_view text);
// "0-7": first and last of at most 256 bytes.
std::optional<std::pair<uint16_t, uint16_t>> ParseByteRange(std::string_view text);

// A name that may be looked up, with or without a final dot: labels of letters, digits, '-' and
// '_', the last with something that is no digit (RFC 1123 section 2.1). In lower case, without the
// dot; empty if it is none.
std::string ParseDnsName(std::string_view text);
// "app.internal:8080": the name as above, and a port that is not 0.
struct NameAndPort {
  std::string name;
  uint16_t port = 0;
};
std::optional<NameAndPort> ParseNameAndPort(std::string_view text);

// RFC 9110 section 5.6.2.
bool IsToken(std::string_view text);
// What names of sites, services and so on look like: 1…63 letters, digits, '-', '_' and '.'.
bool IsName(std::string_view text);
inline constexpr std::string_view kNamePattern = "[A-Za-z0-9][A-Za-z0-9._-]{0,62}";

// What is wrong with this text as a value of this key, without the key's path; empty: nothing.
std::optional<std::string> Problem(const Key& key, std::string_view text);

// "a duration", "a map": for "a list where a duration was expected".
std::string Noun(const Key& key);
// The regular expression of the texts a scalar type takes, for the schema; empty: any. A superset
// where the type's rules are not regular.
std::string_view Pattern(Type type);

}  // namespace meridian::config
