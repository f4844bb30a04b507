// See http1_authority.h.
#include "codec/http1_authority.h"

#include <meridian/base/text.h>
#include <meridian/net/address.h>

#include <algorithm>

#include "codec/http1_chars.h"

namespace meridian::codec {
namespace {

constexpr size_t kMaxHost = 255;  // RFC 1035 section 2.3.4

bool IsPort(std::string_view text) {
  const auto port = ParseUnsigned(text);
  return text.size() <= 5 && port && *port <= 65535;
}

bool IsIpv6(std::string_view text) {
  if (text.find(':') == std::string_view::npos) return false;
  return net::IpAddress::Parse(text).has_value();
}

}  // namespace

std::optional<Authority> ReadAuthority(std::string_view text) {
  size_t host_size;
  if (text.starts_with('[')) {
    const size_t bracket = text.find(']');
    if (bracket == std::string_view::npos || !IsIpv6(text.substr(1, bracket - 1)))
      return std::nullopt;
    host_size = bracket + 1;
  } else {
    host_size = std::min(text.find(':'), text.size());
    if (host_size == 0 || host_size > kMaxHost || !AllAre(text.substr(0, host_size), kHostChar))
      return std::nullopt;
  }
  const std::string_view rest = text.substr(host_size);
  if (!rest.empty() && (rest[0] != ':' || !IsPort(rest.substr(1)))) return std::nullopt;
  return Authority{text, text.substr(0, host_size)};
}

std::optional<AbsoluteTarget> ReadAbsoluteTarget(std::string_view target) {
  const size_t colon = target.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const std::string_view scheme = target.substr(0, colon);
  if (!EqualIgnoringCase(scheme, "http") && !EqualIgnoringCase(scheme, "https"))
    return std::nullopt;
  const std::string_view rest = target.substr(colon + 1);
  if (!rest.starts_with("//")) return std::nullopt;
  const std::string_view after = rest.substr(2);
  const size_t authority_size = std::min(after.find_first_of("/?"), after.size());
  const auto authority = ReadAuthority(after.substr(0, authority_size));
  if (!authority) return std::nullopt;
  return AbsoluteTarget{*authority, after.substr(authority_size), rest.substr(0, 1)};
}

}  // namespace meridian::codec
