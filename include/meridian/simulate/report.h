// What a run in virtual time has shown: what happened and when, where the sessions were, what was
// lost. Values. Times are counted from the start of the scenario.
#pragma once

#include <meridian/base/time.h>
#include <meridian/failover/view.h>
#include <meridian/net/address.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace meridian::simulate {

enum class Kind : uint8_t {
  kStep,      // the scenario
  kHealth,    // a site's state, as Meridian sees it
  kFailover,  // a disaster-recovery service's controller
  kTraffic,   // tries refused
  kCapacity,  // a site is full, or no longer
  kExpect,    // what should hold, and whether it does
};
const char* Name(Kind kind);

struct Moment {
  Duration at{};
  Kind kind = Kind::kStep;
  std::string text;
  bool is_bad = false;  // to stand out
};

// Sessions at one time.
struct Sample {
  Duration at{};
  std::vector<uint64_t> sessions;  // by site
  uint64_t unserved = 0;           // begun, and nowhere at the moment
  bool is_marked = false;          // at a step
};

struct SiteReport {
  std::string name, region;
  std::optional<uint64_t> capacity;
  uint64_t at_start = 0, at_end = 0, peak = 0;
  Duration peak_at{};

  bool is_within_capacity() const { return !capacity || peak <= *capacity; }
};

struct ServiceReport {
  std::string name, mode;
  uint64_t started = 0;     // sessions, those that the scenario begins with included
  uint64_t broken = 0;      // their endpoint failed, or was taken from them
  uint64_t moved = 0;       // went on at another site
  uint64_t retried = 0;     // attempts in vain that the next candidate made good
  uint64_t held = 0;        // tries that waited for a planned switch
  uint64_t lost = 0;        // sessions that ended while nothing served them
  Duration longest_wait{};  // of one session, without being served
  std::vector<std::pair<std::string, uint64_t>> refused;  // tries, by reason
  // Of disaster recovery, at the end.
  std::string active, state;
  uint64_t epoch = 0;

  uint64_t refusals() const;
};

// A move of the active role, with what it put at risk.
struct MoveReport {
  std::string service;
  failover::Timeline timeline;
  Duration lag_at_risk{};  // how far the new active site truly was behind; zero: nothing was lost
};

struct Report {
  MonotonicTime start{};  // of the timelines' clock
  Duration duration{};
  uint64_t seed = 0;
  std::vector<Moment> moments;
  std::vector<Sample> samples;
  std::vector<SiteReport> sites;
  std::vector<ServiceReport> services;
  std::vector<MoveReport> moves;
  std::vector<std::string> failures;  // expectations that did not hold, one sentence each
  uint64_t expectations = 0;
  uint64_t dropped_moments = 0;

  bool passed() const { return failures.empty(); }
};

// Where one of what-if's clients was and would be; `sessions` of them alike.
struct Placement {
  net::IpAddress client;
  uint32_t service = 0;  // index in WhatIfReport::services
  uint64_t sessions = 1;
  std::string before, after;  // sites; empty: none
};

// Clients of one place that go the same way.
struct Flow {
  std::string clients;  // "US", "GB", "unknown place"
  std::string service, before, after;
  uint64_t sessions = 0;
};

struct SiteLoad {
  std::string name, region;
  std::optional<uint64_t> capacity;
  uint64_t before = 0, after = 0;
  std::string state;  // after; the worst of its services
};

// One disaster-recovery service in the face of the question.
struct RecoveryOutlook {
  std::string service, active_before, active_after, state;
  std::optional<Duration> moved_after;  // from the failure; empty: it does not move
  std::vector<std::string> gates;       // of each other site, in the words of failover
  std::string next;                     // what comes next, in one sentence
  std::optional<Duration> lag_at_risk;  // of the move
  std::string why;                      // active_after rather than another; empty: no other could
};

struct WhatIfReport {
  std::vector<std::string> down;
  std::string population;  // who the clients are, in one sentence
  std::string load;        // how many sessions, and why so many
  uint64_t sessions_before = 0, sessions_after = 0;
  Duration detected_after{};  // by the active checks alone; zero: nothing is down
  std::vector<std::string> services;
  std::vector<SiteLoad> sites;
  std::vector<Flow> flows;
  std::vector<RecoveryOutlook> recoveries;
  std::vector<Placement> placements;
  std::vector<std::pair<std::string, uint64_t>> unserved;  // sessions without a site, by reason
  std::vector<std::string> over_capacity;                  // sites

  bool holds() const { return unserved.empty() && over_capacity.empty(); }
};

}  // namespace meridian::simulate
