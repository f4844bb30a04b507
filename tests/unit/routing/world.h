// A small world to decide in: sites, services and clients made by hand or from a seed, all
// endpoints up to begin with.
#pragma once

#include <meridian/base/check.h>
#include <meridian/base/format.h>
#include <meridian/net/random.h>
#include <meridian/routing/decide.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace meridian::routing {

class World {
 public:
  topology::Topology topology;
  std::vector<geo::Locator::Override> places;
  health::Registry registry;
  tls::HmacKeys cookie_keys{tls::HmacKey("a secret for these tests"), {}};
  std::shared_ptr<MovedSessions> moved_sessions;

  World() {
    topology.health_checks.emplace_back().name = "ready";
    topology.services.emplace_back().name = "web";
    web().health_check = "ready";
  }

  topology::Service& web() { return topology.services[0]; }

  topology::Site& AddSite(const std::string& name, double latitude, double longitude,
                          int endpoints = 2) {
    topology::Site site;
    site.name = name;
    site.region = "region";
    site.latitude = latitude;
    site.longitude = longitude;
    const size_t number = topology.sites.size();
    for (int i = 0; i < endpoints; ++i) {
      site.services["web"].push_back(
          {Format("10.{}.{}.{}:80", number / 256, number % 256, i + 1), 1});
    }
    topology.sites.push_back(std::move(site));
    return topology.sites.back();
  }

  // Sites anywhere on earth, named in order.
  void AddSites(int count, int endpoints, net::Random& random) {
    for (int i = 0; i < count; ++i) {
      AddSite(Format("site-{:04}", i), Unit(random.Next()) * 180 - 90,
              Unit(random.Next()) * 360 - 180, endpoints);
    }
  }

  // A client address whose place is known.
  net::IpAddress AddClient(double latitude, double longitude, const char* country = "US",
                           const char* continent = "NA", uint32_t asn = 0) {
    const net::IpAddress client =
        net::IpAddress::V4(0xc6000000u + static_cast<uint32_t>(places.size()) * 256);
    geo::Location location;
    location.point = *geo::Point::At(latitude, longitude);
    location.has_coordinates = true;
    location.country = *geo::CountryCode::Parse(country);
    location.continent = *geo::ContinentCode::Parse(continent);
    location.asn = asn;
    places.push_back({net::Prefix(client, 24), location});
    return client;
  }

  // Compiles; endpoints not seen before are up from then on. May be called again after a change.
  const Table& Build() {
    auto locator = geo::Locator::Build({.databases = {}, .networks = places, .fallback = {}});
    MERIDIAN_CHECK(locator.has_value());
    table_ = Table::Compile(
        {.topology = &topology,
         .locator = *locator,
         .registry = &registry,
         .cookie_keys = std::vector<tls::HmacKeys>(topology.services.size(), cookie_keys),
         .moved_sessions = moved_sessions});
    for (const Endpoint& endpoint : table_->endpoints()) {
      if (endpoint.health->facts().probe == health::Probe::kUnknown) SetUp(endpoint, true);
    }
    return *table_;
  }
  const Table& table() const { return *table_; }

  void SetUp(const Endpoint& endpoint, bool up) {
    registry.SetProbe(*endpoint.health, up ? health::Probe::kUp : health::Probe::kDown, now);
  }
  void SetSiteUp(const std::string& site, bool up) {
    for (const Endpoint& endpoint : table_->Pool(service(), table_->FindSite(site)))
      SetUp(endpoint, up);
  }
  void SetIntent(const std::string& target, health::Intent intent, WallTime deadline = {}) {
    registry.SetIntent(target, {intent, "ops", "a test", wall, deadline});
  }
  void SetSessions(const std::string& site, uint32_t sessions) {
    registry.Site(site).sessions = sessions;
  }

  ServiceId service() const { return table_->FindService("web"); }
  Query QueryOf(const net::IpAddress& client, uint64_t draw = 1, std::string_view key = {}) const {
    return {.service = service(),
            .client = client,
            .session_key = key,
            .wall = wall,
            .now = now,
            .draw = draw};
  }
  std::string SiteName(SiteId site) const { return table_->site(site).name; }

  // As many samples as settle its moving average; zero: the site has none.
  void SetLatency(const std::string& site, Duration latency) {
    const Endpoint& endpoint = table_->Pool(service(), table_->FindSite(site))[0];
    for (int i = 0; i < 200 && latency != Duration(0); ++i) {
      registry.ObserveConnect(*endpoint.health, latency);
    }
  }

  WallTime wall{std::chrono::seconds(1'767'225'600)};
  MonotonicTime now{std::chrono::seconds(1000)};

 private:
  std::unique_ptr<const Table> table_;
};

inline net::IpAddress RandomClient(net::Random& random) {
  return net::IpAddress::V4(static_cast<uint32_t>(random.Next() >> 32));
}

// Whether `hits` of `trials` is what a chance of `share` gives: within `sigmas` standard
// deviations.
inline bool WithinBinomial(double hits, double trials, double share, double sigmas = 4.5) {
  return std::abs(hits - trials * share) <= sigmas * std::sqrt(trials * share * (1 - share)) + 1;
}

// All that a walk gives, in order.
inline std::vector<Choice> AllChoices(const Table& table, const Query& query) {
  Walk walk;
  walk.Start(table, query);
  std::vector<Choice> all;
  for (Choice choice; walk.Next(choice);) all.push_back(choice);
  return all;
}

inline std::optional<Choice> FirstChoice(const Table& table, const Query& query) {
  Walk walk;
  walk.Start(table, query);
  Choice choice;
  if (!walk.Next(choice)) return std::nullopt;
  return choice;
}

}  // namespace meridian::routing
