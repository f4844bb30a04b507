// What an http or https check asks, and what it makes of the answer; the same over HTTP/1.1 and
// HTTP/2. Pure functions.
#pragma once

#include <meridian/net/address.h>
#include <meridian/topology/topology.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "probe/attempt.h"

namespace meridian::probe {

// Of a response this much is read, and kept where the body counts.
inline constexpr size_t kMaxCheckBody = 64 * 1024;

// The Host header, or :authority.
std::string CheckHost(const topology::HealthCheck& check, const net::Address& to);

// All other headers.
std::vector<std::pair<std::string, std::string>> CheckHeaders(const topology::HealthCheck& check);

// The whole request, for HTTP/1.1 (RFC 9112).
std::string CheckRequest(const topology::HealthCheck& check, const net::Address& to);

// kGood, kStatus, or kBody.
Answer JudgeResponse(const topology::HealthCheck& check, uint16_t status, std::string_view body);

}  // namespace meridian::probe
