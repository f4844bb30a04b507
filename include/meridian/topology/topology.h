// What an operator wrote, as plain values: regions, sites, endpoints, services and their policies.
// No pointers, no behaviour, no live state; equal text gives equal values. Names are the keys of
// the configuration; addresses and prefixes are kept as text here and compiled by the snapshot.
// Defaults are those of CONFIG.md.
#pragma once

#include <meridian/base/time.h>
#include <meridian/topology/disaster_recovery.h>
#include <meridian/topology/names.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace meridian::topology {

struct Endpoint {
  std::string address;  // "10.1.0.11:8080", "[::1]:80", "unix:/path"
  uint32_t weight = 1;  // 0: takes no new sessions
  // Lower is preferred: the others of the site take part only when none of the lower can.
  uint32_t priority = 0;
  // Whose address it is, as EndpointName::ToString says it; empty: its own.
  std::string name = {};

  bool operator==(const Endpoint&) const = default;
};

struct Site {
  std::string name;
  std::string region;
  double latitude = 0;   // degrees, −90…90
  double longitude = 0;  // degrees, −180…180
  std::string country;   // ISO 3166-1 alpha-2, or empty
  std::string continent;
  uint32_t weight = 100;
  int bias = 0;                                           // −99…99
  std::optional<uint64_t> capacity;                       // concurrent sessions; empty: unlimited
  std::map<std::string, std::vector<Endpoint>> services;  // by service name
  // Those written as names, by service name; each is also in `services`, if only with an empty
  // list. What they stand for at a time is in `services` as well.
  std::map<std::string, std::vector<EndpointName>> names;

  bool operator==(const Site&) const = default;
};

// Which clients a rule is for: every list that is not empty must hold the client (any of its
// entries).
struct Match {
  std::vector<std::string> country, continent, subdivision;
  std::vector<uint32_t> asn;
  std::vector<std::string> network;                         // prefixes
  std::vector<std::pair<std::string, std::string>> header;  // name, exact value

  bool operator==(const Match&) const = default;
};

struct Rule {
  Match match;
  std::vector<std::string> sites;
  bool strict = false;

  bool operator==(const Rule&) const = default;
};

enum class Mode : uint8_t { kDistributed, kDisasterRecovery };
enum class Steering : uint8_t { kNearest, kLatency, kWeighted, kRandom, kOrdered };
enum class Balance : uint8_t { kLeastConnections, kRoundRobin, kHash, kRandom };
enum class SessionBy : uint8_t {
  kNone,
  kSource,
  kCookie,
  kHeader,
  kQuery,
  kSni,
  kSipCallId,
  kBytes
};
enum class SessionScope : uint8_t { kSite, kEndpoint };
enum class OnFailure : uint8_t { kRepin, kReject };
enum class OnRecovery : uint8_t { kStay, kReturn };
enum class Panic : uint8_t { kRoute, kReject };
enum class OnDown : uint8_t { kClose, kKeep };
enum class BackendProtocol : uint8_t { kHttp1, kHttp2 };

struct SessionPolicy {
  SessionBy by = SessionBy::kNone;
  std::string name;  // of the cookie, header or query parameter
  SessionScope scope = SessionScope::kEndpoint;
  Duration ttl = std::chrono::hours(8);
  std::string key_file;  // empty: a key made at start, with a warning
  OnFailure on_failure = OnFailure::kRepin;
  OnRecovery on_recovery = OnRecovery::kStay;
  int source_prefix_v4 = 32, source_prefix_v6 = 56;
  uint16_t first_byte = 0, last_byte = 0;  // for kBytes: of a datagram, or of a stream's beginning

  bool operator==(const SessionPolicy&) const = default;
};

// TLS to endpoints. Paths are absolute.
struct BackendTls {
  std::string server_name;       // asked for and verified; empty: the endpoint's address is
  std::string ca;                // whom to trust; empty: the system's
  std::string certificate, key;  // ours, both or none
  bool verify = true;

  bool operator==(const BackendTls&) const = default;
};

enum class CheckType : uint8_t { kNone, kTcp, kTls, kHttp, kHttps, kGrpc, kAgent, kPostgresql };

struct HealthCheck {
  std::string name;
  CheckType type = CheckType::kTcp;
  uint16_t port = 0;  // 0: the endpoint's own
  std::string path = "/", method = "GET";
  std::string host;  // empty: the endpoint's address
  std::vector<std::pair<std::string, std::string>> headers;
  bool http2 = false;  // by prior knowledge, or by ALPN over TLS; else HTTP/1.1
  uint16_t expect_low = 200, expect_high = 399;
  std::string expect_body;        // part of a healthy answer's body; empty: any body
  std::string grpc_service;       // empty: the server as a whole
  std::optional<BackendTls> tls;  // exactly where TLS is spoken
  DatabaseLogin login;            // for kPostgresql, like the next
  DatabaseRole role = DatabaseRole::kAny;
  uint16_t agent_port = 0;  // where the endpoint's agent is asked besides; 0: it has none
  Duration interval = std::chrono::seconds(2);
  Duration fast_interval = std::chrono::milliseconds(500);
  Duration timeout = std::chrono::seconds(1);
  uint32_t rise = 2, fall = 3;

  bool operator==(const HealthCheck&) const = default;
};

// Passive detection.
struct Outliers {
  uint32_t consecutive_errors = 5;
  double error_rate = 0.5;  // over `window`, of at least 20 outcomes
  Duration window = std::chrono::seconds(10);
  Duration eject_for = std::chrono::seconds(5);  // grows with each ejection in a row, at most 10 ×
  double max_ejected = 0.5;                      // of a site's endpoints

  bool operator==(const Outliers&) const = default;
};

struct Timeouts {
  Duration connect = std::chrono::seconds(2);
  std::optional<Duration> race_after;  // empty: auto
  Duration response = std::chrono::seconds(60);
  Duration idle = std::chrono::seconds(60);
  Duration session = std::chrono::hours(1);

  bool operator==(const Timeouts&) const = default;
};

// What a retry may be for; connect and reset here mean: nothing of a response was received.
struct RetryPolicy {
  uint32_t attempts = 2;  // besides the first
  bool on_connect = true, on_reset = true, on_timeout = true;
  std::vector<uint16_t> on_status = {502, 503, 504};
  double budget = 0.2;  // of live requests; at least 10 a second are always allowed
  // When a further copy of an idempotent request starts though nothing has failed: after a time, or
  // after the 99th percentile of the endpoint's response times. Neither: never.
  std::optional<Duration> hedge_after;
  bool hedge_p99 = false;

  bool operator==(const RetryPolicy&) const = default;
};

struct BackendPolicy {
  BackendProtocol protocol = BackendProtocol::kHttp1;  // where requests are passed on
  uint32_t max_idle = 64;                              // pooled connections per endpoint and worker
  std::optional<uint32_t> max_connections;  // per endpoint, all workers; empty: unlimited
  std::optional<BackendTls> tls = {};       // empty: plain
  uint8_t proxy_protocol = 0;               // version of the PROXY header sent; 0: none
  uint32_t warm = 0;           // connections opened ahead of need, per endpoint and worker
  bool warm_greeting = false;  // one whose server has spoken first may be used, its words passed on

  bool operator==(const BackendPolicy&) const = default;
};

struct Service {
  std::string name;
  Mode mode = Mode::kDistributed;
  std::optional<DisasterRecovery> disaster_recovery;  // exactly in mode disaster-recovery
  Steering steering = Steering::kNearest;
  std::vector<std::string> order;  // for kOrdered; sites not named follow by name
  std::vector<Rule> rules;
  Balance balance = Balance::kLeastConnections;
  SessionPolicy session;
  std::string health_check;  // empty: none
  Outliers outliers;
  double overprovision = 1.4;
  Panic panic = Panic::kRoute;
  OnDown on_down = OnDown::kClose;
  double min_healthy = 0;  // share of endpoint weight that keeps a site up; 0: any
  Duration slow_start{};   // in which what comes up takes its full share; 0: at once
  Timeouts timeouts;
  RetryPolicy retries;
  BackendPolicy backend;

  bool operator==(const Service&) const = default;
};

// Sites, services and checks are sorted by name; the order of a site in `sites` is its SiteId, and
// so on.
struct Topology {
  std::vector<Site> sites;
  std::vector<Service> services;
  std::vector<HealthCheck> health_checks;

  bool operator==(const Topology&) const = default;
};

const char* Name(Mode);
const char* Name(Steering);
const char* Name(Balance);
const char* Name(SessionBy);
const char* Name(SessionScope);
const char* Name(CheckType);
const char* Name(DatabaseRole);

}  // namespace meridian::topology
