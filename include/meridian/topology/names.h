// Endpoints that are written as names: an operator's template, which stands for as many endpoints
// as the name has addresses at a time, and how the names are looked up. Plain values.
#pragma once

#include <meridian/base/time.h>

#include <cstdint>
#include <string>
#include <vector>

namespace meridian::topology {

// Looked up as A and AAAA; as SRV (RFC 2782) it brings ports, weights and priorities with it.
struct EndpointName {
  std::string name;   // lower case, without a final dot
  uint16_t port = 0;  // unless srv
  bool srv = false;
  uint32_t weight = 1;    // of each address, unless srv
  uint32_t priority = 0;  // likewise

  bool operator==(const EndpointName&) const = default;
  // "app.internal:8080", or "_web._tcp.app.internal"
  std::string ToString() const { return srv ? name : name + ":" + std::to_string(port); }
};

// Addresses that one name may stand for; more are left out, and counted.
inline constexpr size_t kMaxAddresses = 64;
// Different names in a configuration.
inline constexpr size_t kMaxNames = 1000;

struct ResolverPolicy {
  std::vector<std::string> servers;            // IP:port; empty: the system's
  Duration timeout = std::chrono::seconds(1);  // of the first attempt; it doubles with each
  uint32_t attempts = 2;                       // at each server
  Duration min_ttl = std::chrono::seconds(1), max_ttl = std::chrono::minutes(5);

  bool operator==(const ResolverPolicy&) const = default;
};

}  // namespace meridian::topology
