// The honest worst case: how long a dead site can hurt clients of one service, as `check` prints
// it. Pure functions of the configuration.
//
// A site dies just after a good check. Its death shows as refused connects (the machines live), or
// as silence (a black hole: nothing comes back at all).
//
//   by checks, refused:  I' + (fall − 1) × F'              a check fails as soon as it starts
//   by checks, silent:   I' + (fall − 1) × max(F', T) + T   each fails after its timeout T
//     with I' = interval + 10 % jitter, F' = fast_interval + 10 %, starts being I' or F' apart
//   a new client, refused: 0, the next candidate is tried at once
//   a new client, silent: the site's endpoints are raced one after the other, at most four at once
//     and each for at most C = timeouts.connect, so with E endpoints at the largest site
//     ⌊E / 4⌋ × C + (E mod 4) × R,  R = race_after, or 500 ms where it is auto (its upper bound)
//
//   disaster recovery: the checks as above, then max(failover.after, S) until what standbys tell is
//     from after the failure, then D until the decision is on disk and in force
//     with S = V + T, and at least 3 × V with several standbys: a silent one is waited for so long;
//     V = interval and T = timeout of the replication check, D = 200 ms (two ticks)
//
// Deciding is one atomic read (0 s), and the first client that pays makes the site suspect for all.
#pragma once

#include <meridian/base/time.h>
#include <meridian/topology/topology.h>

#include <optional>
#include <string>

namespace meridian::app {

struct WorstCase {
  // Until no new session goes there by the checks alone; empty without checks.
  std::optional<Duration> checks_refused, checks_silent;
  // What one new client waits, besides the connect to the site that lives.
  Duration client_refused{}, client_silent{};
  // Until a standby is active; empty: nothing fails over by itself.
  std::optional<Duration> failover_refused, failover_silent;
  uint64_t sites = 0;      // that offer it and may serve
  uint64_t endpoints = 0;  // at the largest of them
};

WorstCase ComputeWorstCase(const topology::Topology& topology, const topology::Service& service);

// "1.5 s", "0 s", "250 ms".
std::string FormatSeconds(Duration duration);

}  // namespace meridian::app
