// Whether a reload takes away more than it should without being told twice.
#include <meridian/base/format.h>
#include <meridian/config/load.h>

#include <set>

namespace meridian::config {
namespace {

struct Names {
  std::set<std::string> sites;
  std::set<std::pair<std::string, std::string>> endpoints;  // site; address, or name
};

Names NamesOf(const Config& config) {
  Names names;
  for (const topology::Site& site : config.topology.sites) {
    names.sites.insert(site.name);
    for (const auto& [service, endpoints] : site.services) {
      for (const topology::Endpoint& endpoint : endpoints) {
        // What a name stands for is not the operator's doing.
        if (endpoint.name.empty()) names.endpoints.emplace(site.name, endpoint.address);
      }
    }
    for (const auto& [service, named] : site.names) {
      for (const topology::EndpointName& name : named) {
        names.endpoints.emplace(site.name, name.ToString());
      }
    }
  }
  return names;
}

template <class T>
size_t Missing(const std::set<T>& before, const std::set<T>& after) {
  return static_cast<size_t>(std::count_if(before.begin(), before.end(),
                                           [&](const T& name) { return !after.contains(name); }));
}

}  // namespace

std::optional<std::string> TooDrastic(const Config& running, const Config& next) {
  const Names before = NamesOf(running);
  const Names after = NamesOf(next);
  const size_t sites = Missing(before.sites, after.sites);
  if (2 * sites > before.sites.size()) {
    return Format("it would remove {} of {} sites", sites, before.sites.size());
  }
  const size_t endpoints = Missing(before.endpoints, after.endpoints);
  if (2 * endpoints > before.endpoints.size()) {
    return Format("it would remove {} of {} endpoints", endpoints, before.endpoints.size());
  }
  return std::nullopt;
}

}  // namespace meridian::config
