// Numbers as the texts of this room show them. Private to failover.
#pragma once

#include <meridian/base/time.h>

#include <cstdint>
#include <optional>
#include <string>

namespace meridian::failover {

std::string BytesText(uint64_t bytes);                        // "512 B", "4.0 KiB", "1.5 GiB"
std::string LagText(const std::optional<Duration>& lag);      // "41s", "unknown"
std::string BytesText(const std::optional<uint64_t>& bytes);  // …, "unknown"

}  // namespace meridian::failover
