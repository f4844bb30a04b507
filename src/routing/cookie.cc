// Session cookies to text and back. No allocation.
#include "routing/cookie.h"

#include "routing/service.h"

#include <meridian/routing/session_cookie.h>

#include <array>

namespace meridian::routing {
namespace {

constexpr uint8_t kVersion = 1;
constexpr size_t kSiteAt = 1, kEndpointAt = 9, kIssuedAt = 17, kMacAt = 23, kMacBytes = 16;
constexpr size_t kBytes = kMacAt + kMacBytes;
static_assert(kBytes / 3 * 4 == kCookieText && kCookieText <= kCookieBytes);

// How far a cookie's issue time may lie ahead of this clock.
constexpr Duration kClockSkew = std::chrono::minutes(5);

constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr uint8_t kNotADigit = 0xff;

constexpr std::array<uint8_t, 256> kDigits = [] {
  std::array<uint8_t, 256> digits{};
  digits.fill(kNotADigit);
  for (uint8_t i = 0; i < 64; ++i) digits[static_cast<uint8_t>(kAlphabet[i])] = i;
  return digits;
}();

void Put(uint64_t value, size_t bytes, uint8_t* out) {
  for (size_t i = 0; i < bytes; ++i) out[i] = static_cast<uint8_t>(value >> (8 * (bytes - 1 - i)));
}

uint64_t Get(const uint8_t* in, size_t bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes; ++i) value = value << 8 | in[i];
  return value;
}

// What is signed: the cookie's bytes before the HMAC, then the service's key.
std::array<char, kMacAt + 8> Message(const uint8_t* cookie, uint64_t service_key) {
  std::array<char, kMacAt + 8> message;
  uint8_t suffix[8];
  Put(service_key, sizeof suffix, suffix);
  std::copy(cookie, cookie + kMacAt, message.begin());
  std::copy(suffix, suffix + sizeof suffix, message.begin() + kMacAt);
  return message;
}

bool Decode(std::string_view text, std::array<uint8_t, kBytes>& bytes) {
  if (text.size() != kCookieText) return false;
  for (size_t group = 0; group < kCookieText / 4; ++group) {
    uint32_t bits = 0;
    for (size_t i = 0; i < 4; ++i) {
      const uint8_t digit = kDigits[static_cast<uint8_t>(text[4 * group + i])];
      if (digit == kNotADigit) return false;
      bits = bits << 6 | digit;
    }
    Put(bits, 3, &bytes[3 * group]);
  }
  return true;
}

}  // namespace

void WriteCookie(const Cookie& cookie, const tls::HmacKey& key, uint64_t service_key, char* out) {
  std::array<uint8_t, kBytes> bytes;
  bytes[0] = kVersion;
  Put(cookie.site_key, 8, &bytes[kSiteAt]);
  Put(cookie.endpoint_key, 8, &bytes[kEndpointAt]);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(cookie.issued.time_since_epoch());
  Put(static_cast<uint64_t>(seconds.count()), 6, &bytes[kIssuedAt]);
  const auto message = Message(bytes.data(), service_key);
  const tls::Digest digest = key.Sign({message.data(), message.size()});
  std::copy(digest.begin(), digest.begin() + kMacBytes, bytes.begin() + kMacAt);
  for (size_t group = 0; group < kCookieText / 4; ++group) {
    const uint64_t bits = Get(&bytes[3 * group], 3);
    for (size_t i = 0; i < 4; ++i) out[4 * group + i] = kAlphabet[bits >> (18 - 6 * i) & 63];
  }
}

std::optional<Cookie> ReadCookie(std::string_view text, const tls::HmacKey& key,
                                 uint64_t service_key) {
  std::array<uint8_t, kBytes> bytes;
  if (!Decode(text, bytes) || bytes[0] != kVersion) return std::nullopt;
  const auto message = Message(bytes.data(), service_key);
  const std::string_view mac(reinterpret_cast<const char*>(&bytes[kMacAt]), kMacBytes);
  if (!key.Verify({message.data(), message.size()}, mac)) return std::nullopt;
  const std::chrono::seconds issued(static_cast<int64_t>(Get(&bytes[kIssuedAt], 6)));
  if (issued > std::chrono::hours(24 * 365 * 200)) return std::nullopt;
  return Cookie{Get(&bytes[kSiteAt], 8), Get(&bytes[kEndpointAt], 8), WallTime(issued)};
}

std::optional<KnownCookie> ReadKnownCookie(const Service& service, std::string_view text,
                                           WallTime now) {
  if (text.empty() || !service.cookie_keys) return std::nullopt;
  const tls::HmacKeys& keys = *service.cookie_keys;
  std::optional<Cookie> cookie = ReadCookie(text, keys.signs, service.key);
  const bool by_other_key = !cookie && keys.accepts;
  if (by_other_key) cookie = ReadCookie(text, *keys.accepts, service.key);
  if (!cookie) return std::nullopt;
  const Duration age = now - cookie->issued;
  if (age > service.policy->session.ttl || age < -kClockSkew) return std::nullopt;
  return KnownCookie{*cookie, by_other_key};
}

bool IsCookieOf(const Table& table, ServiceId service, std::string_view value, WallTime now) {
  return ReadKnownCookie(table.internals(service), value, now).has_value();
}

size_t MakeCookie(const Table& table, ServiceId service, EndpointId endpoint, WallTime now,
                  char* out) {
  const Service& internals = table.internals(service);
  if (!internals.cookie_keys) return 0;
  const Endpoint& served = table.endpoint(endpoint);
  const Cookie cookie{table.site(served.site).key, served.key, now};
  WriteCookie(cookie, internals.cookie_keys->signs, internals.key, out);
  return kCookieText;
}

}  // namespace meridian::routing
