// Explain: the decision for one client together with every site, its distance, state and the step
// that dropped it. It runs Walk itself with a Trace attached, so it cannot disagree with what is
// routed. For people; allocates.
#pragma once

#include <meridian/routing/decide.h>

#include <optional>
#include <string>
#include <vector>

namespace meridian::routing {

enum class Step : uint8_t {
  kNone,
  kFence,
  kMode,
  kSession,
  kSteering,
  kHealth,
  kCapacity,
  kEndpoint
};
const char* Name(Step step);

struct SiteVerdict {
  SiteId site;
  std::string name;
  std::optional<double> distance_km;  // empty: the client's place is unknown
  Duration latency{};                 // the published round trip; zero: not measured
  health::State state = health::State::kDown;
  uint64_t sessions = 0, capacity = UINT64_MAX;
  Step dropped_by = Step::kNone;  // kNone: chosen or still in the order
  int rank = -1;                  // place in this client's order; 0: first; −1: not in it
  // When the walk comes to it, were all before it tried in vain; 0: the choice; −1: never. A full
  // site's clients are shared among the next ones, so turns need not follow ranks.
  int turn = -1;
  bool chosen = false;
  // For people: "chosen: nearest, endpoint 10.3.0.12:8080 (least connections)", "next: if paris
  // fails", "no new sessions: drained by ops, 4m12s left", "fenced: rule 1 keeps GB in [paris,
  // frankfurt]".
  std::string verdict;
};

struct Explanation {
  std::string client;    // the address
  std::string location;  // "London, GB (GeoLite2-City, /24)", "unknown (in no database or network)"
  std::string service, mode, steering;
  std::vector<SiteVerdict> sites;  // in this client's order, then the dropped ones by distance
  std::optional<Choice> choice;
  std::string endpoint;  // of the choice: its address
  NoChoice why = NoChoice::kNone;
  Pin pin = Pin::kNone;
};

Explanation Explain(const Table& table, const Query& query, WallTime now);

}  // namespace meridian::routing
