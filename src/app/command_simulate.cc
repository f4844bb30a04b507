// meridian simulate: a scenario played in virtual time on a configuration.
#include <meridian/admin/json.h>
#include <meridian/base/format.h>
#include <meridian/base/text.h>
#include <meridian/config/scenario.h>
#include <meridian/resolve/members.h>
#include <meridian/simulate/simulate.h>

#include <cstdio>

#include "check_report.h"
#include "commands.h"
#include "live_call.h"
#include "simulate_json.h"

namespace meridian::app {
namespace {

constexpr const char* kHelp =
    "Plays load, failures, drains, lag and operators' orders on the configuration, by the very\n"
    "code that routes and fails over, on a clock of its own: no socket is opened, nothing is\n"
    "written. Prints what happened and when, the sessions at each site, what was lost, each move\n"
    "of a disaster-recovery service. The same inputs and seed give the same output.\n"
    "Exit status 1 if something the scenario expects does not hold.\n"
    "What a scenario may say: the files in conf/scenarios show most of it.\n"
    "Example: meridian simulate -c conf/active-active.yaml --scenario "
    "conf/scenarios/region-loss.yaml";

void PrintDiagnostics(const std::vector<config::Diagnostic>& diagnostics) {
  for (const config::Diagnostic& diagnostic : diagnostics) {
    std::fprintf(stderr, "%s\n", diagnostic.ToString().c_str());
  }
}

}  // namespace

void NoteNames(size_t names) {
  if (names == 0) return;
  std::fprintf(stderr,
               "note: names are not looked up here; each of the %zu stands for one endpoint, such "
               "as 198.18.0.1\n",
               names);
}

std::optional<config::Config> LoadToPlay(const std::string& file) {
  config::Loaded loaded = config::LoadFile(file);
  if (loaded.config) {
    NoteNames(resolve::StandIn(loaded.config->topology));
    return std::move(loaded.config);
  }
  PrintDiagnostics(loaded.diagnostics);
  return std::nullopt;
}

int SimulateCommand(const Command& self, Arguments arguments) {
  std::string file, scenario_file, seed_text = "1";
  bool json = false;
  CommandLine line(self.name, self.summary, kHelp);
  line.Option("-c,--config", file, "FILE", "the configuration", CommandLine::Need::kRequired);
  line.Option("--scenario", scenario_file, "FILE", "what happens", CommandLine::Need::kRequired);
  line.Option("--seed", seed_text, "N", "of all that is random (default 1)");
  line.Flag("--json", json, "the report as one JSON object");
  if (const auto status = line.Parse(arguments)) return *status;
  const auto seed = ParseUnsigned(seed_text);
  if (!seed) {
    std::fprintf(stderr, "meridian simulate: --seed: '%s' is not a number\n", seed_text.c_str());
    return kUsage;
  }
  const std::optional<config::Config> config = LoadToPlay(file);
  if (!config) return kFailed;
  const config::LoadedScenario loaded = config::LoadScenario(scenario_file, *config);
  PrintDiagnostics(loaded.diagnostics);
  if (!loaded.scenario) return kFailed;
  const simulate::Outcome outcome = simulate::Run(*config, *loaded.scenario, *seed);
  for (const std::string& error : outcome.errors) {
    std::fprintf(stderr, "%s: error: %s\n", file.c_str(), error.c_str());
  }
  if (!outcome.report) return kFailed;
  PrintText(json ? ToJson(*outcome.report) : simulate::Describe(*outcome.report, ColorOutput()));
  return outcome.report->passed() ? kDone : kFailed;
}

}  // namespace meridian::app
