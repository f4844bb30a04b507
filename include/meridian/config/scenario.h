// A scenario for `meridian simulate`: who comes, what fails and when, what should then hold. Read
// from YAML by the same rules as a configuration (one table of keys, all mistakes at once, each
// with its place), and checked against the configuration it is played on: every site, region and
// service it names is there. Values; made only by LoadScenario.
#pragma once

#include <meridian/config/config.h>
#include <meridian/config/load.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace meridian::config {

// A stream of sessions from one place.
struct Load {
  std::string name;  // for people
  std::string service;
  // One of both: an address block that the configuration locates, or a place of its own.
  std::optional<net::Prefix> clients;
  std::optional<Place> place;
  double rate = 0;     // new sessions a second
  Duration session{};  // how long each lasts
  double reads = 0;    // share of the sessions that only read

  bool operator==(const Load&) const = default;
};

// What a number must be within, both ends included. Shares are of 1, durations in seconds.
struct Range {
  double least = 0, most = 0;

  bool Holds(double value) const { return value >= least && value <= most; }
  bool operator==(const Range&) const = default;
};

// What should hold at its time. Empty fields ask nothing.
struct Expectation {
  std::string where;    // "drill.yaml:31", to say which failed
  std::string text;     // as people read it: "billing active dallas, state failed-over"
  std::string service;  // empty: all together
  std::string site;     // empty: all together
  std::string active;   // the active site of a disaster-recovery service
  std::string state;    // of the service's disaster recovery, or with a site that site's health
  std::optional<Range> epoch;
  std::optional<Range> sessions, share;  // now; at the site, or of the service
  std::optional<Range> peak;             // sessions at the site since the start ÷ its capacity
  std::optional<Range> refused, lost;    // since the start
  std::optional<Range> at_risk;          // writes, by the last move: seconds of lag

  bool operator==(const Expectation&) const = default;
};

struct FailoverStep {
  std::string service, to;  // `to` empty: the first whose gate is open
  bool force = false;

  bool operator==(const FailoverStep&) const = default;
};

struct AutomationStep {
  bool on = true;
  std::string service;  // empty: all

  bool operator==(const AutomationStep&) const = default;
};

inline constexpr std::string_view kMeridian = "meridian";  // one end of a partition

// All that happens at one time, in this order.
struct Step {
  Duration at{};
  std::vector<std::string> down, up;  // regions, sites, site/endpoint
  // Two sites, or "meridian" and a site.
  std::optional<std::pair<std::string, std::string>> partition, heal;
  std::vector<std::pair<std::string, Duration>> lag;       // by site; also ends its growth
  std::vector<std::pair<std::string, double>> lag_growth;  // seconds a second
  std::vector<std::string> drain, undrain;
  std::optional<Duration> deadline;  // of the drain
  std::optional<double> rate;        // times what `load` says, from now on
  std::optional<FailoverStep> failover;
  std::string failback, acknowledge;  // a service
  std::optional<AutomationStep> automation;
  std::vector<Expectation> expect;

  bool operator==(const Step&) const = default;
};

struct Scenario {
  Duration duration{};
  std::vector<Load> load;
  std::vector<Step> steps;  // by time

  bool operator==(const Scenario&) const = default;
};

struct LoadedScenario {
  std::optional<Scenario> scenario;  // present when there is no error
  std::vector<Diagnostic> diagnostics;
};

// Errors are diagnostics; never throws. `config` is what it will be played on.
LoadedScenario LoadScenario(const std::string& path, const Config& config);
LoadedScenario LoadScenarioText(std::string_view yaml, const std::string& name,
                                const Config& config);

// Which sites and endpoints "region", "site" or "site/address" names. Empty: none.
struct Target {
  std::string site;
  std::string address;  // empty: the whole site
};
std::vector<Target> FindTargets(const Config& config, std::string_view name);
// "'eu-wst' is not a region, site or endpoint; did you mean 'eu-west'?"
std::string NoTarget(const Config& config, std::string_view name);

}  // namespace meridian::config
