// See state_metrics.h. A state is a label with the value 1 for the state that holds, so that a
// change is seen as one series ending and another beginning.
#include "admin/state_metrics.h"

#include "admin/process_usage.h"
#include "admin/recovery_json.h"
#include "admin/topology_state.h"

namespace meridian::admin {
namespace {

double EpochSeconds(WallTime time) {
  return static_cast<double>(time.time_since_epoch() / std::chrono::milliseconds(1)) / 1000;
}

void CollectProcess(const ProcessStatus& status, MetricSink& sink) {
  sink.Gauge("meridian_build_info", "The program's version.", {{"version", status.version}}, 1);
  sink.Gauge("meridian_generation", "The running configuration's number.", {},
             static_cast<double>(status.generation));
  sink.Gauge("meridian_config_loaded_timestamp_seconds", "When it was loaded.", {},
             EpochSeconds(status.loaded));
  constexpr const char* kHelp = "Reloads of the configuration by outcome.";
  sink.Count("meridian_reloads_total", kHelp, {{"result", "success"}}, status.reloads);
  sink.Count("meridian_reloads_total", kHelp, {{"result", "failure"}}, status.reloads_refused);
  sink.Gauge("meridian_ready", "1 while new clients are accepted.", {},
             status.state == "serving" ? 1 : 0);
  const ProcessUsage usage = ProcessUsage::Read();
  sink.Gauge("meridian_process_resident_memory_bytes", "Resident memory.", {},
             static_cast<double>(usage.resident_bytes));
  sink.Gauge("meridian_process_virtual_memory_bytes", "Virtual memory.", {},
             static_cast<double>(usage.virtual_bytes));
  sink.Gauge("meridian_process_open_fds", "Open file descriptors.", {},
             static_cast<double>(usage.open_descriptors));
  sink.Gauge("meridian_process_max_fds", "The limit of open file descriptors.", {},
             static_cast<double>(usage.max_descriptors));
  sink.Gauge("meridian_process_threads", "Threads.", {}, static_cast<double>(usage.threads));
  // Ticks of a hundredth of a second: a gauge by type, since counters here are whole numbers.
  sink.Gauge("meridian_process_cpu_seconds", "User and system CPU time since the start.", {},
             usage.cpu_seconds);
  sink.Gauge("meridian_process_start_time_seconds", "When the process started.", {},
             usage.start_time_seconds);
}

void CollectEndpoints(const routing::Table& table, MetricSink& sink) {
  for (const routing::Endpoint& endpoint : table.endpoints()) {
    const std::string& service = table.service(endpoint.service).name;
    const std::string& site = table.site(endpoint.site).name;
    const Labels place = {
        {"service", service}, {"site", site}, {"endpoint", endpoint.address_text}};
    const health::State state = endpoint.health->state();
    sink.Gauge("meridian_endpoint_up", "1 while the endpoint takes new sessions.", place,
               endpoint.health->takes_new() ? 1 : 0);
    sink.Gauge("meridian_endpoint_state", "1 for the state the endpoint is in.",
               {{"service", service},
                {"site", site},
                {"endpoint", endpoint.address_text},
                {"state", health::Name(state)}},
               1);
    if (const WallTime expires = endpoint.health->certificate_expires(); expires != WallTime{}) {
      sink.Gauge("meridian_endpoint_certificate_expiry_timestamp_seconds",
                 "When the first of the certificates that the endpoint's TLS check is shown "
                 "expires.",
                 place, EpochSeconds(expires));
    }
    if (endpoint.health->facts().agent != health::Agent::kNone) {
      sink.Gauge("meridian_endpoint_agent_share",
                 "The share of its weight that the endpoint's agent gives it, 0.01 to 1.", place,
                 endpoint.health->agent_share() / 100.0);
    }
    sink.Gauge("meridian_endpoint_in_flight", "Requests and sessions at the endpoint.", place,
               endpoint.health->in_flight());
  }
}

void CollectServices(const routing::Table& table, MetricSink& sink) {
  for (uint32_t i = 0; i < table.services().size(); ++i) {
    const ServiceId service{i};
    const std::string& name = table.service(service).name;
    for (const SiteId id : table.SitesOf(service)) {
      const health::State state = table.SiteState(service, id);
      const std::string& site = table.site(id).name;
      const bool usable = state == health::State::kUp || state == health::State::kDegraded;
      sink.Gauge("meridian_site_up", "1 while the site takes new sessions of the service.",
                 {{"service", name}, {"site", site}}, usable ? 1 : 0);
      sink.Gauge("meridian_site_state", "1 for the state the site is in for the service.",
                 {{"service", name}, {"site", site}, {"state", health::Name(state)}}, 1);
    }
    const size_t usable = UsableSites(table, service);
    sink.Gauge("meridian_redundancy", "Usable sites of the service less one; -1: none is usable.",
               {{"service", name}}, static_cast<double>(usable) - 1);
  }
}

void CollectRoundTrips(const routing::Table& table, MetricSink& sink) {
  for (const routing::Site& site : table.sites()) {
    const health::RoundTrip& round_trip = site.health->round_trip;
    if (round_trip.average() == Duration(0)) continue;
    constexpr const char* kHelp =
        "Round trip to the site: the moving average, and the steadier value that latency steering "
        "goes by.";
    const auto seconds = [](Duration time) { return std::chrono::duration<double>(time).count(); };
    sink.Gauge("meridian_site_round_trip_seconds", kHelp,
               {{"site", site.name}, {"value", "average"}}, seconds(round_trip.average()));
    sink.Gauge("meridian_site_round_trip_seconds", kHelp,
               {{"site", site.name}, {"value", "steering"}}, seconds(round_trip.published()));
  }
}

void CollectIntents(Control& control, MetricSink& sink) {
  uint64_t drains = 0, outs = 0;
  for (const auto& [target, record] : control.registry().Intents()) {
    ++(record.intent == health::Intent::kOut ? outs : drains);
    sink.Gauge("meridian_drain_sessions", "Requests and sessions left at what is drained or out.",
               {{"target", target}}, static_cast<double>(control.drain(target).sessions));
  }
  constexpr const char* kHelp = "Operators' intents in force.";
  sink.Gauge("meridian_drains", kHelp, {{"intent", "drain"}}, static_cast<double>(drains));
  sink.Gauge("meridian_drains", kHelp, {{"intent", "out"}}, static_cast<double>(outs));
}

}  // namespace

void CollectState(Control& control, MetricSink& sink) {
  CollectProcess(control.status(), sink);
  const snapshot::SnapshotPtr snapshot = control.snapshot();
  CollectEndpoints(*snapshot->table, sink);
  CollectServices(*snapshot->table, sink);
  CollectRoundTrips(*snapshot->table, sink);
  CollectIntents(control, sink);
  for (const topology::Service& service : snapshot->table->services()) {
    const failover::Controller* controller = control.recovery(service.name);
    if (controller != nullptr) CollectRecovery(*controller, sink);
  }
}

}  // namespace meridian::admin
