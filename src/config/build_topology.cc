// regions: what exists, and where.
#include "config/build.h"

#include <meridian/base/format.h>

#include <limits>
#include <set>

namespace meridian::config {
namespace {

std::vector<topology::Endpoint> BuildEndpoints(Build& build, const View& list) {
  std::vector<topology::Endpoint> endpoints;
  std::set<std::string> seen;
  for (const View& entry : list.Entries()) {
    const View address = entry.is_scalar() ? entry : entry["address"];
    if (!address) continue;
    topology::Endpoint endpoint;
    endpoint.address = net::Address::Parse(address.text()).value_or(net::Address()).ToString();
    Read(entry, "weight", endpoint.weight);
    if (!seen.insert(endpoint.address).second) {
      build.Error(address.place(), address.path(),
                  Format("{} is listed twice; expected each endpoint once", Quote(address.text())));
      continue;
    }
    endpoints.push_back(std::move(endpoint));
  }
  return endpoints;
}

topology::Site BuildSite(Build& build, const std::string& region, const std::string& name,
                         const View& view) {
  topology::Site site;
  site.name = name;
  site.region = region;
  Read(view, "latitude", site.latitude);
  Read(view, "longitude", site.longitude);
  Read(view, "country", site.country);
  Read(view, "continent", site.continent);
  Read(view, "weight", site.weight);
  Read(view, "bias", site.bias);
  Read(view, "capacity", site.capacity);
  for (const auto& [service, list] : view["services"].Named()) {
    if (!build.services.contains(service)) {
      build.Error(
          list.at(), list.path(),
          Format("{} is not a service{}", Quote(service), NearestOf(service, build.services)));
    }
    std::vector<topology::Endpoint> endpoints = BuildEndpoints(build, list);
    if (list.is_scalar() || list.size() == 1) {
      build.Warning(list.at(), list.path(),
                    "only one endpoint: a single point of failure of this site");
    }
    if (!endpoints.empty()) site.services.emplace(service, std::move(endpoints));
  }
  return site;
}

template <class T>
void SortByName(std::vector<T>& values) {
  std::sort(values.begin(), values.end(), [](const T& a, const T& b) { return a.name < b.name; });
}

}  // namespace

void BuildTopology(Build& build) {
  topology::Topology& out = build.config.topology;
  for (const auto& [region, region_view] : build.root["regions"].Named()) {
    for (const auto& [name, view] : region_view["sites"].AllNames()) {
      const auto [first, is_new] = build.sites.emplace(name, view);
      if (is_new && view) out.sites.push_back(BuildSite(build, region, name, view));
      if (is_new || !view) continue;
      build.Error(view.at(), view.path(),
                  first->second ? Format("a site of this name is already defined at {}",
                                         build.report.ToString(first->second.at()))
                                : "a site of this name is already defined");
    }
  }
  SortByName(out.sites);
}

}  // namespace meridian::config
