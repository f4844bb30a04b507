// Addresses from text and sockaddr, and back. Text goes through inet_pton and inet_ntop, which are
// strict (no octal, no short forms) and write IPv6 as RFC 5952 asks.
#include <meridian/base/check.h>
#include <meridian/base/hash.h>
#include <meridian/base/text.h>
#include <meridian/net/address.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>

namespace meridian::net {
namespace {

constexpr std::string_view kUnixPrefix = "unix:";
constexpr std::array<uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

IpAddress FromV4(const in_addr& address) {
  return IpAddress::V4(ntohl(address.s_addr));
}

IpAddress FromV6(const in6_addr& address) {
  std::array<uint8_t, 16> bytes;
  std::memcpy(bytes.data(), &address, bytes.size());
  return IpAddress::V6(bytes);
}

std::optional<uint16_t> ParsePort(std::string_view text) {
  const auto port = ParseUnsigned(text);
  if (!port || *port > UINT16_MAX) return std::nullopt;
  return static_cast<uint16_t>(*port);
}

}  // namespace

IpAddress IpAddress::V6(const std::array<uint8_t, 16>& bytes) {
  IpAddress ip;
  if (std::equal(kMapped.begin(), kMapped.end(), bytes.begin())) {
    ip.family_ = Family::kIpv4;
    std::copy(bytes.begin() + kMapped.size(), bytes.end(), ip.bytes_.begin());
  } else {
    ip.family_ = Family::kIpv6;
    ip.bytes_ = bytes;
  }
  return ip;
}

std::optional<IpAddress> IpAddress::Parse(std::string_view text) {
  char copy[INET6_ADDRSTRLEN];
  if (text.size() >= sizeof copy || text.find('\0') != std::string_view::npos) return std::nullopt;
  copy[text.copy(copy, text.size())] = '\0';
  if (in_addr v4; inet_pton(AF_INET, copy, &v4) == 1) return FromV4(v4);
  if (in6_addr v6; inet_pton(AF_INET6, copy, &v6) == 1) return FromV6(v6);
  return std::nullopt;
}

uint32_t IpAddress::v4() const {
  MERIDIAN_CHECK(family_ == Family::kIpv4);
  uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | bytes_[i];
  return value;
}

bool IpAddress::IsLoopback() const {
  if (family_ == Family::kIpv4) return bytes_[0] == 127;
  if (family_ != Family::kIpv6) return false;
  return bytes_[15] == 1 &&
         std::all_of(bytes_.begin(), bytes_.end() - 1, [](uint8_t b) { return b == 0; });
}

IpAddress IpAddress::Masked(int length) const {
  IpAddress masked = *this;
  for (int i = std::max(length, 0); i < bits(); i = (i / 8 + 1) * 8) {
    masked.bytes_[i / 8] &= static_cast<uint8_t>(0xff00 >> (i % 8));
  }
  return masked;
}

uint64_t IpAddress::Hash(uint64_t seed) const {
  uint64_t halves[2];
  std::memcpy(halves, bytes_.data(), sizeof halves);
  if constexpr (std::endian::native == std::endian::big) {
    for (uint64_t& half : halves) half = __builtin_bswap64(half);
  }
  return Mix(Mix(seed ^ halves[0]) ^ (halves[1] + static_cast<uint64_t>(bits())));
}

size_t IpAddress::Write(char* out) const {
  if (!ok()) return 0;
  char text[INET6_ADDRSTRLEN];
  inet_ntop(family_ == Family::kIpv4 ? AF_INET : AF_INET6, bytes_.data(), text, sizeof text);
  const size_t length = std::strlen(text);
  std::memcpy(out, text, length);
  return length;
}

std::string IpAddress::ToString() const {
  char text[INET6_ADDRSTRLEN];
  return std::string(text, Write(text));
}

std::optional<Prefix> Prefix::Parse(std::string_view text) {
  const size_t slash = text.find('/');
  const auto ip = IpAddress::Parse(text.substr(0, slash));
  if (!ip) return std::nullopt;
  if (slash == std::string_view::npos) return Prefix(*ip, ip->bits());
  const auto length = ParseUnsigned(text.substr(slash + 1));
  if (!length || *length > static_cast<uint64_t>(ip->bits())) return std::nullopt;
  const Prefix prefix(*ip, static_cast<int>(*length));
  if (prefix.ip() != *ip) return std::nullopt;
  return prefix;
}

std::string Prefix::ToString() const {
  return ip_.ToString() + "/" + std::to_string(length_);
}

std::optional<Address> Address::Parse(std::string_view text) {
  if (text.starts_with(kUnixPrefix)) {
    const std::string_view path = text.substr(kUnixPrefix.size());
    if (path.empty() || path.size() >= sizeof(sockaddr_un::sun_path)) return std::nullopt;
    if (path.find('\0') != std::string_view::npos) return std::nullopt;
    return Unix(std::string(path));
  }
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (bracketed != (host.find(':') != std::string_view::npos)) return std::nullopt;
  const auto ip = IpAddress::Parse(host);
  const auto port = ParsePort(text.substr(colon + 1));
  if (!ip || !port) return std::nullopt;
  return Address(*ip, *port);
}

Address Address::Unix(std::string path) {
  Address address;
  address.path_ = std::move(path);
  return address;
}

Address Address::FromSockaddr(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(address);
    return Address(FromV4(v4->sin_addr), ntohs(v4->sin_port));
  }
  if (address->sa_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(address);
    return Address(FromV6(v6->sin6_addr), ntohs(v6->sin6_port));
  }
  if (address->sa_family == AF_UNIX) {
    const auto* local = reinterpret_cast<const sockaddr_un*>(address);
    return Unix(std::string(local->sun_path, strnlen(local->sun_path, sizeof local->sun_path)));
  }
  return {};
}

std::string Address::ToString() const {
  if (is_unix()) return std::string(kUnixPrefix) + path_;
  const std::string ip = ip_.ToString();
  const std::string port = std::to_string(port_);
  return ip_.family() == Family::kIpv6 ? "[" + ip + "]:" + port : ip + ":" + port;
}

int Address::ToSockaddr(void* storage) const {
  MERIDIAN_CHECK(ok());
  std::memset(storage, 0, sizeof(sockaddr_storage));
  if (is_unix()) {
    auto* local = static_cast<sockaddr_un*>(storage);
    if (path_.size() >= sizeof local->sun_path) return 0;
    local->sun_family = AF_UNIX;
    std::memcpy(local->sun_path, path_.data(), path_.size());
    return static_cast<int>(offsetof(sockaddr_un, sun_path) + path_.size() + 1);
  }
  if (ip_.family() == Family::kIpv4) {
    auto* v4 = static_cast<sockaddr_in*>(storage);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port_);
    v4->sin_addr.s_addr = htonl(ip_.v4());
    return sizeof *v4;
  }
  auto* v6 = static_cast<sockaddr_in6*>(storage);
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(port_);
  std::memcpy(&v6->sin6_addr, ip_.bytes().data(), ip_.bytes().size());
  return sizeof *v6;
}

}  // namespace meridian::net
