// See meridian/resolve/members.h.
#include <meridian/resolve/members.h>

#include <algorithm>
#include <set>

namespace meridian::resolve {
namespace {

using topology::Endpoint;

}  // namespace

void Members::Update(const topology::Topology& topology, const Book& book, MonotonicTime now) {
  const auto before = std::exchange(current_, {});
  std::set<Place> wanted;
  std::set<std::pair<Pool, std::string>> names;  // that there are
  for (const topology::Site& site : topology.sites) {
    for (const auto& [service, endpoints] : site.services) {
      for (const Endpoint& endpoint : endpoints) {
        if (endpoint.name.empty()) wanted.emplace(site.name, endpoint.address);
      }
    }
    for (const auto& [service, templates] : site.names) {
      std::vector<Endpoint>& pool = current_[{site.name, service}];
      for (const topology::EndpointName& name : templates) {
        names.emplace(Pool{site.name, service}, name.ToString());
        for (Endpoint& endpoint : book.Of(name).endpoints) {
          wanted.emplace(site.name, endpoint.address);
          pool.push_back(std::move(endpoint));
        }
      }
    }
  }
  for (const auto& [pool, endpoints] : before) {
    for (const Endpoint& endpoint : endpoints) {
      const Place place{pool.first, endpoint.address};
      if (wanted.contains(place)) continue;
      Departure& departure = departures_[place];
      if (departure.endpoints.empty()) departure.since = now;
      departure.endpoints.insert_or_assign(pool.second, endpoint);
    }
  }
  for (auto& [place, departure] : departures_) {
    std::erase_if(departure.endpoints, [&, &site = place.first](const auto& entry) {
      return !names.contains({Pool{site, entry.first}, entry.second.name});
    });
  }
  std::erase_if(departures_, [&](const auto& entry) {
    return wanted.contains(entry.first) || entry.second.endpoints.empty();
  });
}

bool Members::HasSuccessor(const Place& place, const Departure& departure,
                           const Standing& standing) const {
  return std::all_of(
      departure.endpoints.begin(), departure.endpoints.end(), [&](const auto& entry) {
        const auto pool = current_.find({place.first, entry.first});
        if (pool == current_.end()) return false;
        return std::any_of(pool->second.begin(), pool->second.end(), [&](const Endpoint& other) {
          return standing.IsUp(place.first, other.address);
        });
      });
}

void Members::Step(const Standing& standing, Duration drain_timeout, MonotonicTime now) {
  for (auto at = departures_.begin(); at != departures_.end();) {
    const Place& place = at->first;
    Departure& departure = at->second;
    const auto next = std::next(at);
    if (!departure.draining) {
      const bool serves = standing.IsUp(place.first, place.second);
      if (!serves || now - departure.since >= kMaxWait ||
          HasSuccessor(place, departure, standing)) {
        departure.draining = true;
        departure.since = now;
        departure.ends = now + drain_timeout;
      }
    } else if (standing.Sessions(place.first, place.second) != 0) {
      departure.idle_since.reset();
      if (now >= departure.ends + kCutting) departures_.erase(at);
    } else if (!departure.idle_since) {
      departure.idle_since = now;
    } else if (now - *departure.idle_since >= kIdle) {
      departures_.erase(at);
    }
    at = next;
  }
}

void Members::Fill(topology::Topology& topology) const {
  for (topology::Site& site : topology.sites) {
    for (const auto& [service, templates] : site.names) {
      std::vector<Endpoint>& endpoints = site.services[service];
      std::erase_if(endpoints, [](const Endpoint& endpoint) { return !endpoint.name.empty(); });
      std::set<std::string> there;
      for (const Endpoint& endpoint : endpoints) there.insert(endpoint.address);
      const auto add = [&](const Endpoint& endpoint, uint32_t weight) {
        if (!there.insert(endpoint.address).second) return;
        endpoints.push_back(endpoint);
        endpoints.back().weight = weight;
      };
      if (const auto pool = current_.find({site.name, service}); pool != current_.end()) {
        for (const Endpoint& endpoint : pool->second) add(endpoint, endpoint.weight);
      }
      for (const auto& [place, departure] : departures_) {
        const auto leaves = departure.endpoints.find(service);
        if (place.first != site.name || leaves == departure.endpoints.end()) continue;
        add(leaves->second, departure.draining ? 0 : leaves->second.weight);
      }
    }
  }
}

size_t StandIn(topology::Topology& topology) {
  constexpr uint32_t kFirst = 198u << 24 | 18u << 16;
  uint32_t count = 0;
  for (topology::Site& site : topology.sites) {
    for (const auto& [service, names] : site.names) {
      for (const topology::EndpointName& name : names) {
        const net::Address address(net::IpAddress::V4(kFirst + ++count), name.srv ? 1 : name.port);
        site.services[service].push_back({.address = address.ToString(),
                                          .weight = name.weight,
                                          .priority = name.priority,
                                          .name = name.ToString()});
      }
    }
  }
  return count;
}

}  // namespace meridian::resolve
