// The names of reasons, pins, steps and failures as logs, metrics, headers and explain spell them.
#include <meridian/routing/explain.h>

namespace meridian::routing {

const char* Name(Reason reason) {
  switch (reason) {
    case Reason::kSession:
      return "session";
    case Reason::kNearest:
      return "nearest";
    case Reason::kLatency:
      return "latency";
    case Reason::kWeighted:
      return "weighted";
    case Reason::kRandom:
      return "random";
    case Reason::kOrdered:
      return "ordered";
    case Reason::kActive:
      return "active";
    case Reason::kDegraded:
      return "degraded";
    case Reason::kSpill:
      return "spill";
    case Reason::kFailover:
      return "failover";
    case Reason::kPanic:
      return "panic";
  }
  return "";
}

const char* Name(Pin pin) {
  switch (pin) {
    case Pin::kNone:
      return "none";
    case Pin::kNew:
      return "new";
    case Pin::kKept:
      return "kept";
    case Pin::kMoved:
      return "moved";
    case Pin::kInvalid:
      return "invalid";
    case Pin::kRejected:
      return "rejected";
  }
  return "";
}

const char* Name(NoChoice why) {
  switch (why) {
    case NoChoice::kNone:
      return "none";
    case NoChoice::kNoSites:
      return "no_sites";
    case NoChoice::kAllDown:
      return "all_down";
    case NoChoice::kSessionRejected:
      return "session_rejected";
    case NoChoice::kAtCapacity:
      return "at_capacity";
    case NoChoice::kExhausted:
      return "exhausted";
    case NoChoice::kHeld:
      return "held";
    case NoChoice::kRefused:
      return "refused";
  }
  return "";
}

const char* Name(Step step) {
  switch (step) {
    case Step::kNone:
      return "none";
    case Step::kFence:
      return "fence";
    case Step::kMode:
      return "mode";
    case Step::kSession:
      return "session";
    case Step::kSteering:
      return "steering";
    case Step::kHealth:
      return "health";
    case Step::kCapacity:
      return "capacity";
    case Step::kEndpoint:
      return "endpoint";
  }
  return "";
}

}  // namespace meridian::routing
