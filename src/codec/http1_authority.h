// Where a request says it wants to go: host and port of a Host field or of an absolute target.
// Narrower than the URI grammar on purpose: no user information, no percent-encoding and no
// sub-delimiters in names, no empty port, so that no two readers find different hosts in it. Pure;
// any thread.
#pragma once

#include <optional>
#include <string_view>

namespace meridian::codec {

struct Authority {
  std::string_view whole;  // host, and port if there is one
  std::string_view host;   // a name, an IPv4 address, or an IPv6 address in brackets
};

// Empty if it is not `host [":" port]` with a host.
std::optional<Authority> ReadAuthority(std::string_view text);

struct AbsoluteTarget {
  Authority authority;
  std::string_view path;   // what follows the authority: path and query, or empty
  std::string_view slash;  // a "/" of the target, for when the path is empty
};

// "http://" or "https://" and an authority; empty for anything else.
std::optional<AbsoluteTarget> ReadAbsoluteTarget(std::string_view target);

}  // namespace meridian::codec
