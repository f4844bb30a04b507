// A process to administer, for tests: one small configuration, a registry, and calls taken down.
#pragma once

#include <gtest/gtest.h>
#include <meridian/admin/control.h>
#include <testing/manual_clock.h>

#include <memory>
#include <string>
#include <vector>

namespace meridian::admin {

inline constexpr std::string_view kYaml = R"(
health_checks:
  port: {type: tcp}
regions:
  us-east:
    sites:
      atlanta:
        latitude: 33.749
        longitude: -84.388
        country: US
        continent: NA
        capacity: 20000
        services: {web: [10.1.0.11:8080, 10.1.0.12:8080]}
  us-south:
    sites:
      dallas:
        latitude: 32.78
        longitude: -96.80
        country: US
        continent: NA
        services: {web: ["10.2.0.11:8080"]}
services:
  web:
    health_check: port
    rules:
      - {match: {header: {X-Api-Key: hunter2}}, sites: [dallas]}
geo:
  networks:
    10.20.0.0/16: {latitude: 32.78, longitude: -96.80, country: US, continent: NA}
listeners:
  app: {bind: "127.0.0.1:0", protocol: http, service: web}
)";

class FakeControl final : public Control {
 public:
  FakeControl() {
    config::Loaded loaded = config::LoadText(kYaml, "test.yaml");
    for (const config::Diagnostic& diagnostic : loaded.diagnostics) {
      if (diagnostic.severity == config::Diagnostic::Severity::kError) {
        ADD_FAILURE() << diagnostic.ToString();
      }
    }
    snapshot_ = snapshot::Compile(std::move(*loaded.config), 12, registry_, keys_).snapshot;
    for (const routing::Endpoint& endpoint : snapshot_->table->endpoints()) {
      registry_.SetProbe(*endpoint.health, health::Probe::kUp, clock.Now());
    }
    given_status.version = "0.1.0";
    given_status.pid = 4711;
    given_status.state = "serving";
    given_status.generation = 12;
    given_status.started = clock.WallNow() - std::chrono::hours(3);
    given_status.loaded = clock.WallNow() - std::chrono::minutes(4);
    given_status.config_file = "/etc/meridian/meridian.yaml";
    given_status.workers = 2;
    given_status.reloads = 3;
    given_status.reloads_refused = 1;
    given_status.listeners = {{"app", "127.0.0.1:8080"}};
  }

  WallTime WallNow() const override { return clock.WallNow(); }
  MonotonicTime Now() const override { return clock.Now(); }
  uint64_t Draw() override { return 42; }
  snapshot::SnapshotPtr snapshot() const override { return snapshot_; }
  health::Registry& registry() override { return registry_; }
  ProcessStatus status() const override { return given_status; }
  uint64_t active(std::string_view service, std::string_view site) const override {
    return site.empty() ? 1204 : site == "atlanta" && service != "none" ? 1000 : 204;
  }
  DrainState drain(const std::string&) const override { return {88, 3.14}; }
  void Collect(MetricSink& sink) override {
    sink.Count("meridian_requests_total", "Requests.", {{"service", "web"}}, 5);
  }
  EventLog& events() override { return events_; }
  void Happen(const std::string& text) {
    Event event;
    event.kind = "process";
    event.text = text;
    events_.Add(clock.WallNow(), std::move(event));
  }
  void Reload(bool force, std::function<void(ReloadResult)> done) override {
    forced = force;
    reloading = std::move(done);
  }
  Result<void> SetIntent(const std::string& target, const health::IntentRecord& record) override {
    if (disk_full) return Fail(ErrorCode::kIo, "state file", 28);
    registry_.SetIntent(target, record, clock.Now());
    return {};
  }
  const failover::Controller* recovery(std::string_view) const override { return controller.get(); }
  Result<void> Recover(std::string_view service, const RecoveryCommand& command) override {
    commands.emplace_back(service, command);
    if (refusal) return tl::unexpected<Error>(*refusal);
    return {};
  }
  void WhatIf(const WhatIfRequest& request, WhatIfDone done) override {
    done(request.down.empty() ? WhatIfResult{400, "down: nothing"}
                              : WhatIfResult{200, "{\"down\":\"" + request.down[0] + "\"}"});
  }
  void Stop(bool now) override { stops.push_back(now); }

  health::EndpointHealth& EndpointAt(std::string_view address) {
    for (const routing::Endpoint& endpoint : snapshot_->table->endpoints()) {
      if (endpoint.address_text == address) return *endpoint.health;
    }
    ADD_FAILURE() << address;
    return *snapshot_->table->endpoints()[0].health;
  }

  fakes::ManualClock clock;
  ProcessStatus given_status;
  std::function<void(ReloadResult)> reloading;
  bool forced = false, disk_full = false;
  std::vector<bool> stops;
  std::unique_ptr<failover::Controller> controller;
  std::vector<std::pair<std::string, RecoveryCommand>> commands;
  std::optional<Error> refusal;

 private:
  health::Registry registry_;
  EventLog events_{clock.WallNow()};
  snapshot::Keys keys_;
  snapshot::SnapshotPtr snapshot_;
};

}  // namespace meridian::admin
