// Addresses and prefixes as small values: IPv4, IPv6, and Unix socket paths for local peers. An
// IPv4-mapped IPv6 address (::ffff:a.b.c.d) becomes the IPv4 one on every way in, so that one
// client has one address.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

struct sockaddr;

namespace meridian::net {

enum class Family : uint8_t { kNone, kIpv4, kIpv6 };

// An IP address without a port. Bytes are in network order; IPv4 uses the first four, the rest are
// zero.
class IpAddress {
 public:
  constexpr IpAddress() = default;
  static constexpr IpAddress V4(uint32_t host_order) {
    IpAddress ip;
    ip.family_ = Family::kIpv4;
    for (int i = 0; i < 4; ++i) ip.bytes_[i] = static_cast<uint8_t>(host_order >> (24 - 8 * i));
    return ip;
  }
  // Sixteen bytes in network order; a mapped address becomes IPv4.
  static IpAddress V6(const std::array<uint8_t, 16>& bytes);
  // Dotted quad or RFC 4291 text, without brackets, port or zone; empty on anything else.
  static std::optional<IpAddress> Parse(std::string_view text);

  Family family() const { return family_; }
  bool ok() const { return family_ != Family::kNone; }
  int bits() const { return family_ == Family::kIpv4 ? 32 : family_ == Family::kIpv6 ? 128 : 0; }
  const std::array<uint8_t, 16>& bytes() const { return bytes_; }
  uint32_t v4() const;  // host order; precondition: IPv4
  bool IsLoopback() const;

  // All bits past the first `length` cleared; length is capped at bits().
  IpAddress Masked(int length) const;
  uint64_t Hash(uint64_t seed = 0) const;
  std::string ToString() const;  // RFC 5952 for IPv6
  // Without allocating: writes at most 45 bytes to `out`, returns the number written.
  size_t Write(char* out) const;

  auto operator<=>(const IpAddress&) const = default;

 private:
  std::array<uint8_t, 16> bytes_{};
  Family family_ = Family::kNone;
};

// An address block: 10.0.0.0/8, 2001:db8::/32. Bits past the length are zero.
class Prefix {
 public:
  Prefix() = default;
  Prefix(const IpAddress& ip, int length) : ip_(ip.Masked(length)), length_(length) {}
  // "10.0.0.0/8"; a bare address is a /32 or /128. Empty on anything else, also when bits are set
  // past the length.
  static std::optional<Prefix> Parse(std::string_view text);

  const IpAddress& ip() const { return ip_; }
  int length() const { return length_; }
  bool Contains(const IpAddress& ip) const {
    return ip.family() == ip_.family() && ip.Masked(length_) == ip_;
  }
  std::string ToString() const;

  auto operator<=>(const Prefix&) const = default;

 private:
  IpAddress ip_;
  int length_ = 0;
};

// Where to connect to or listen on: IP and port, or the path of a Unix stream socket.
class Address {
 public:
  Address() = default;
  Address(const IpAddress& ip, uint16_t port) : ip_(ip), port_(port) {}
  // "10.0.0.1:80", "[::1]:80", "unix:/run/app.sock". No names: those need a resolver.
  static std::optional<Address> Parse(std::string_view text);
  static Address Unix(std::string path);
  static Address FromSockaddr(const sockaddr* address);

  bool ok() const { return ip_.ok() || is_unix(); }
  bool is_unix() const { return !path_.empty(); }
  const IpAddress& ip() const { return ip_; }
  uint16_t port() const { return port_; }
  const std::string& path() const { return path_; }
  std::string ToString() const;  // what Parse reads back
  // Fills a sockaddr_storage; returns its length in bytes, 0 if the path is too long. Precondition:
  // ok().
  int ToSockaddr(void* storage) const;

  auto operator<=>(const Address&) const = default;

 private:
  IpAddress ip_;
  uint16_t port_ = 0;
  std::string path_;
};

}  // namespace meridian::net
