// The SRV records of a DNS message (RFC 1035 section 4.1, RFC 2782). c-ares has a reader of its own
// for them that leaves their time to live out; names are still expanded by it.
#pragma once

#include <meridian/resolve/answer.h>

#include <cstdint>
#include <span>

namespace meridian::resolve {

// What the answer section says: kFound with the least TTL of its SRV records; kEmpty if it has none
// that names a server ("." says there is none, and a target that no host can have is passed over);
// kFailed if it is not a message. Bound: that of a message, 64 KiB.
Answer ReadServices(std::span<const uint8_t> message);

}  // namespace meridian::resolve
