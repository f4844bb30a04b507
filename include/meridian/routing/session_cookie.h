// Whose session a cookie is, for whoever must know before a service has been chosen.
#pragma once

#include <meridian/routing/table.h>

#include <string_view>

namespace meridian::routing {

// Whether `value` is a cookie that was signed for this service, by either of its keys, and is not
// older than session.ttl. Wherever it pins to.
bool IsCookieOf(const Table& table, ServiceId service, std::string_view value, WallTime now);

}  // namespace meridian::routing
