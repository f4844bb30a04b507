// See simulate_json.h.
#include "simulate_json.h"

#include <meridian/base/format.h>

#include "json_text.h"

namespace meridian::app {
namespace {

std::string Seconds(Duration duration) {
  return Format("{:.3f}", std::chrono::duration<double>(duration).count());
}

std::string Number(const std::optional<uint64_t>& value) {
  return value ? Format("{}", *value) : "null";
}

// [a,b], each made by `json`.
template <class List, class Json>
std::string Array(const List& list, Json json) {
  std::string out = "[";
  for (const auto& one : list) {
    if (out.size() > 1) out += ",";
    out += json(one);
  }
  return out + "]";
}

std::string Counts(const std::vector<std::pair<std::string, uint64_t>>& counts) {
  return Array(counts, [](const auto& count) {
    return Format("{{\"reason\":{},\"count\":{}}}", JsonQuote(count.first), count.second);
  });
}

std::string MomentJson(const simulate::Moment& moment) {
  return Format("{{\"at\":{},\"kind\":{},\"text\":{},\"bad\":{}}}", Seconds(moment.at),
                JsonQuote(Name(moment.kind)), JsonQuote(moment.text), moment.is_bad);
}

std::string SampleJson(const simulate::Sample& sample) {
  return Format("{{\"at\":{},\"sessions\":{},\"unserved\":{}}}", Seconds(sample.at),
                Array(sample.sessions, [](uint64_t count) { return Format("{}", count); }),
                sample.unserved);
}

std::string SiteJson(const simulate::SiteReport& site) {
  return Format(
      "{{\"name\":{},\"region\":{},\"capacity\":{},\"at_start\":{},\"at_end\":{},\"peak\":{},"
      "\"peak_at\":{},\"within_capacity\":{}}}",
      JsonQuote(site.name), JsonQuote(site.region), Number(site.capacity), site.at_start,
      site.at_end, site.peak, Seconds(site.peak_at), site.is_within_capacity());
}

std::string ServiceJson(const simulate::ServiceReport& service) {
  const bool is_recovery = !service.active.empty();
  return Format(
      "{{\"name\":{},\"mode\":{},\"sessions\":{},\"broken\":{},\"moved\":{},\"retried\":{},"
      "\"held\":{},\"lost\":{},\"longest_wait\":{},\"refused\":{},\"active\":{},\"state\":{},"
      "\"epoch\":{}}}",
      JsonQuote(service.name), JsonQuote(service.mode), service.started, service.broken,
      service.moved, service.retried, service.held, service.lost, Seconds(service.longest_wait),
      Counts(service.refused), is_recovery ? JsonQuote(service.active) : "null",
      is_recovery ? JsonQuote(service.state) : "null",
      is_recovery ? Format("{}", service.epoch) : "null");
}

std::string MoveJson(const simulate::MoveReport& move, MonotonicTime start) {
  const failover::Timeline& line = move.timeline;
  const auto at = [&](const std::optional<failover::Instant>& instant) {
    return instant ? Seconds(instant->monotonic - start) : std::string("null");
  };
  return Format(
      "{{\"service\":{},\"from\":{},\"to\":{},\"epoch\":{},\"cause\":{},\"author\":{},"
      "\"first_error\":{},\"detected\":{},\"decided\":{},\"persisted\":{},\"first_success\":{},"
      "\"drained\":{},\"sessions_moved\":{},\"requests_lost\":{},\"lag_at_risk\":{},\"why\":{}}}",
      JsonQuote(move.service), JsonQuote(line.from), JsonQuote(line.to), line.epoch,
      JsonQuote(failover::Name(line.cause)), JsonQuote(line.author), at(line.first_error),
      at(line.detected), at(line.decided), at(line.persisted), at(line.first_success),
      at(line.drained), line.sessions_moved, line.requests_lost, Seconds(move.lag_at_risk),
      JsonQuote(line.why));
}

std::string RecoveryJson(const simulate::RecoveryOutlook& outlook) {
  return Format(
      "{{\"service\":{},\"active_before\":{},\"active_after\":{},\"state\":{},\"moved_after\":{},"
      "\"lag_at_risk\":{},\"why\":{},\"gates\":{},\"next\":{}}}",
      JsonQuote(outlook.service), JsonQuote(outlook.active_before), JsonQuote(outlook.active_after),
      JsonQuote(outlook.state), outlook.moved_after ? Seconds(*outlook.moved_after) : "null",
      outlook.lag_at_risk ? Seconds(*outlook.lag_at_risk) : "null", JsonQuote(outlook.why),
      JsonArray(outlook.gates), JsonQuote(outlook.next));
}

}  // namespace

std::string ToJson(const simulate::Report& report) {
  return Format(
      "{{\"seed\":{},\"duration\":{},\"passed\":{},\"expectations\":{},\"failures\":{},"
      "\"timeline\":{},\"samples\":{},\"sites\":{},\"services\":{},\"moves\":{}}}",
      report.seed, Seconds(report.duration), report.passed(), report.expectations,
      JsonArray(report.failures), Array(report.moments, MomentJson),
      Array(report.samples, SampleJson), Array(report.sites, SiteJson),
      Array(report.services, ServiceJson),
      Array(report.moves, [&](const auto& move) { return MoveJson(move, report.start); }));
}

std::string ToJson(const simulate::WhatIfReport& report) {
  const auto flow_json = [](const simulate::Flow& flow) {
    const auto site = [](const std::string& name) {
      return name.empty() ? std::string("null") : JsonQuote(name);
    };
    return Format("{{\"clients\":{},\"service\":{},\"sessions\":{},\"before\":{},\"after\":{}}}",
                  JsonQuote(flow.clients), JsonQuote(flow.service), flow.sessions,
                  site(flow.before), site(flow.after));
  };
  const auto site_json = [](const simulate::SiteLoad& site) {
    return Format(
        "{{\"name\":{},\"region\":{},\"state\":{},\"capacity\":{},\"before\":{},\"after\":{}}}",
        JsonQuote(site.name), JsonQuote(site.region), JsonQuote(site.state), Number(site.capacity),
        site.before, site.after);
  };
  return Format(
      "{{\"holds\":{},\"down\":{},\"population\":{},\"load\":{},\"sessions_before\":{},"
      "\"sessions_after\":{},\"detected_after\":{},\"unserved\":{},\"over_capacity\":{},"
      "\"sites\":{},\"flows\":{},\"recoveries\":{}}}",
      report.holds(), JsonArray(report.down), JsonQuote(report.population), JsonQuote(report.load),
      report.sessions_before, report.sessions_after, Seconds(report.detected_after),
      Counts(report.unserved), JsonArray(report.over_capacity), Array(report.sites, site_json),
      Array(report.flows, flow_json), Array(report.recoveries, RecoveryJson));
}

}  // namespace meridian::app
