// See record.h. Field names: the GeoIP2 schema (City, Country, Enterprise, ISP, ASN).
#include "geo/record.h"

#include <string_view>

namespace meridian::geo {

namespace {

constexpr size_t kMaxCityBytes = 128;

using Path = const char* const*;

bool Get(MMDB_entry_s& entry, Path path, MMDB_entry_data_s& value) {
  return MMDB_aget_value(&entry, &value, path) == MMDB_SUCCESS && value.has_data;
}

std::string_view Text(MMDB_entry_s& entry, Path path) {
  MMDB_entry_data_s value;
  if (!Get(entry, path, value) || value.type != MMDB_DATA_TYPE_UTF8_STRING) return {};
  return {value.utf8_string, value.data_size};
}

std::optional<double> Number(MMDB_entry_s& entry, Path path) {
  MMDB_entry_data_s value;
  if (!Get(entry, path, value)) return std::nullopt;
  if (value.type == MMDB_DATA_TYPE_DOUBLE) return value.double_value;
  if (value.type == MMDB_DATA_TYPE_FLOAT) return value.float_value;
  return std::nullopt;
}

uint32_t Integer(MMDB_entry_s& entry, Path path) {
  MMDB_entry_data_s value;
  return Get(entry, path, value) && value.type == MMDB_DATA_TYPE_UINT32 ? value.uint32 : 0;
}

template <size_t N>
Code<N> ReadCode(MMDB_entry_s& entry, Path path) {
  return Code<N>::Parse(Text(entry, path)).value_or(Code<N>());
}

constexpr const char* kLatitude[] = {"location", "latitude", nullptr};
constexpr const char* kLongitude[] = {"location", "longitude", nullptr};
constexpr const char* kCountry[] = {"country", "iso_code", nullptr};
constexpr const char* kContinent[] = {"continent", "code", nullptr};
constexpr const char* kSubdivision[] = {"subdivisions", "0", "iso_code", nullptr};
constexpr const char* kCity[] = {"city", "names", "en", nullptr};
constexpr const char* kAsn[] = {"autonomous_system_number", nullptr};
constexpr const char* kTraitsAsn[] = {"traits", "autonomous_system_number", nullptr};

}  // namespace

bool IsPrintable(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<uint8_t>(text[i]);
    if (lead < 0x80) {
      if (lead < 0x20 || lead == 0x7f) return false;
      ++i;
      continue;
    }
    const size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || text.size() - i < length) return false;
    uint32_t point = lead & (0xffu >> (length + 1));
    for (size_t k = 1; k < length; ++k) {
      const auto byte = static_cast<uint8_t>(text[i + k]);
      if ((byte & 0xc0) != 0x80) return false;
      point = point << 6 | (byte & 0x3fu);
    }
    static constexpr uint32_t kSmallest[] = {0x80, 0x800, 0x10000};
    if (point < kSmallest[length - 2] || point > 0x10ffff) return false;
    if ((point >= 0xd800 && point <= 0xdfff) || (point >= 0x80 && point < 0xa0)) return false;
    i += length;
  }
  return true;
}

Location ReadRecord(MMDB_entry_s entry, StringPool& strings) {
  Location location;
  const auto latitude = Number(entry, kLatitude), longitude = Number(entry, kLongitude);
  if (latitude && longitude) {
    if (const auto point = Point::At(*latitude, *longitude)) {
      location.point = *point;
      location.has_coordinates = true;
    }
  }
  location.country = ReadCode<2>(entry, kCountry);
  location.continent = ReadCode<2>(entry, kContinent);
  location.subdivision = ReadCode<3>(entry, kSubdivision);
  const std::string_view city = Text(entry, kCity);
  if (city.size() <= kMaxCityBytes && IsPrintable(city)) location.city = strings.Intern(city);
  location.asn = Integer(entry, kAsn);
  if (location.asn == 0) location.asn = Integer(entry, kTraitsAsn);
  return location;
}

}  // namespace meridian::geo
