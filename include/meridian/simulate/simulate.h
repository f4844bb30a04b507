// What-if in virtual time: the engine as the daemon runs it (routing's tables and walk, the health
// registry, failover's controllers) over modelled checks, traffic and replication, on a clock that
// only the simulation moves. No sockets, no files but those the configuration names, no threads;
// the same inputs give the same report.
#pragma once

#include <meridian/config/scenario.h>
#include <meridian/simulate/report.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace meridian::simulate {

// Errors: why the configuration cannot be compiled, for people.
struct Outcome {
  std::optional<Report> report;
  std::vector<std::string> errors;
};

// Plays the scenario, which was loaded for this configuration.
Outcome Run(const config::Config& config, const config::Scenario& scenario, uint64_t seed);

struct Question {
  std::vector<std::string> down = {};                      // regions, sites, site/endpoints
  std::vector<std::pair<std::string, Duration>> lag = {};  // replication, by site
  double rate = 1;                                         // of the load, when they are down
  std::string service = {};                                // empty: all
  std::optional<uint64_t> sessions = {};                   // at once, all services; empty: chosen
};

struct Answer {
  std::optional<WhatIfReport> report;
  std::vector<std::string> errors;
};

// Precondition: all that the question names is in the configuration (config::FindTargets).
Answer WhatIf(const config::Config& config, const Question& question);

// For people: aligned, at most 100 columns; colour if asked for.
std::string Describe(const Report& report, bool color);
std::string Describe(const WhatIfReport& report, bool color);

}  // namespace meridian::simulate
