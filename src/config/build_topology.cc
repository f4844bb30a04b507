// regions: what exists, and where.
#include "config/build.h"
#include "config/values.h"

#include <meridian/base/format.h>

#include <limits>
#include <set>

namespace meridian::config {
namespace {

struct Endpoints {
  std::vector<topology::Endpoint> addresses;
  std::vector<topology::EndpointName> names;
};

// An entry that is a name, whose text has been accepted.
topology::EndpointName BuildName(Build& build, const View& entry) {
  topology::EndpointName named;
  const View srv = entry.is_scalar() ? View() : entry["srv"];
  if (!srv) {
    const auto parsed =
        ParseNameAndPort(entry.is_scalar() ? entry.text() : entry["address"].text());
    named.name = parsed->name;
    named.port = parsed->port;
    Read(entry, "weight", named.weight);
    Read(entry, "priority", named.priority);
    return named;
  }
  named.name = ParseDnsName(srv.text());
  named.srv = true;
  for (const char* key : {"address", "weight", "priority"}) {
    if (!entry.Has(key)) continue;
    build.Error(entry.at(), entry.path() + "." + key, "stands beside srv, whose answer tells it");
  }
  return named;
}

Endpoints BuildEndpoints(Build& build, const View& list) {
  Endpoints endpoints;
  std::set<std::string> seen;
  for (const View& entry : list.Entries()) {
    const bool has_srv = !entry.is_scalar() && entry.Has("srv");
    const View address = entry.is_scalar() ? entry : entry[has_srv ? "srv" : "address"];
    if (!address) {
      if (has_srv || entry.Has("address")) continue;
      build.Error(entry.at(), entry.path(), "has neither address nor srv; expected one of the two");
      continue;
    }
    const auto literal = net::Address::Parse(address.text());
    topology::Endpoint endpoint;
    topology::EndpointName named;
    if (literal && !has_srv) {
      endpoint.address = literal->ToString();
      Read(entry, "weight", endpoint.weight);
      Read(entry, "priority", endpoint.priority);
    } else {
      named = BuildName(build, entry);
    }
    const bool is_name = !named.name.empty();
    if (!seen.insert(is_name ? named.ToString() : endpoint.address).second) {
      build.Error(address.place(), address.path(),
                  Format("{} is listed twice; expected each endpoint once", Quote(address.text())));
    } else if (is_name) {
      endpoints.names.push_back(std::move(named));
    } else {
      endpoints.addresses.push_back(std::move(endpoint));
    }
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
    Endpoints endpoints = BuildEndpoints(build, list);
    if ((list.is_scalar() || list.size() == 1) && endpoints.names.empty()) {
      build.Warning(list.at(), list.path(),
                    "only one endpoint: a single point of failure of this site");
    }
    if (endpoints.addresses.empty() && endpoints.names.empty()) continue;
    site.services.emplace(service, std::move(endpoints.addresses));
    if (!endpoints.names.empty()) site.names.emplace(service, std::move(endpoints.names));
  }
  return site;
}

void CheckNames(Build& build) {
  std::set<std::pair<std::string, bool>> names;
  for (const topology::Site& site : build.config.topology.sites) {
    for (const auto& [service, list] : site.names) {
      for (const topology::EndpointName& named : list) names.emplace(named.name, named.srv);
    }
  }
  const View regions = build.root["regions"];
  if (names.size() <= topology::kMaxNames) return;
  build.Error(regions.at(), regions.path(),
              Format("{} different names to look up; at most {} are supported", names.size(),
                     topology::kMaxNames));
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
  CheckNames(build);
}

}  // namespace meridian::config
