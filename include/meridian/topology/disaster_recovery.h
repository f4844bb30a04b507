// The policy of a disaster-recovery service, as an operator writes it: plain values, with the
// defaults of CONFIG.md. Sites are named; they are the keys of the configuration.
#pragma once

#include <meridian/base/time.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace meridian::topology {

enum class Reads : uint8_t { kActive, kNearest };
enum class FailbackMode : uint8_t { kManual, kAutomatic };

// Sites of one service, the primary included.
inline constexpr size_t kMaxRecoverySites = 16;

// Where the values of a replication status stand in a site's JSON answer (RFC 6901).
struct StatusPointers {
  std::string role = "/role";
  std::string lag_seconds = "/lag_seconds";
  std::string backlog_bytes = "/backlog_bytes";
  std::string epoch = "/epoch";
  std::string reconciled = "/reconciled";
  std::string source_connected = "/source_connected";
  std::string position_bytes = "/position_bytes";

  bool operator==(const StatusPointers&) const = default;
};

// How a site is asked over HTTP for the status of its replication, every `status_interval`.
// How a PostgreSQL server is asked.
struct DatabaseLogin {
  std::string user = "meridian";
  std::string database = "postgres";
  std::string passfile;  // libpq's; empty: where libpq itself looks

  bool operator==(const DatabaseLogin&) const = default;
};
enum class DatabaseRole : uint8_t { kAny, kPrimary, kStandby };

struct ReplicationCheck {
  bool postgresql = false;  // else a JSON answer over HTTP
  uint16_t port = 0;        // of the site's endpoints; 0: each endpoint's own
  std::string path = "/";
  Duration timeout = std::chrono::milliseconds(500);
  StatusPointers pointers;
  DatabaseLogin login;  // with postgresql

  bool operator==(const ReplicationCheck&) const = default;
};

struct DisasterRecovery {
  std::string primary;
  std::vector<std::string> standby;       // in order of preference, where level; never the primary
  std::optional<ReplicationCheck> check;  // empty: nothing is known of replication
  Duration max_lag = std::chrono::seconds(30);
  std::optional<uint64_t> max_backlog;                 // bytes; empty: not a condition
  Duration status_interval = std::chrono::seconds(1);  // of the replication check
  Reads reads = Reads::kActive;
  bool automatic = true;                           // failover without an operator
  Duration after = std::chrono::seconds(5);        // how long the active must be dead
  Duration cooldown = std::chrono::hours(1);       // between automatic moves
  Duration switch_hold = std::chrono::seconds(5);  // new sessions wait at most so long
  FailbackMode failback = FailbackMode::kManual;
  Duration hold = std::chrono::minutes(10);  // ready for so long before an automatic one
  std::string approval;  // the hook that must say yes before a site opens; empty: none is asked

  bool operator==(const DisasterRecovery&) const = default;
};

}  // namespace meridian::topology
