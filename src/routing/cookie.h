// The session cookie: what it says, and reading it back.
//
//   base64url (RFC 4648 section 5, no padding: 52 characters) of 39 bytes, numbers in network order
//   +---------+------------+----------------+-----------------+------------------------------+
//   | version | site key 8 | endpoint key 8 | issued 6 (s UTC)| HMAC-SHA256, first 16 bytes  |
//   +---------+------------+----------------+-----------------+------------------------------+
//
// The HMAC covers the bytes before it and the service's key, so that a cookie of one service is
// none of another.
#pragma once

#include <meridian/routing/decide.h>

#include <optional>
#include <string_view>

namespace meridian::routing {

struct Cookie {
  uint64_t site_key = 0, endpoint_key = 0;
  WallTime issued{};
};

inline constexpr size_t kCookieText = 52;

// Writes kCookieText characters.
void WriteCookie(const Cookie& cookie, const tls::HmacKey& key, uint64_t service_key, char* out);
// Empty: not a cookie that `key` signed for this service.
std::optional<Cookie> ReadCookie(std::string_view text, const tls::HmacKey& key,
                                 uint64_t service_key);

// Read under either of the service's keys.
struct KnownCookie {
  Cookie cookie;
  bool by_other_key = false;  // the second: it is honoured, and to be replaced
};
// Empty: not one of the service's, or older than session.ttl, or of the future.
std::optional<KnownCookie> ReadKnownCookie(const Service& service, std::string_view text,
                                           WallTime now);

}  // namespace meridian::routing
