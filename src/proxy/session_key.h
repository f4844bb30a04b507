// What of a request is its session's key: a cookie, a header, or a parameter of the target's query.
// Views of the head where possible; nothing is kept.
#pragma once

#include <meridian/codec/http1.h>
#include <meridian/topology/topology.h>

#include <string>
#include <string_view>

namespace meridian::proxy {

// By session.by; empty: none. The view is into the head, or into `scratch` (whose content is
// replaced).
std::string_view SessionKey(const topology::SessionPolicy& session, const codec::Head& head,
                            std::string& scratch);

// The value of cookie `name` in the request's Cookie fields, or empty.
std::string_view CookieValue(const codec::Head& head, std::string_view name);

}  // namespace meridian::proxy
