// The policies' names as the configuration, the API and explain spell them.
#include <meridian/topology/topology.h>

namespace meridian::topology {

const char* Name(Mode mode) {
  return mode == Mode::kDistributed ? "distributed" : "disaster-recovery";
}

const char* Name(Steering steering) {
  switch (steering) {
    case Steering::kNearest:
      return "nearest";
    case Steering::kLatency:
      return "latency";
    case Steering::kWeighted:
      return "weighted";
    case Steering::kRandom:
      return "random";
    case Steering::kOrdered:
      return "ordered";
  }
  return "";
}

const char* Name(Balance balance) {
  switch (balance) {
    case Balance::kLeastConnections:
      return "least-connections";
    case Balance::kRoundRobin:
      return "round-robin";
    case Balance::kHash:
      return "hash";
    case Balance::kRandom:
      return "random";
  }
  return "";
}

const char* Name(SessionBy by) {
  switch (by) {
    case SessionBy::kNone:
      return "none";
    case SessionBy::kSource:
      return "source";
    case SessionBy::kCookie:
      return "cookie";
    case SessionBy::kHeader:
      return "header";
    case SessionBy::kQuery:
      return "query";
    case SessionBy::kSni:
      return "sni";
    case SessionBy::kSipCallId:
      return "sip-call-id";
    case SessionBy::kBytes:
      return "bytes";
  }
  return "";
}

const char* Name(SessionScope scope) {
  return scope == SessionScope::kSite ? "site" : "endpoint";
}

const char* Name(DatabaseRole role) {
  switch (role) {
    case DatabaseRole::kAny:
      return "any";
    case DatabaseRole::kPrimary:
      return "primary";
    case DatabaseRole::kStandby:
      return "standby";
  }
  return "";
}

const char* Name(CheckType type) {
  switch (type) {
    case CheckType::kNone:
      return "none";
    case CheckType::kTcp:
      return "tcp";
    case CheckType::kTls:
      return "tls";
    case CheckType::kHttp:
      return "http";
    case CheckType::kHttps:
      return "https";
    case CheckType::kGrpc:
      return "grpc";
    case CheckType::kAgent:
      return "agent";
    case CheckType::kPostgresql:
      return "postgresql";
  }
  return "";
}

}  // namespace meridian::topology
