// One row per type, and the checks that a row's pattern cannot say.
#include "config/values.h"

#include "config/report.h"

#include <meridian/base/check.h>
#include <meridian/base/format.h>
#include <meridian/base/text.h>
#include <meridian/base/time.h>
#include <meridian/net/address.h>

#include <charconv>
#include <cmath>

namespace meridian::config {
namespace {

struct TypeRow {
  Type type;
  std::string_view noun;
  std::string_view example;  // ends the sentence "'x' is not a duration …"
  std::string_view pattern;
};

constexpr TypeRow kTypes[] = {
    {Type::kMap, "a map", "", ""},
    {Type::kNames, "a map of names", "", ""},
    {Type::kList, "a list", "", ""},
    {Type::kBool, "true or false", "", ""},
    {Type::kInteger, "a whole number", "", ""},
    {Type::kNumber, "a number", "", ""},
    {Type::kShare, "a percentage", "such as 50%", "[0-9]+(\\.[0-9]+)?%"},
    {Type::kDuration, "a duration", "such as 250ms, 2s or 1h",
     "0|[0-9]+(\\.[0-9]+)?(ns|us|ms|s|m|h)"},
    {Type::kBytes, "a size", "such as 512B, 64KiB or 1GiB", "0|[0-9]+ *(B|KiB|MiB|GiB)"},
    {Type::kWord, "one of", "", ""},
    {Type::kText, "a text", "", ""},
    {Type::kName, "a name", "of letters, digits, '-', '_' and '.'", kNamePattern},
    {Type::kFile, "a path", "without control characters", ".+"},
    {Type::kAddress, "an address", "such as 0.0.0.0:8080, [::]:8080 or unix:/run/app.sock", ".+"},
    {Type::kEndpoint, "an address",
     "such as 10.1.0.11:8080, app.internal:8080, [2001:db8::1]:80 or unix:/run/a.sock", ".+"},
    {Type::kDnsName, "a DNS name", "such as _web._tcp.app.internal", "[A-Za-z0-9_.-]+"},
    {Type::kPrefix, "an address block",
     "such as 10.0.0.0/8 or 2001:db8::/32, no bits set past the length",
     "[0-9a-fA-F:.]+(/[0-9]+)?"},
    {Type::kToken, "a header or cookie name", "such as X-User",
     "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}"},
    {Type::kUrlPath, "a path", "which begins with '/' and has no '?', '#' or spaces", "/[!-~]*"},
    {Type::kHost, "a host name", "such as app.example.com, *.example.com or *, without a port",
     "[*]|([*][.])?[A-Za-z0-9.:_\\[\\]-]+"},
    {Type::kCountry, "a country code", "of two capital letters such as DE", "[A-Z]{2}"},
    {Type::kSubdivision, "a subdivision code", "such as TX", "[A-Z0-9]{1,3}"},
    {Type::kStatusRange, "a range of status codes", "such as 200 or 200-399",
     "[1-5][0-9]{2}(-[1-5][0-9]{2})?"},
    {Type::kRetryReason, "a reason to retry", "such as connect, reset, timeout or 503",
     "[45][0-9]{2}"},
    {Type::kPointer, "a JSON pointer", "such as /role or /members/0/lag",
     "(/([^/~]|~0|~1)*){1,32}"},
};

const TypeRow& RowOf(Type type) {
  const TypeRow& row = kTypes[static_cast<size_t>(type)];
  MERIDIAN_CHECK(row.type == type);
  return row;
}

bool AllOf(std::string_view text, bool (*allowed)(char)) {
  return std::all_of(text.begin(), text.end(), allowed);
}
bool IsUpper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
bool IsAlphanumeric(char c) {
  return IsUpper(c) || (c >= 'a' && c <= 'z') || IsDigit(c);
}
bool IsVisible(char c) {
  return c > ' ' && c <= '~';
}

bool IsUrlPath(std::string_view text) {
  return text.starts_with('/') && text.size() <= 1024 && AllOf(text, IsVisible) &&
         text.find_first_of("?#") == std::string_view::npos;
}

bool IsHost(std::string_view text) {
  if (text == "*") return true;
  if (text.starts_with('[') && text.ends_with(']')) {
    return net::IpAddress::Parse(text.substr(1, text.size() - 2)).has_value();
  }
  if (text.starts_with("*.")) text.remove_prefix(2);
  return !text.empty() && text.size() <= 253 && text.front() != '.' && text.back() != '.' &&
         text.find("..") == std::string_view::npos &&
         AllOf(text, [](char c) { return IsAlphanumeric(c) || c == '-' || c == '_' || c == '.'; });
}

// RFC 6901 section 3; not that of the whole document.
bool IsPointer(std::string_view text) {
  if (!text.starts_with('/') || text.size() > 256) return false;
  for (size_t i = text.find('~'); i != std::string_view::npos; i = text.find('~', i + 1)) {
    if (i + 1 == text.size() || (text[i + 1] != '0' && text[i + 1] != '1')) return false;
  }
  return std::count(text.begin(), text.end(), '/') <= 32;
}

bool IsStatus(std::string_view text) {
  const auto status = ParseUnsigned(text);
  return text.size() == 3 && status && *status >= 400 && *status <= 599;
}

// Shape only; ranges are judged after.
bool Parses(Type type, std::string_view text) {
  switch (type) {
    case Type::kBool:
      return text == "true" || text == "false";
    case Type::kInteger:
      return ParseInteger(text).has_value();
    case Type::kNumber:
      return ParseNumber(text).has_value();
    case Type::kShare:
      return ParseShare(text).has_value();
    case Type::kDuration:
      return ParseDuration(text).has_value();
    case Type::kBytes:
      return ParseBytes(text).has_value();
    case Type::kName:
      return IsName(text);
    case Type::kFile:
      return !text.empty() && text.size() <= 4096 &&
             AllOf(text, [](char c) { return static_cast<unsigned char>(c) >= 0x20; });
    case Type::kAddress:
      return net::Address::Parse(text).has_value();
    case Type::kEndpoint: {
      const auto address = net::Address::Parse(text);
      if (!address) return ParseNameAndPort(text).has_value();
      return address->is_unix() || address->port() != 0;
    }
    case Type::kDnsName:
      return !ParseDnsName(text).empty();
    case Type::kPrefix:
      return net::Prefix::Parse(text).has_value();
    case Type::kToken:
      return IsToken(text);
    case Type::kUrlPath:
      return IsUrlPath(text);
    case Type::kHost:
      return IsHost(text);
    case Type::kCountry:
      return text.size() == 2 && AllOf(text, IsUpper);
    case Type::kSubdivision:
      return !text.empty() && text.size() <= 3 &&
             AllOf(text, [](char c) { return IsUpper(c) || IsDigit(c); });
    case Type::kStatusRange:
      return ParseStatusRange(text).has_value();
    case Type::kRetryReason:
      return IsStatus(text);
    case Type::kPointer:
      return IsPointer(text);
    case Type::kWord:
      return false;
    case Type::kText:
      return true;
    case Type::kMap:
    case Type::kNames:
    case Type::kList:
      return false;
  }
  return false;
}

// The value on the scale of the key's range; empty for types without one.
std::optional<double> Measure(Type type, std::string_view text) {
  switch (type) {
    case Type::kInteger:
      return static_cast<double>(ParseInteger(text).value_or(0));
    case Type::kNumber:
      return ParseNumber(text);
    case Type::kShare:
      return ParseShare(text);
    case Type::kDuration:
      return static_cast<double>(ParseDuration(text).value_or(Duration(0)).count());
    case Type::kBytes:
      return static_cast<double>(ParseBytes(text).value_or(0));
    default:
      return std::nullopt;
  }
}

std::string FormatBound(Type type, double bound) {
  if (type == Type::kDuration) return FormatDuration(Duration(static_cast<int64_t>(bound)));
  if (type == Type::kShare) return Format("{}%", bound * 100);
  if (type == Type::kBytes) {
    static constexpr std::string_view kUnits[] = {"B", "KiB", "MiB", "GiB"};
    size_t unit = 0;
    while (unit < 3 && bound >= 1024) {
      bound /= 1024;
      ++unit;
    }
    return Format("{}{}", static_cast<uint64_t>(bound), kUnits[unit]);
  }
  const std::string digits = type == Type::kInteger
                                 ? Format("{}", static_cast<int64_t>(std::fabs(bound)))
                                 : Format("{}", std::fabs(bound));
  return bound < 0 ? "−" + digits : digits;
}

// What an endpoint lacks that would be one; empty: more than a port.
std::string MissingPort(std::string_view text) {
  const auto address = net::Address::Parse(text);
  const std::string_view name = text.substr(0, std::min(text.rfind(":0"), text.size()));
  if (address || (name.size() + 2 == text.size() && !ParseDnsName(name).empty())) {
    return Format("{} has port 0; expected the port the server listens on", Quote(text));
  }
  if (ParseDnsName(text).empty()) return {};
  return Format("{} has no port; expected such as {}:8080", Quote(text), Printable(text));
}

bool Among(std::string_view text, const std::vector<std::string_view>& words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

std::string NotA(const Key& key, std::string_view text) {
  std::vector<std::string_view> words = SplitWords(key.words);
  const std::string near = DidYouMean(text, words);
  if (key.type == Type::kWord) {
    if (key.noun.empty()) return Format("{} is not {}{}", Quote(text), Alternatives(words), near);
    return Format("{} is not {}{}", Quote(text), key.noun,
                  near.empty() ? Format("; expected {}", Alternatives(words)) : near);
  }
  const TypeRow& row = RowOf(key.type);
  std::string example = row.example.empty() ? std::string() : Format(" {}", row.example);
  if (words.empty() || key.type == Type::kRetryReason) {
    return Format("{} is not {}{}{}", Quote(text), row.noun, example, near);
  }
  return Format("{} is neither {} nor {}{}{}", Quote(text), Alternatives(words), row.noun, example,
                near);
}

}  // namespace

std::optional<int64_t> ParseInteger(std::string_view text) {
  const bool negative = text.starts_with('-');
  const auto magnitude = ParseUnsigned(text.substr(negative ? 1 : 0));
  if (!magnitude || *magnitude > INT64_MAX) return std::nullopt;
  const auto value = static_cast<int64_t>(*magnitude);
  return negative ? -value : value;
}

std::optional<double> ParseNumber(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

std::optional<double> ParseShare(std::string_view text) {
  if (!text.ends_with('%') || text.starts_with('-')) return std::nullopt;
  const auto percent = ParseNumber(text.substr(0, text.size() - 1));
  if (!percent) return std::nullopt;
  return *percent / 100;
}

std::optional<StatusRange> ParseStatusRange(std::string_view text) {
  const size_t dash = text.find('-');
  const std::string_view first = text.substr(0, dash);
  const std::string_view last = dash == std::string_view::npos ? first : text.substr(dash + 1);
  const auto low = ParseUnsigned(first);
  const auto high = ParseUnsigned(last);
  if (!low || !high || *low < 100 || *high > 599 || *low > *high) return std::nullopt;
  return StatusRange{static_cast<uint16_t>(*low), static_cast<uint16_t>(*high)};
}

std::optional<std::pair<uint16_t, uint16_t>> ParseByteRange(std::string_view text) {
  constexpr uint64_t kMostBytes = 256;
  const size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto first = ParseUnsigned(text.substr(0, dash));
  const auto last = ParseUnsigned(text.substr(dash + 1));
  if (!first || !last || *last > UINT16_MAX || *first > *last) return std::nullopt;
  if (*last - *first >= kMostBytes) return std::nullopt;
  return std::pair(static_cast<uint16_t>(*first), static_cast<uint16_t>(*last));
}

WordArgument SplitArgument(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return {text, {}};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

std::string ParseDnsName(std::string_view text) {
  if (text.ends_with('.')) text.remove_suffix(1);
  if (text.empty() || text.size() > 253) return {};
  std::string name;
  bool digits_alone = false;
  for (size_t at = 0; at <= text.size();) {
    const std::string_view label = text.substr(at, text.find('.', at) - at);
    const bool good =
        !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
        AllOf(label, [](char c) { return IsAlphanumeric(c) || c == '-' || c == '_'; });
    if (!good) return {};
    digits_alone = AllOf(label, IsDigit);
    at += label.size() + 1;
  }
  if (digits_alone) return {};
  for (const char c : text) name += IsUpper(c) ? static_cast<char>(c - 'A' + 'a') : c;
  return name;
}

std::optional<NameAndPort> ParseNameAndPort(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string name = ParseDnsName(text.substr(0, colon));
  const auto port = ParseUnsigned(text.substr(colon + 1));
  if (name.empty() || !port || *port == 0 || *port > UINT16_MAX) return std::nullopt;
  return NameAndPort{std::move(name), static_cast<uint16_t>(*port)};
}

bool IsToken(std::string_view text) {
  static constexpr std::string_view kPunctuation = "!#$%&'*+-.^_`|~";
  return !text.empty() && text.size() <= 256 && AllOf(text, [](char c) {
    return IsAlphanumeric(c) || kPunctuation.find(c) != std::string_view::npos;
  });
}

bool IsName(std::string_view text) {
  return !text.empty() && text.size() <= 63 && IsAlphanumeric(text.front()) &&
         AllOf(text, [](char c) { return IsAlphanumeric(c) || c == '-' || c == '_' || c == '.'; });
}

std::optional<std::string> Problem(const Key& key, std::string_view text) {
  std::string_view word = text;
  if (key.Has(kArgument)) {
    const auto [first, argument] = SplitArgument(text);
    const bool takes_one = first == "header" || first == "query";
    if (takes_one && first.size() < text.size() && !IsToken(argument)) {
      return first == "header" ? Format("{} is not a header name; expected such as header:X-User",
                                        Quote(argument))
                               : Format("{} is not a parameter name; expected such as query:user",
                                        Quote(argument));
    }
    if (takes_one) word = first;
    if (first == "bytes" && first.size() < text.size()) {
      if (!ParseByteRange(argument)) {
        return Format("{} is not a range of bytes; expected such as bytes:0-7", Quote(argument));
      }
      word = first;
    }
  }
  if (Among(word, SplitWords(key.words))) return std::nullopt;
  if (Among(word, SplitWords(key.later))) return Format("{} is not supported yet", Printable(text));
  if (!Parses(key.type, text)) {
    std::string port = key.type == Type::kEndpoint ? MissingPort(text) : std::string();
    return !port.empty() ? port : NotA(key, text);
  }
  const auto measure = Measure(key.type, text);
  const bool bounded = key.low != 0 || key.high != 0;
  if (!bounded || !measure || (*measure >= key.low && *measure <= key.high)) return std::nullopt;
  return Format("{} is outside {}…{}", Printable(text), FormatBound(key.type, key.low),
                FormatBound(key.type, key.high));
}

std::string Noun(const Key& key) {
  if (key.type == Type::kWord) {
    return key.noun.empty() ? Alternatives(SplitWords(key.words)) : std::string(key.noun);
  }
  if (key.Has(kShorthand)) {
    return key.noun.empty() ? "an address or a map" : std::string(key.noun);
  }
  return std::string(RowOf(key.type).noun);
}

std::string_view Pattern(Type type) {
  return RowOf(type).pattern;
}

}  // namespace meridian::config
