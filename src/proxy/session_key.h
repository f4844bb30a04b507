// What is a session's key: of a request a cookie, a header, or a parameter of the target's query;
// of a datagram or a connection's first bytes a SIP Call-ID or a range of them. Views of what is
// given where possible; nothing is kept.
#pragma once

#include <meridian/codec/http1.h>
#include <meridian/topology/topology.h>

#include <optional>
#include <string>
#include <string_view>

namespace meridian::proxy {

// By session.by; empty: none. The view is into the head, or into `scratch` (whose content is
// replaced).
std::string_view SessionKey(const topology::SessionPolicy& session, const codec::Head& head,
                            std::string& scratch);

// The value of cookie `name` in the request's Cookie fields, or empty.
std::string_view CookieValue(const codec::Head& head, std::string_view name);

// A datagram's key; empty: none.
std::string_view DatagramKey(const topology::SessionPolicy& session, std::string_view bytes);
// That of a connection that begins with `bytes`; nothing: more are needed. A Call-ID is looked for
// within 16 KiB.
std::optional<std::string_view> StreamKey(const topology::SessionPolicy& session,
                                          std::string_view bytes);

}  // namespace meridian::proxy
