// A made-up world of more than a million networks as a MaxMind DB file, for benches of location:
// the IPv4 unicast space cut into prefixes from /13 to /32 (most of them /24), 5,000 IPv6 /32 cut
// down to /48, and a place for each network, chosen at random among 100,000 towns. Real neighbours
// share places more often, so this is the harder case for caches. The same seed gives the same
// file.
//
// Made when first asked for (about a second), written to the temporary directory, removed at exit.
#pragma once

#include <meridian/geo/locator.h>
#include <meridian/net/address.h>

#include <memory>
#include <string>
#include <vector>

namespace meridian::bench {

class MillionNetworks {
 public:
  static constexpr size_t kTowns = 100'000;

  static const MillionNetworks& Get();

  const std::string& path() const { return path_; }
  const std::vector<net::Prefix>& v4() const { return v4_; }
  const std::vector<net::Prefix>& v6() const { return v6_; }
  // Opened and built once, for all benches.
  std::shared_ptr<const geo::Locator> locator() const;

  // How often a network's turn comes: each as often as any other; or the n-th of a random order
  // with a share in proportion to 1/n, as traffic is spread over prefixes (Sarrar et al. 2012,
  // "Leveraging Zipf's law for traffic offloading").
  enum class Spread : uint8_t { kUniform, kZipf };
  // Random hosts of networks chosen at random.
  static std::vector<net::IpAddress> Clients(const std::vector<net::Prefix>& networks, size_t count,
                                             Spread spread);

 private:
  friend class Writer;
  MillionNetworks();
  ~MillionNetworks();
  MillionNetworks(const MillionNetworks&) = delete;

  std::string path_;
  std::vector<net::Prefix> v4_, v6_;
};

}  // namespace meridian::bench
