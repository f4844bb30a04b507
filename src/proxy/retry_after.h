// The Retry-After field of a response (RFC 9110 section 10.2.3). A pure function.
#pragma once

#include <meridian/base/time.h>

#include <optional>
#include <string_view>

namespace meridian::proxy {

// How long to wait from `now` on: of seconds ("120"), or until a date in HTTP's preferred form
// ("Fri, 31 Dec 1999 23:59:59 GMT"); zero for one in the past. Empty on anything else. At most a
// year.
std::optional<Duration> ParseRetryAfter(std::string_view value, WallTime now);

}  // namespace meridian::proxy
