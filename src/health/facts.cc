// The state that four facts give, the fact to blame for it, and their names as status, metrics and
// explain spell them. Pure.
#include <meridian/health/health.h>

namespace meridian::health {
namespace {

bool ProbeAllows(Probe probe) {
  return probe == Probe::kUp || probe == Probe::kNotChecked;
}

bool Alive(const Facts& facts) {
  return ProbeAllows(facts.probe) && facts.agent != Agent::kDown &&
         facts.traffic == Traffic::kClear;
}

}  // namespace

State Effective(const Facts& facts) {
  if (facts.intent == Intent::kOut || facts.agent == Agent::kMaint) return State::kOut;
  if (!Alive(facts)) return State::kDown;
  if (facts.intent == Intent::kDrain || facts.agent == Agent::kDrain) return State::kDraining;
  return State::kUp;
}

const char* Cause(const Facts& facts) {
  switch (Effective(facts)) {
    case State::kUp:
    case State::kDegraded:
      return "";
    case State::kOut:
      return facts.intent == Intent::kOut ? "intent" : "agent";
    case State::kDraining:
      return facts.intent == Intent::kDrain ? "intent" : "agent";
    case State::kDown:
      break;
  }
  if (!ProbeAllows(facts.probe)) return "probe";
  return facts.agent == Agent::kDown ? "agent" : "traffic";
}

double RampShare(Duration up_for, Duration slow_start) {
  if (up_for >= slow_start) return 1;
  const double part = static_cast<double>(std::max(up_for, Duration(0)).count()) /
                      static_cast<double>(slow_start.count());
  return kRampStart + (1 - kRampStart) * part;
}

const char* Name(State state) {
  switch (state) {
    case State::kUp:
      return "up";
    case State::kDegraded:
      return "degraded";
    case State::kDraining:
      return "draining";
    case State::kDown:
      return "down";
    case State::kOut:
      return "out";
  }
  return "";
}

const char* Name(Intent intent) {
  switch (intent) {
    case Intent::kServe:
      return "serve";
    case Intent::kDrain:
      return "drain";
    case Intent::kOut:
      return "out";
  }
  return "";
}

const char* Name(Probe probe) {
  switch (probe) {
    case Probe::kUnknown:
      return "unknown";
    case Probe::kUp:
      return "up";
    case Probe::kDown:
      return "down";
    case Probe::kNotChecked:
      return "not checked";
  }
  return "";
}

const char* Name(Agent agent) {
  switch (agent) {
    case Agent::kNone:
      return "none";
    case Agent::kUp:
      return "up";
    case Agent::kDrain:
      return "drain";
    case Agent::kDown:
      return "down";
    case Agent::kMaint:
      return "maint";
  }
  return "";
}

const char* Name(Traffic traffic) {
  switch (traffic) {
    case Traffic::kClear:
      return "clear";
    case Traffic::kSuspect:
      return "suspect";
    case Traffic::kEjected:
      return "ejected";
  }
  return "";
}

}  // namespace meridian::health
