// The Forwarded field (RFC 7239): who asked whom, and how, hop by hop. Elements are separated by
// commas, each a list of name=value pairs separated by semicolons, values tokens or quoted strings.
// No I/O, no allocation but in Append.
#pragma once

#include <meridian/net/address.h>

#include <optional>
#include <string>
#include <string_view>

namespace meridian::codec {

// Takes the last element off `field` and gives the address its "for" names, without the port:
// nothing for "unknown", an obfuscated name, a missing or repeated "for", or what is malformed. An
// empty field has no element: nothing, too.
std::optional<net::IpAddress> TakeLastForwardedFor(std::string_view& field);

// Appends one element: for=192.0.2.7;host="a.test:81";proto=https. A host that cannot be quoted is
// left out.
void AppendForwarded(const net::IpAddress& peer, std::string_view host, bool secure,
                     std::string& out);

}  // namespace meridian::codec
