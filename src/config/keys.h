// The one table of all configuration keys. Validation, the wording of diagnostics and the JSON
// Schema are all driven by it, so a key is known to all of them or to none. Static data.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace meridian::config {

enum class Type : uint8_t {
  kMap,    // fixed keys: the rows below this one
  kNames,  // any names, each leading to the row `path.*`
  kList,   // each entry as the row `path[]`; a lone scalar entry may stand without brackets
  kBool,
  kInteger,
  kNumber,
  kShare,  // "50%"
  kDuration,
  kBytes,
  kWord,  // exactly one of `words`
  kText,
  kName,      // of something defined elsewhere in the configuration
  kFile,      // relative to the file that names it
  kAddress,   // IP:port, or unix:PATH
  kEndpoint,  // the same, or NAME:port
  kDnsName,
  kPrefix,
  kToken,  // RFC 9110: a header or cookie name
  kUrlPath,
  kHost,
  kCountry,
  kSubdivision,
  kStatusRange,
  kRetryReason,  // one of `words`, or a status code 400…599
  kPointer,      // RFC 6901: into a JSON document
};

enum Flag : uint8_t {
  kRequired = 1,
  kLater = 2,         // known, not supported yet: nothing but `fallback` is accepted
  kMergeable = 4,     // files that give the same map are merged; other keys collide
  kShorthand = 8,     // a scalar stands for a map with only its first key
  kArgument = 16,     // a word may carry a name: "header:X-User"
  kPrefixNames = 32,  // names are address blocks
  kHeaderNames = 64,  // names are header names
  kNonEmpty = 128,    // a list needs an entry
};

struct Key {
  std::string_view path;  // "*" is any name, "[]" any entry: "services.*.rules[].sites"
  Type type = Type::kMap;
  std::string_view description;
  std::string_view fallback = {};  // the default, as it would be written; empty: none
  std::string_view words = {};     // kWord: all; otherwise words accepted besides the type
  std::string_view later = {};     // words that are known and not supported yet
  double low = 0, high = 0;        // range in units, bytes or nanoseconds; both 0: none
  uint8_t flags = 0;
  std::string_view noun = {};  // "a steering policy"

  constexpr Key In(double from, double to) const {
    Key key = *this;
    key.low = from;
    key.high = to;
    return key;
  }
  constexpr Key With(int some) const {
    Key key = *this;
    key.flags = static_cast<uint8_t>(some);
    return key;
  }
  constexpr Key Called(std::string_view name) const {
    Key key = *this;
    key.noun = name;
    return key;
  }
  bool Has(Flag flag) const { return (flags & flag) != 0; }
};

std::span<const Key> Keys();
// Parts of it: below services, below listeners, below listeners.*.routes, for endpoints by name.
std::span<const Key> ServiceKeys();
std::span<const Key> ListenerKeys();
std::span<const Key> RouteKeys();
std::span<const Key> NameKeys();

// The table as a tree. Lives for ever.
struct Spec {
  std::string_view name;  // last part of the path; "*" or "[]" for any
  const Key* key = nullptr;
  std::vector<Spec> children;

  // The child of that name, or the one for any; null if unknown.
  const Spec* Find(std::string_view child) const;
  // Row for the entries of kNames and kList. Precondition: it is one of them.
  const Spec& entry() const { return children.front(); }
};
const Spec& RootSpec();
// The tree of these rows, which outlive it.
Spec MakeTree(std::span<const Key> keys);

// "a b c" as views.
std::vector<std::string_view> SplitWords(std::string_view words);

}  // namespace meridian::config
