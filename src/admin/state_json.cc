// Status, sites and services as JSON; see views.h.
#include <meridian/base/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "admin/json_value.h"
#include "admin/recovery_json.h"
#include "admin/topology_state.h"
#include "admin/views.h"

namespace meridian::admin {
namespace {

using health::State;

constexpr Duration kCertificateNotice = std::chrono::hours(14 * 24);
constexpr size_t kMaxCertificateWarnings = 20;

// One answer's view: everything is read through it, so it is of one snapshot and one moment.
class Views {
 public:
  explicit Views(Control& control)
      : control_(control),
        snapshot_(control.snapshot()),
        table_(*snapshot_->table),
        now_(control.WallNow()) {}

  Json Intent(const std::string& target, const health::IntentRecord& record) const;
  Json Intents() const;
  Json Site(const routing::Site& site) const;
  Json Service(ServiceId id) const;
  Json Warnings() const;
  void WarnOfCertificates(Json& list) const;
  Json Databases() const;
  Json Sites() const;
  Json Services() const;
  uint64_t generation() const { return snapshot_->generation; }
  WallTime now() const { return now_; }

 private:
  Json Endpoint(const routing::Endpoint& endpoint) const;
  Json SiteOfService(ServiceId service, SiteId site) const;
  std::string ServiceText(ServiceId id) const;

  Control& control_;
  const snapshot::SnapshotPtr snapshot_;
  const routing::Table& table_;
  const WallTime now_;
};

Json Views::Intent(const std::string& target, const health::IntentRecord& record) const {
  const DrainState state = control_.drain(target);
  Json json = {{"target", target},
               {"intent", health::Name(record.intent)},
               {"author", record.author},
               {"reason", record.reason},
               {"since", FormatTime(record.since)},
               {"deadline", nullptr},
               {"seconds_left", nullptr},
               {"expires", nullptr},
               {"expires_in_seconds", nullptr},
               {"sessions", state.sessions},
               {"leaving_per_second", std::round(state.leaving_per_second * 10) / 10}};
  if (record.deadline != WallTime{}) {
    json["deadline"] = FormatTime(record.deadline);
    json["seconds_left"] = Seconds(std::max(record.deadline - now_, Duration(0)));
  }
  if (record.expires != WallTime{}) {
    json["expires"] = FormatTime(record.expires);
    json["expires_in_seconds"] = Seconds(std::max(record.expires - now_, Duration(0)));
  }
  return json;
}

Json Views::Intents() const {
  Json list = Json::array();
  for (const auto& [target, record] : control_.registry().Intents()) {
    list.push_back(Intent(target, record));
  }
  std::sort(list.begin(), list.end(),
            [](const Json& a, const Json& b) { return a["target"] < b["target"]; });
  return list;
}

Json Views::Endpoint(const routing::Endpoint& endpoint) const {
  const health::Facts facts = endpoint.health->facts();
  Json json = {{"address", endpoint.address_text},
               {"weight", endpoint.weight},
               {"state", health::Name(endpoint.health->state())},
               {"cause", health::Cause(facts)},
               {"facts",
                {{"intent", health::Name(facts.intent)},
                 {"probe", health::Name(facts.probe)},
                 {"agent", health::Name(facts.agent)},
                 {"traffic", health::Name(facts.traffic)}}},
               {"in_flight", endpoint.health->in_flight()},
               {"connect_time_us", endpoint.health->connect_time() / std::chrono::microseconds(1)}};
  if (endpoint.priority != 0) json["priority"] = endpoint.priority;
  if (!endpoint.name.empty()) json["name"] = endpoint.name;
  if (facts.agent != health::Agent::kNone) {
    json["agent_share"] = endpoint.health->agent_share();
    json["agent_reason"] = control_.registry().AgentReason(*endpoint.health);
  }
  if (const WallTime expires = endpoint.health->certificate_expires(); expires != WallTime{}) {
    json["certificate_expires"] = FormatTime(expires);
    json["certificate_seconds_left"] = Seconds(expires - now_);
  }
  return json;
}

Json Views::Site(const routing::Site& site) const {
  const topology::Site& given = snapshot_->config.topology.sites[site.id.value];
  Json json = {{"name", site.name},         {"region", site.region},
               {"country", given.country},  {"continent", given.continent},
               {"latitude", site.latitude}, {"longitude", site.longitude},
               {"weight", site.weight},     {"state", health::Name(OverallState(table_, site.id))}};
  const auto record = SiteIntent(control_.registry(), site);
  json["intent"] = record ? Intent(record->first, record->second)
                          : Json{{"intent", health::Name(health::Intent::kServe)}};
  json["round_trip_us"] = RoundTripJson(site.health->round_trip.average());
  json["latency_us"] = RoundTripJson(site.health->round_trip.published());
  json["sessions"] = control_.active("", site.name);
  json["capacity"] = site.capacity == UINT64_MAX ? Json() : Json(site.capacity);
  Json& services = json["services"] = Json::object();
  for (uint32_t i = 0; i < table_.services().size(); ++i) {
    const ServiceId service{i};
    const auto pool = table_.Pool(service, site.id);
    if (pool.empty()) continue;
    Json endpoints = Json::array();
    for (const routing::Endpoint& endpoint : pool) endpoints.push_back(Endpoint(endpoint));
    services[table_.service(service).name] = {
        {"state", health::Name(table_.SiteState(service, site.id))},
        {"endpoints", std::move(endpoints)}};
  }
  // Nothing is up at a site whose names have no address yet.
  if (services.empty() && !given.names.empty()) json["state"] = health::Name(State::kDown);
  for (const auto& [service, names] : given.names) {
    for (const topology::EndpointName& name : names) {
      json["names"][service].push_back(name.ToString());
    }
  }
  return json;
}

Json Views::SiteOfService(ServiceId service, SiteId site) const {
  const auto pool = table_.Pool(service, site);
  const auto up = std::count_if(pool.begin(), pool.end(), [](const routing::Endpoint& endpoint) {
    return endpoint.health->takes_new();
  });
  return {{"name", table_.site(site).name},
          {"state", health::Name(table_.SiteState(service, site))},
          {"sessions", control_.active(table_.service(service).name, table_.site(site).name)},
          {"endpoints_up", up},
          {"endpoints", pool.size()}};
}

// "up, redundancy 2: dallas is draining"
std::string Views::ServiceText(ServiceId id) const {
  const size_t usable = UsableSites(table_, id);
  std::string text = health::Name(ServiceState(table_, id));
  if (usable > 0) text += Format(", redundancy {}", usable - 1);
  std::string others;
  for (const SiteId site : table_.SitesOf(id)) {
    const State state = table_.SiteState(id, site);
    if (state == State::kUp) continue;
    others += Format("{}{} is {}", others.empty() ? ": " : ", ", table_.site(site).name,
                     health::Name(state));
  }
  return text + others;
}

Json Views::Service(ServiceId id) const {
  const topology::Service& policy = table_.service(id);
  const size_t usable = UsableSites(table_, id);
  Json sites = Json::array();
  for (const SiteId site : table_.SitesOf(id)) sites.push_back(SiteOfService(id, site));
  Json json = {{"name", policy.name},
               {"mode", topology::Name(policy.mode)},
               {"steering", topology::Name(policy.steering)},
               {"balance", topology::Name(policy.balance)},
               {"session",
                {{"by", topology::Name(policy.session.by)},
                 {"name", policy.session.name},
                 {"scope", topology::Name(policy.session.scope)}}},
               {"health_check", policy.health_check},
               {"state", health::Name(ServiceState(table_, id))},
               {"state_text", ServiceText(id)},
               {"usable_sites", usable},
               {"redundancy", static_cast<int64_t>(usable) - 1},
               {"sessions", control_.active(policy.name, "")},
               {"sites", std::move(sites)}};
  if (const failover::Controller* controller = control_.recovery(policy.name)) {
    Json recovery = RecoveryJson(*controller, control_.Now(), now_);
    json["active"] = recovery["active"];
    json["active_seconds"] = recovery["epoch_seconds"];
    json["epoch"] = recovery["epoch"];
    json["state_text"] = RecoveryText(*controller);
    json["next"] = recovery["next"];
    json["recovery"] = std::move(recovery);
  }
  return json;
}

Json Views::Sites() const {
  Json list = Json::array();
  for (const routing::Site& site : table_.sites()) list.push_back(Site(site));
  return list;
}

Json Views::Services() const {
  Json list = Json::array();
  for (uint32_t i = 0; i < table_.services().size(); ++i) list.push_back(Service(ServiceId{i}));
  return list;
}

Json Views::Warnings() const {
  Json list = Json::array();
  for (uint32_t i = 0; i < table_.services().size(); ++i) {
    const std::string& name = table_.service(ServiceId{i}).name;
    const size_t usable = UsableSites(table_, ServiceId{i});
    if (usable == 0) {
      list.push_back(Format("service {} has no usable site", name));
    } else if (usable == 1) {
      list.push_back(Format("service {} has one usable site left: nothing to fail over to", name));
    }
  }
  for (const auto& [target, record] : control_.registry().Intents()) {
    if (record.deadline == WallTime{} || record.deadline > now_) continue;
    list.push_back(
        Format("{} is still drained, {} past its deadline: 'meridian undrain {}' ends it", target,
               FormatAge(now_ - record.deadline), target));
  }
  WarnOfCertificates(list);
  return list;
}

// Each endpoint once, though several services may have it.
void Views::WarnOfCertificates(Json& list) const {
  std::set<std::string> seen;
  for (const routing::Endpoint& endpoint : table_.endpoints()) {
    const WallTime expires = endpoint.health->certificate_expires();
    if (expires == WallTime{} || expires - now_ > kCertificateNotice) continue;
    const std::string name = table_.site(endpoint.site).name + "/" + endpoint.address_text;
    if (!seen.insert(name).second) continue;
    if (seen.size() > kMaxCertificateWarnings) return;
    list.push_back(expires > now_ ? Format("the certificate of {} expires in {}", name,
                                           FormatAge(expires - now_))
                                  : Format("the certificate of {} has expired", name));
  }
}

Json Views::Databases() const {
  Json list = Json::array();
  for (const geo::DatabaseReport& report : snapshot_->locator->databases()) {
    const double now = std::chrono::duration<double>(now_.time_since_epoch()).count();
    list.push_back({{"path", report.path},
                    {"type", report.type},
                    {"build_epoch", report.build_epoch},
                    {"age_seconds", std::max(now - static_cast<double>(report.build_epoch), 0.0)},
                    {"networks", report.network_count}});
  }
  return list;
}

}  // namespace

std::string StatusJson(Control& control) {
  const Views views(control);
  const ProcessStatus status = control.status();
  Json listeners = Json::array();
  for (const auto& [name, address] : status.listeners) {
    listeners.push_back({{"name", name}, {"address", address}});
  }
  return Dump({{"version", status.version},
               {"pid", status.pid},
               {"state", status.state},
               {"time", FormatTime(views.now())},
               {"started", FormatTime(status.started)},
               {"uptime_seconds", Seconds(views.now() - status.started)},
               {"generation", status.generation},
               {"loaded", FormatTime(status.loaded)},
               {"loaded_seconds_ago", Seconds(views.now() - status.loaded)},
               {"config_file", status.config_file},
               {"reloads", status.reloads},
               {"reloads_refused", status.reloads_refused},
               {"workers", status.workers},
               {"clients", status.clients},
               {"listeners", std::move(listeners)},
               {"geo_databases", views.Databases()},
               {"services", views.Services()},
               {"drains", views.Intents()},
               {"warnings", views.Warnings()}});
}

std::string SitesJson(Control& control) {
  const Views views(control);
  return Dump({{"generation", views.generation()}, {"sites", views.Sites()}});
}

std::string ServicesJson(Control& control) {
  const Views views(control);
  return Dump({{"generation", views.generation()}, {"services", views.Services()}});
}

std::string SiteJson(Control& control, SiteId site) {
  const Views views(control);
  return Dump(views.Site(control.snapshot()->table->site(site)));
}

std::string ServiceJson(Control& control, ServiceId service) {
  return Dump(Views(control).Service(service));
}

std::string IntentJson(Control& control, const std::string& target) {
  const Views views(control);
  for (const auto& [name, record] : control.registry().Intents()) {
    if (name == target) return Dump(views.Intent(name, record));
  }
  return Dump({{"target", target}, {"intent", health::Name(health::Intent::kServe)}});
}

}  // namespace meridian::admin
