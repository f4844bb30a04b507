// What a site's answer to a replication check says: a JSON document, in which each value stands
// where the configuration's pointers (RFC 6901) say. Pure; any thread.
#pragma once

#include <meridian/failover/observation.h>

#include <cstdint>
#include <optional>
#include <string_view>

namespace meridian::probe {

enum class StatusQuality : uint8_t {
  kComplete,    // role and, of a standby, lag are there
  kIncomplete,  // one of them is not, or a value is of the wrong kind: unknown, which is not zero
  kMalformed,   // not one JSON document
};
inline constexpr size_t kStatusQualityCount = 3;
const char* Name(StatusQuality quality);

struct ParsedStatus {
  StatusQuality quality = StatusQuality::kMalformed;
  failover::ReplicationStatus status;  // `at` is the caller's; nothing is known of a malformed one
};

// Roles are primary, master and leader; standby, replica, secondary and follower. Lag is a number
// of seconds, backlog, epoch and position are whole numbers, the others true or false; null is
// unknown.
ParsedStatus ParseReplicationStatus(std::string_view json,
                                    const topology::StatusPointers& pointers);

// The same of PostgreSQL, with positions in the write-ahead log, in bytes from its beginning.
struct PostgresStatus {
  ParsedStatus parsed;
  std::optional<uint64_t> position;  // written by a primary, received by a standby
  std::optional<uint64_t> applied;   // by a standby
};
PostgresStatus ParsePostgresStatus(std::string_view json);

}  // namespace meridian::probe
