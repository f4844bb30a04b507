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

  // IPv4, IPv6 or nothing (then: the default). City lives as long as this Locator.
  Location Locate(const net::IpAddress& client) const;

  // Places are 0 … place_count() − 1. At gives what is known of one; it has no prefix and origin
  // kUnknown.
  size_t place_count() const;
  Location At(PlaceId place) const;

  std::span<const DatabaseReport> databases() const;

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
