// Client address → Location: `geo.networks`, the databases and `geo.default` of one configuration,
// compiled into one tree with one leaf per network and one entry per distinct place. Owned by the
// snapshots that use it; constant, so any thread. A look-up is one walk down the tree: no lock, no
// allocation, nothing decoded.
//
//   networks   longest prefix; its geography counts as a whole, its ASN is completed from the
//   databases databases  field by field, the first in order that knows a field wins default where
//   neither knows any geography
#pragma once

#include <meridian/base/result.h>
#include <meridian/geo/database.h>
#include <meridian/geo/location.h>
#include <meridian/net/address.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace meridian::geo {

class Locator {
 public:
  static constexpr size_t kMaxDatabases = 16;

  struct Override {
    net::Prefix network;
    Location location;  // point, codes, city and asn are read; city is copied
  };
  struct Input {
    std::vector<Database> databases;  // taken apart
    std::vector<Override> networks;
    std::optional<Location> fallback;  // `geo.default`
  };

  // Everything here is optional: an empty Input answers "unknown". Errors: kConflict for a network
  // given twice, kInvalid for one without an address, kTooLarge when the merged tree passes 32 Mi
  // nodes.
  static Result<std::shared_ptr<const Locator>> Build(Input input);
  ~Locator();

  // A look-up's answer as integers: `spot` decides by distance, the rest leads to the Location.
  struct Found {
    SpotId spot{0};
    uint32_t leaf = 0;

    bool has_coordinates() const { return spot.value != 0; }
  };
  // IPv4, IPv6 or nothing (then: the default). At gives all that is known; its city lives as long
  // as this Locator.
  Found Find(const net::IpAddress& client) const;
  Location At(const Found& found) const;
  Location Locate(const net::IpAddress& client) const { return At(Find(client)); }

  // Places are 0 … place_count() − 1. At gives what is known of one; it has no prefix and origin
  // kUnknown.
  size_t place_count() const;
  Location At(PlaceId place) const;
  // Spots are 1 … spot_count() − 1; 0 has no coordinates.
  size_t spot_count() const;
  const Point& PointOf(SpotId spot) const;

  std::span<const DatabaseReport> databases() const;
  // Of all tables together, without the texts.
  size_t memory_bytes() const;

  // For people, of a Location this Locator gave: "London, GB (GeoLite2-City, /24)", "GB
  // (geo.networks, /16)", "unknown".
  std::string Describe(const Location& location) const;
  // "GeoLite2-City, /24", "geo.networks, /16", "geo.default", "unknown".
  std::string DescribeOrigin(const Location& location) const;

 private:
  friend class LocatorBuilder;
  struct Contents;
  explicit Locator(std::unique_ptr<const Contents> contents);
  std::unique_ptr<const Contents> contents_;
};

}  // namespace meridian::geo
