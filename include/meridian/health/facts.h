// What is known of an endpoint, as four facts from four sources, and the state they give. Values;
// pure functions of them.
#pragma once

#include <cstdint>

namespace meridian::health {

enum class Intent : uint8_t { kServe, kDrain, kOut };
// kNotChecked: no check, taken as up.
enum class Probe : uint8_t { kUnknown, kUp, kDown, kNotChecked };
// What its own agent says; kMaint: nothing at all, as an operator's `out`.
enum class Agent : uint8_t { kNone, kUp, kDrain, kDown, kMaint };
// kSuspect: a connect just failed, check pending.
enum class Traffic : uint8_t { kClear, kSuspect, kEjected };
enum class State : uint8_t { kUp, kDegraded, kDraining, kDown, kOut };

struct Facts {
  Intent intent = Intent::kServe;  // the strictest of the endpoint's, its site's and its region's
  Probe probe = Probe::kUnknown;
  Agent agent = Agent::kNone;
  Traffic traffic = Traffic::kClear;

  bool operator==(const Facts&) const = default;
};

// The state that the facts give. kDegraded is a site's alone.
State Effective(const Facts& facts);
// The fact that made it: "intent", "probe", "agent", "traffic"; "" for up.
const char* Cause(const Facts& facts);
const char* Name(State state);
const char* Name(Intent intent);
const char* Name(Probe probe);
const char* Name(Agent agent);
const char* Name(Traffic traffic);

}  // namespace meridian::health
