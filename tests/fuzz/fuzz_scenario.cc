// Scenario texts of arbitrary bytes, for a small configuration. Holds: loading ends, with a
// scenario or with at least one error, never both or neither; steps are in order of time and name
// only what is there; and the same text tells the same again.
#include <meridian/base/check.h>
#include <meridian/config/scenario.h>

#include <string>
#include <string_view>

#include "fuzz/target.h"

namespace meridian::config {
namespace {

const Config& Base() {
  static const Config config = [] {
    const Loaded loaded = LoadText(
        "regions: {r: {sites: {\n"
        "  a: {latitude: 1, longitude: 1, services: {web: [\"10.0.0.1:80\"]}},\n"
        "  b: {latitude: 2, longitude: 2, services: {web: [\"10.0.0.3:80\"]}}}}}\n"
        "listeners: {l: {bind: \"0.0.0.0:80\", service: web}}\n"
        "services: {web: {}}\n",
        "m.yaml", [](std::string_view) { return std::optional<std::string>(); });
    MERIDIAN_CHECK(loaded.config.has_value());
    return *loaded.config;
  }();
  return config;
}

std::string Told(std::string_view text) {
  const LoadedScenario loaded = LoadScenarioText(text, "fuzz.yaml", Base());
  MERIDIAN_CHECK(loaded.scenario.has_value() == loaded.diagnostics.empty());
  std::string told;
  for (const Diagnostic& diagnostic : loaded.diagnostics) {
    MERIDIAN_CHECK(!diagnostic.message.empty());
    told += diagnostic.ToString() + "\n";
  }
  if (!loaded.scenario) return told;
  Duration last{};
  for (const Step& step : loaded.scenario->steps) {
    MERIDIAN_CHECK(step.at >= last && step.at <= loaded.scenario->duration);
    last = step.at;
    for (const std::string& target : step.down) {
      MERIDIAN_CHECK(!FindTargets(Base(), target).empty());
    }
  }
  for (const Load& load : loaded.scenario->load) {
    MERIDIAN_CHECK(load.clients.has_value() != load.place.has_value());
  }
  return told;
}

}  // namespace
}  // namespace meridian::config

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  MERIDIAN_CHECK(meridian::config::Told(text) == meridian::config::Told(text));
  return 0;
}
