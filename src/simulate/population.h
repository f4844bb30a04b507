// Who asks what-if's question: without a scenario, the clients are the networks that the
// configuration locates, each as many as any other.
#pragma once

#include <meridian/snapshot/snapshot.h>

#include <string>
#include <vector>

namespace meridian::simulate {

inline constexpr size_t kMaxNetworks = 2000;

struct Population {
  std::vector<net::Prefix> networks;
  std::string text;  // "8 networks of geo.networks, 1,992 of 5,012,345 of the databases"
};

Population PopulationOf(const snapshot::Snapshot& snapshot);

// The `index`th client of a network: an address inside it, the same each time.
net::IpAddress ClientIn(const net::Prefix& network, uint64_t index);

}  // namespace meridian::simulate
