// health_checks and regions: what exists, where, and how it is asked.
#include "config/build.h"

#include "config/values.h"

#include <meridian/base/format.h>

#include <limits>
#include <set>

namespace meridian::config {
namespace {

using topology::CheckType;
using topology::HealthCheck;

// Without their own value, these never exceed the interval.
void ReadTimes(Build& build, const View& view, HealthCheck& check) {
  Read(view, "interval", check.interval);
  check.fast_interval = std::min(check.fast_interval, check.interval);
  check.timeout = std::min(check.timeout, check.interval);
  Read(view, "fast_interval", check.fast_interval);
  Read(view, "timeout", check.timeout);
  if (check.fast_interval > check.interval) {
    const View fast = view["fast_interval"];
    build.Error(fast.place(), fast.path(),
                Format("{} is more than the interval of {}; expected at "
                       "most that",
                       FormatDuration(check.fast_interval), FormatDuration(check.interval)));
  }
  if (check.timeout > check.interval) {
    const View timeout = view["timeout"];
    build.Warning(timeout.place(), timeout.path(),
                  Format("{} is more than the interval of {}: a slow check delays the next one",
                         FormatDuration(check.timeout), FormatDuration(check.interval)));
  }
}

HealthCheck BuildHealthCheck(Build& build, const std::string& name, const View& view) {
  HealthCheck check;
  check.name = name;
  ReadWord(view, "type", check.type,
           {{"tcp", CheckType::kTcp}, {"http", CheckType::kHttp}, {"none", CheckType::kNone}});
  Read(view, "port", check.port);
  Read(view, "path", check.path);
  Read(view, "host", check.host);
  if (const View expect = view["expect"]) {
    const StatusRange range = ParseStatusRange(expect.text()).value_or(StatusRange{});
    check.expect_low = range.low;
    check.expect_high = range.high;
  }
  Read(view, "rise", check.rise);
  Read(view, "fall", check.fall);
  ReadTimes(build, view, check);
  for (const char* const key : {"path", "host", "expect"}) {
    const View value = view[key];
    if (value && view["type"] && check.type != CheckType::kHttp) {
      build.Warning(value.at(), value.path(),
                    Format("has no effect with type {}", topology::Name(check.type)));
    }
  }
  if (name == "none") {
    build.Error(view.at(), view.path(), "'none' stands for no check; expected another name");
  }
  return check;
}

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
  for (const auto& [name, view] : build.health_checks) {
    if (view) out.health_checks.push_back(BuildHealthCheck(build, name, view));
  }
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
