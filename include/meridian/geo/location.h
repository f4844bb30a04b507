// Where a client is, as far as known, and who said so. A Location is the answer to one look-up:
// trivially copyable, no ownership. Empty codes, an ASN of 0 and an empty city mean "unknown".
// Values, any thread.
#pragma once

#include <meridian/base/id.h>
#include <meridian/geo/distance.h>

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>

namespace meridian::geo {

// A short code in capitals, such as "US": at most N of A–Z and 0–9, inside the object.
template <size_t N>
class Code {
 public:
  constexpr Code() = default;

  // Lower case is raised; empty when text is empty, too long or has any other character.
  static constexpr std::optional<Code> Parse(std::string_view text) {
    if (text.empty() || text.size() > N) return std::nullopt;
    Code code;
    for (size_t i = 0; i < text.size(); ++i) {
      const char c = text[i] >= 'a' && text[i] <= 'z' ? static_cast<char>(text[i] - 32) : text[i];
      if (!(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9')) return std::nullopt;
      code.text_[i] = c;
    }
    return code;
  }

  constexpr bool empty() const { return text_[0] == '\0'; }
  constexpr std::string_view view() const {
    size_t size = 0;
    while (size < N && text_[size] != '\0') ++size;
    return {text_.data(), size};
  }
  constexpr auto operator<=>(const Code&) const = default;

 private:
  std::array<char, N> text_{};
};

using CountryCode = Code<2>;      // ISO 3166-1 alpha-2
using ContinentCode = Code<2>;    // AF AN AS EU NA OC SA
using SubdivisionCode = Code<3>;  // ISO 3166-2 after the dash, the largest one: "GA", "ENG", "13"

// All that is known of a place as a dense integer: equal places have equal ids within one Locator.
// 0 is "nothing known".
using PlaceId = Id<struct PlaceTag>;
// The coordinates alone, likewise: what ranking sites by distance needs. 0 is "none known".
using SpotId = Id<struct SpotTag>;

// Which step of the look-up gave the geography (coordinates, country, continent, subdivision,
// city).
enum class Origin : uint8_t { kUnknown, kOverride, kDatabase, kDefault };

struct Location {
  static constexpr uint8_t kNoSource = 255;

  Point point;  // meaningful only with has_coordinates
  uint32_t asn = 0;
  const char* city = "";  // UTF-8, English; lives as long as the Locator or Database that gave it
  PlaceId place{0};       // of a Locator; 0 from anything else
  CountryCode country;
  ContinentCode continent;
  SubdivisionCode subdivision;
  bool has_coordinates = false;
  Origin origin = Origin::kUnknown;
  uint8_t source =
      kNoSource;  // which of the Locator's databases gave the geography, or else the ASN
  uint8_t prefix_length = 0;  // of the network that answered, in the client's own family

  bool has_geography() const {
    return has_coordinates || !country.empty() || !continent.empty() || !subdivision.empty() ||
           *city != '\0';
  }
};
static_assert(std::is_trivially_copyable_v<Location> && sizeof(Location) <= 56);

const char* Name(Origin origin);  // "unknown", "override", "database", "default"

}  // namespace meridian::geo
