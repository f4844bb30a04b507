// A map of the world: three or five cities with a distributed service, "web", and a
// disaster-recovery service, "billing". See model_places.h.
#include "model_places.h"

#include <meridian/base/check.h>
#include <meridian/base/format.h>

#include <algorithm>

namespace meridian::failover::sim {
namespace {

using health::Intent;
using health::IntentRecord;
using health::Probe;

struct City {
  const char *name, *region;
  double latitude, longitude;
};
// By name, as in a Topology; the first is the primary.
constexpr City kCities[] = {
    {"atlanta", "america-east", 33.7, -84.4}, {"dallas", "america-west", 32.8, -96.8},
    {"paris", "europe", 48.9, 2.4},           {"san-jose", "america-west", 37.3, -121.9},
    {"vienna", "europe", 48.2, 16.4},
};

}  // namespace

Places::Places(size_t sites, net::Random& random) {
  const auto below = [&](size_t bound) { return random.Next() % bound; };
  topology_.health_checks.emplace_back().name = "ready";
  for (const City& city : kCities) {
    if (sites == 3 && std::string_view(city.region) == "europe") continue;
    names_.push_back(city.name);
    regions_.push_back(city.region);
    topology::Site& site = topology_.sites.emplace_back();
    site.name = city.name;
    site.region = city.region;
    site.latitude = city.latitude;
    site.longitude = city.longitude;
    if (below(3) != 0) site.capacity = 2 + below(6);
    if (topology_.sites.size() > 1 && below(12) == 0) site.weight = 0;
  }
  AddEndpoints("billing", 1, 2, random);
  topology_.services[0].mode = topology::Mode::kDisasterRecovery;
  topology_.services[0].panic = below(2) == 0 ? topology::Panic::kRoute : topology::Panic::kReject;
  AddEndpoints("web", 2, 3, random);
  topology::Service& web = topology_.services[1];
  web.session.by = topology::SessionBy::kCookie;
  web.session.on_failure =
      below(4) == 0 ? topology::OnFailure::kReject : topology::OnFailure::kRepin;
  web.session.on_recovery =
      below(2) == 0 ? topology::OnRecovery::kStay : topology::OnRecovery::kReturn;
  web.session.scope =
      below(2) == 0 ? topology::SessionScope::kSite : topology::SessionScope::kEndpoint;
  web.panic = below(2) == 0 ? topology::Panic::kRoute : topology::Panic::kReject;
  web.balance = static_cast<topology::Balance>(below(4));
  topology::Rule residency;
  residency.match.country = {"GB"};
  residency.sites = {names_.back(), names_[1]};
  residency.strict = true;
  web.rules = {residency};
}

void Places::AddEndpoints(const char* service, int third, int count, net::Random& random) {
  topology::Service& policy = topology_.services.emplace_back();
  policy.name = service;
  policy.health_check = "ready";
  for (size_t site = 0; site < topology_.sites.size(); ++site) {
    for (int i = 1; i <= count; ++i) {
      ModelEndpoint endpoint;
      endpoint.site = site;
      endpoint.service = service;
      endpoint.address = Format("10.{}.{}.{}:80", site, third, i);
      if (policy.name == "web") endpoint.weight = random.Next() % 6 == 0 ? 0 : 1;
      topology_.sites[site].services[service].push_back({endpoint.address, endpoint.weight});
      endpoints_.push_back(endpoint);
    }
  }
}

size_t Places::IndexOf(std::string_view site) const {
  return static_cast<size_t>(std::find(names_.begin(), names_.end(), site) - names_.begin());
}

const ModelEndpoint& Places::At(std::string_view address) const {
  const auto found =
      std::find_if(endpoints_.begin(), endpoints_.end(),
                   [&](const ModelEndpoint& endpoint) { return endpoint.address == address; });
  MERIDIAN_CHECK(found != endpoints_.end());
  return *found;
}

bool Places::Count(ModelEndpoint& endpoint, bool is_good) {
  endpoint.good = is_good ? endpoint.good + 1 : 0;
  endpoint.bad = is_good ? 0 : endpoint.bad + 1;
  const Probe before = endpoint.verdict;
  if (endpoint.good >= (before == Probe::kUnknown ? 1 : kRise)) endpoint.verdict = Probe::kUp;
  if (endpoint.bad >= kFall) endpoint.verdict = Probe::kDown;
  return endpoint.verdict != before;
}

void Places::ForgetChecks() {
  for (ModelEndpoint& endpoint : endpoints_) {
    endpoint.good = endpoint.bad = 0;
    endpoint.verdict = Probe::kUnknown;
  }
}

Probe Places::VerdictOf(size_t site, std::string_view service) const {
  Probe verdict = Probe::kUnknown;
  for (const ModelEndpoint& endpoint : endpoints_) {
    if (endpoint.site != site || endpoint.service != service) continue;
    if (endpoint.verdict == Probe::kUp) return Probe::kUp;
    if (endpoint.verdict == Probe::kDown) verdict = Probe::kDown;
  }
  return verdict;
}

void Places::Intend(const std::string& target, const IntentRecord& record) {
  if (record.intent == Intent::kServe) {
    intents_.erase(target);
  } else {
    intents_[target] = record;
  }
}

IntentRecord Places::IntentOf(size_t site, std::string_view address) const {
  IntentRecord strictest;
  for (const auto& [target, record] : intents_) {
    const bool covers = target == names_[site] || target == regions_[site] ||
                        (!address.empty() && target == names_[site] + "/" + std::string(address));
    if (!covers) continue;
    const bool ends_first =
        record.intent == strictest.intent && record.deadline != WallTime{} &&
        (strictest.deadline == WallTime{} || record.deadline < strictest.deadline);
    if (record.intent > strictest.intent || ends_first) strictest = record;
  }
  return strictest;
}

}  // namespace meridian::failover::sim
