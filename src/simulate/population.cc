// See population.h.
#include "simulate/population.h"

#include <meridian/base/format.h>
#include <meridian/base/hash.h>
#include <meridian/base/text.h>

#include <array>

namespace meridian::simulate {
namespace {

std::string Count(size_t count, const char* noun) {
  return Format("{} {}{}", GroupThousands(count), noun, count == 1 ? "" : "s");
}

// Of the first database that knows places. It was read when the snapshot was compiled, so it is
// there; if it is gone since, there are no examples.
std::vector<net::Prefix> SampleDatabases(const snapshot::Snapshot& snapshot, size_t most) {
  for (const std::string& path : snapshot.config.geo.databases) {
    const Result<geo::Database> database = geo::Database::Open(path);
    if (!database) continue;
    const geo::DatabaseReport& report = database->report();
    if (report.has_coordinates || report.has_country) return database->Sample(most);
  }
  return {};
}

}  // namespace

Population PopulationOf(const snapshot::Snapshot& snapshot) {
  Population population;
  for (const auto& [network, place] : snapshot.config.geo.networks) {
    if (population.networks.size() < kMaxNetworks) population.networks.push_back(network);
  }
  const size_t own = population.networks.size();
  const std::vector<net::Prefix> known = SampleDatabases(snapshot, kMaxNetworks - own);
  population.networks.insert(population.networks.end(), known.begin(), known.end());
  if (own > 0) population.text = Count(own, "network") + " of geo.networks";
  if (!known.empty()) {
    population.text +=
        Format("{}{} of the databases", own > 0 ? ", " : "", Count(known.size(), "network"));
  }
  if (population.networks.empty()) {
    // TEST-NET-3 (RFC 5737), which nothing locates.
    population.networks.push_back(net::Prefix(net::IpAddress::V4(0xcb007100), 24));
    population.text = snapshot.config.geo.default_place ? "all at geo.default"
                                                        : "of unknown place: nothing locates them";
  }
  return population;
}

net::IpAddress ClientIn(const net::Prefix& network, uint64_t index) {
  const uint64_t low = Mix(index), high = Mix(low);
  if (network.ip().family() == net::Family::kIpv4) {
    const int free = 32 - network.length();
    const uint32_t mask = free == 0 ? 0 : UINT32_MAX >> (32 - free);
    return net::IpAddress::V4(network.ip().v4() | (static_cast<uint32_t>(low) & mask));
  }
  std::array<uint8_t, 16> bytes = network.ip().bytes();
  for (int bit = network.length(); bit < 128; ++bit) {
    const uint64_t word = bit < 64 ? high : low;
    if ((word >> (63 - bit % 64) & 1) != 0) bytes[bit / 8] |= static_cast<uint8_t>(0x80 >> bit % 8);
  }
  return net::IpAddress::V6(bytes);
}

}  // namespace meridian::simulate
