// The active checks, modelled: asked when the probe room would ask them, answered by nature, and
// made into verdicts by the same counts of rise and fall. A good answer comes after a millisecond,
// none after the check's timeout. Also remembers when each endpoint's trouble began.
#pragma once

#include <meridian/health/health.h>
#include <meridian/health/verdict.h>
#include <meridian/net/random.h>
#include <meridian/snapshot/snapshot.h>

#include <optional>
#include <unordered_map>
#include <vector>

#include "simulate/agenda.h"
#include "simulate/nature.h"

namespace meridian::simulate {

class Checks {
 public:
  Checks(Agenda& agenda, net::Random& random, health::Registry& registry,
         const snapshot::Snapshot& snapshot, const Nature& nature);

  // Asks at once, unless it was asked just now: traffic has seen a failure.
  void Recheck(const health::EndpointHealth& endpoint);
  // An attempt in vain, by a check or by traffic.
  void NoteError(const health::EndpointHealth& endpoint);
  // When the trouble began that keeps this endpoint down; empty: none.
  std::optional<MonotonicTime> FirstError(const health::EndpointHealth& endpoint) const;

 private:
  struct Check {
    health::EndpointHealth* health = nullptr;
    const routing::Endpoint* endpoint = nullptr;
    const topology::HealthCheck* definition = nullptr;
    health::Verdict verdict;
    MonotonicTime started{};
    uint64_t turn = 0;  // a question asked for earlier is void
    bool is_asking = false, again = false;
    std::optional<MonotonicTime> first_error;
  };

  void AskIn(size_t index, Duration delay);
  void Ask(size_t index);
  void OnAnswer(size_t index, bool good);
  Duration Spread(Duration period);

  Agenda& agenda_;
  net::Random& random_;
  health::Registry& registry_;
  const Nature& nature_;
  std::vector<Check> checks_;
  std::unordered_map<const health::EndpointHealth*, size_t> positions_;
};

}  // namespace meridian::simulate
