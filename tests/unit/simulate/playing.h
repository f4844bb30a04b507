// What the tests of simulate share: configurations and scenarios from text.
#pragma once

#include <meridian/base/format.h>
#include <meridian/config/scenario.h>
#include <meridian/simulate/simulate.h>

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>

namespace meridian::simulate {

// Three sites of two endpoints each, with 100 sessions of capacity; clients near a and near c.
inline constexpr std::string_view kThreeSites = R"(
geo:
  networks:
    10.1.0.0/16: {latitude: 10, longitude: 0, country: FR, continent: EU}
    10.3.0.0/16: {latitude: 10, longitude: 60, country: JP, continent: AS}
health_checks: {ready: {type: tcp, interval: 2s, fast_interval: 500ms, timeout: 1s, rise: 2, fall: 3}}
regions:
  west:
    sites:
      a: {latitude: 10, longitude: 0, capacity: 100, services: {web: ["10.9.1.1:80", "10.9.1.2:80"]}}
      b: {latitude: 10, longitude: 20, capacity: 100, services: {web: ["10.9.2.1:80", "10.9.2.2:80"]}}
  east:
    sites:
      c: {latitude: 10, longitude: 60, capacity: 100, services: {web: ["10.9.3.1:80", "10.9.3.2:80"]}}
services: {web: {health_check: ready}}
listeners: {l: {bind: "0.0.0.0:80", service: web}}
)";

inline config::Config ConfigOf(std::string_view yaml) {
  config::Loaded loaded = config::LoadText(
      yaml, "m.yaml", [](std::string_view) { return std::optional<std::string>(); });
  for (const config::Diagnostic& diagnostic : loaded.diagnostics) {
    if (!loaded.config) ADD_FAILURE() << diagnostic.ToString();
  }
  return loaded.config.value_or(config::Config{});
}

inline Report Play(std::string_view config_yaml, std::string_view scenario_yaml,
                   uint64_t seed = 1) {
  const config::Config config = ConfigOf(config_yaml);
  const config::LoadedScenario loaded = config::LoadScenarioText(scenario_yaml, "s.yaml", config);
  for (const config::Diagnostic& diagnostic : loaded.diagnostics) {
    ADD_FAILURE() << diagnostic.ToString();
  }
  if (!loaded.scenario) return {};
  Outcome outcome = Run(config, *loaded.scenario, seed);
  for (const std::string& error : outcome.errors) ADD_FAILURE() << error;
  if (!outcome.report) return {};
  for (const std::string& failure : outcome.report->failures) ADD_FAILURE() << failure;
  return std::move(*outcome.report);
}

// The first moment whose text holds `part`; fails the test if there is none.
inline Moment Find(const Report& report, std::string_view part) {
  std::string all;
  for (const Moment& moment : report.moments) {
    if (moment.text.find(part) != std::string::npos) return moment;
    all += moment.text + "\n";
  }
  ADD_FAILURE() << "nothing tells of '" << part << "' in\n" << all;
  return {};
}

}  // namespace meridian::simulate
