// Explanations, diagnostics and the outcome of a reload as JSON; see json.h and views.h.
#include <meridian/admin/json.h>

#include <cmath>

#include "admin/json_value.h"
#include "admin/views.h"

namespace meridian::admin {
namespace {

Json SiteOf(const routing::SiteVerdict& site) {
  Json json = {{"name", site.name}, {"distance_km", nullptr}};
  if (site.distance_km) json["distance_km"] = std::round(*site.distance_km * 10) / 10;
  json["latency_us"] = RoundTripJson(site.latency);
  json["state"] = health::Name(site.state);
  json["sessions"] = site.sessions;
  json["capacity"] = site.capacity == UINT64_MAX ? Json() : Json(site.capacity);
  const bool dropped = site.dropped_by != routing::Step::kNone;
  json["dropped_by"] = dropped ? Json(routing::Name(site.dropped_by)) : Json();
  json["rank"] = site.rank < 0 ? Json() : Json(site.rank);
  json["chosen"] = site.chosen;
  json["verdict"] = site.verdict;
  return json;
}

Json Value(const routing::Explanation& explanation) {
  Json json = {{"client", explanation.client},
               {"location", explanation.location},
               {"service", explanation.service},
               {"mode", explanation.mode},
               {"steering", explanation.steering},
               {"choice", nullptr},
               {"why", nullptr},
               {"pin", routing::Name(explanation.pin)}};
  Json sites = Json::array();
  std::string chosen;
  for (const routing::SiteVerdict& site : explanation.sites) {
    sites.push_back(SiteOf(site));
    if (site.chosen) chosen = site.name;
  }
  if (explanation.choice) {
    json["choice"] = {{"site", chosen},
                      {"endpoint", explanation.endpoint},
                      {"reason", routing::Name(explanation.choice->reason)}};
  } else {
    json["why"] = routing::Name(explanation.why);
  }
  json["sites"] = std::move(sites);
  return json;
}

Json Value(const std::vector<config::Diagnostic>& diagnostics) {
  Json list = Json::array();
  for (const config::Diagnostic& diagnostic : diagnostics) {
    const bool error = diagnostic.severity == config::Diagnostic::Severity::kError;
    list.push_back({{"severity", error ? "error" : "warning"},
                    {"file", diagnostic.file},
                    {"line", diagnostic.line},
                    {"column", diagnostic.column},
                    {"message", diagnostic.message},
                    {"text", diagnostic.ToString()}});
  }
  return list;
}

}  // namespace

std::string ToJson(const routing::Explanation& explanation) {
  return Dump(Value(explanation));
}

std::string ToJson(const std::vector<config::Diagnostic>& diagnostics) {
  return Dump(Value(diagnostics));
}

std::string ExplanationJson(const routing::Explanation& explanation, uint64_t generation) {
  Json json = Value(explanation);
  json["generation"] = generation;
  return Dump(json);
}

std::string ReloadJson(const ReloadResult& result) {
  Json json = {{"accepted", result.accepted},
               {"generation", result.generation},
               {"diagnostics", Value(result.diagnostics)},
               {"errors", result.errors}};
  if (!result.accepted) {
    json["error"] = {
        {"code", "reload-refused"},
        {"message", "the new configuration was refused; the running one is untouched"}};
  }
  return Dump(json);
}

}  // namespace meridian::admin
