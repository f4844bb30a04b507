// Replication statuses of arbitrary bytes: the first byte chooses pointers, the rest is the answer.
// Holds: what is malformed tells nothing; a complete status has a role and, of a standby, a lag; no
// lag is negative; the same bytes tell the same.
#include <meridian/base/check.h>
#include <meridian/probe/replication_status.h>

#include <string_view>

#include "fuzz/target.h"

namespace meridian::probe {
namespace {

topology::StatusPointers Pointers(uint8_t choice) {
  topology::StatusPointers pointers;
  if ((choice & 1) != 0) pointers.role = "/members/0/role";
  if ((choice & 2) != 0) pointers.lag_seconds = "/a~1b/~0";
  if ((choice & 4) != 0) pointers.epoch = "/0";
  return pointers;
}

void Check(const ParsedStatus& parsed) {
  using failover::Role;
  const failover::ReplicationStatus& status = parsed.status;
  MERIDIAN_CHECK(!status.lag || *status.lag >= Duration(0));
  if (parsed.quality == StatusQuality::kMalformed) {
    MERIDIAN_CHECK(status == failover::ReplicationStatus{});
  }
  if (parsed.quality == StatusQuality::kComplete) {
    MERIDIAN_CHECK(status.role != Role::kUnknown);
    MERIDIAN_CHECK(status.role == Role::kPrimary || status.lag);
  }
}

}  // namespace
}  // namespace meridian::probe

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view json(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto pointers = meridian::probe::Pointers(data[0]);
  const auto parsed = meridian::probe::ParseReplicationStatus(json, pointers);
  meridian::probe::Check(parsed);
  const auto again = meridian::probe::ParseReplicationStatus(json, pointers);
  MERIDIAN_CHECK(again.quality == parsed.quality && again.status == parsed.status);
  return 0;
}
