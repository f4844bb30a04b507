// The part of the table for endpoints by name; see keys.h and keys.cc.
#include "config/keys.h"

namespace meridian::config {
namespace {

constexpr double kMillisecond = 1e6, kSecond = 1e9, kMinute = 60 * kSecond, kHour = 60 * kMinute;

using enum Type;

constexpr Key kNameKeys[] = {
    Key{"regions.*.sites.*.services.*[].srv", kDnsName,
        "Instead of an address: a name to look up as SRV, which tells addresses, ports, weights "
        "and "
        "priorities."},
    Key{"regions.*.sites.*.services.*[].priority", kInteger,
        "Lower is preferred: the others take part only when none of the lower can.", "0"}
        .In(0, 65535),
    Key{"resolver", kMap, "How endpoints that are names are looked up."}.With(kMergeable),
    Key{"resolver.servers", kList, "DNS servers; without it, those of /etc/resolv.conf."}.With(
        kNonEmpty),
    Key{"resolver.servers[]", kAddress, "IP:port of a DNS server."},
    Key{"resolver.timeout", kDuration,
        "For an answer at the first attempt; it doubles with each one more.", "1s"}
        .In(10 * kMillisecond, kMinute),
    Key{"resolver.attempts", kInteger, "At each server.", "2"}.In(1, 10),
    Key{"resolver.min_ttl", kDuration, "A name is not looked up again sooner than this.", "1s"}.In(
        100 * kMillisecond, kHour),
    Key{"resolver.max_ttl", kDuration, "Nor later than this, whatever the answer says.", "5m"}.In(
        100 * kMillisecond, 24 * kHour),
};

}  // namespace

std::span<const Key> NameKeys() {
  return kNameKeys;
}

}  // namespace meridian::config
