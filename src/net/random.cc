// The one place that asks the operating system for randomness.
#include <meridian/base/check.h>
#include <meridian/net/random.h>

#include <sys/random.h>

#include <cerrno>

namespace meridian::net {

uint64_t SeedFromSystem() {
  uint64_t seed = 0;
  ssize_t length = 0;
  // Eight bytes come whole or not at all; a signal can only interrupt the wait at early boot.
  do {
    length = getrandom(&seed, sizeof seed, 0);
  } while (length < 0 && errno == EINTR);
  MERIDIAN_CHECK(length == sizeof seed);
  return seed;
}

}  // namespace meridian::net
