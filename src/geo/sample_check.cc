// See sample_check.h.
#include "geo/sample_check.h"

#include <meridian/net/random.h>

#include "geo/record.h"

#include <sys/socket.h>

namespace meridian::geo {

namespace {

constexpr int kSample = 64;  // addresses of each family

// An address below `ref`, `depth` bits down, chosen by chance but inside a network: never the side
// that holds none.
net::IpAddress AnyAddress(const Trie& trie, net::Family family, net::Xoshiro& random) {
  std::array<uint8_t, 16> bytes;
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random.Next());
  Trie::Ref ref = trie.root(family);
  for (int depth = 0; !Trie::IsLeaf(ref); ++depth) {
    int side = bytes[depth / 8] >> (7 - depth % 8) & 1;
    if (trie.nodes[ref][side] == Trie::kNone) {
      side = 1 - side;
      bytes[depth / 8] ^= static_cast<uint8_t>(1 << (7 - depth % 8));
    }
    ref = trie.nodes[ref][side];
  }
  const uint32_t v4 =
      static_cast<uint32_t>(bytes[0]) << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
  return family == net::Family::kIpv4 ? net::IpAddress::V4(v4) : net::IpAddress::V6(bytes);
}

bool SaysTheSame(const Location& a, const Location& b) {
  return a.has_coordinates == b.has_coordinates && a.point.latitude == b.point.latitude &&
         a.point.longitude == b.point.longitude && a.country == b.country &&
         a.continent == b.continent && a.subdivision == b.subdivision && a.asn == b.asn &&
         std::string_view(a.city) == b.city;
}

}  // namespace

Result<> CheckSample(const MMDB_s& mmdb, const Database::Contents& compiled) {
  net::Xoshiro random(compiled.report.build_epoch);
  StringPool cities;
  for (int i = 0; i < 2 * kSample; ++i) {
    const net::Family family = i < kSample ? net::Family::kIpv4 : net::Family::kIpv6;
    const net::IpAddress ip = AnyAddress(compiled.trie, family, random);
    if (ip.family() != family || compiled.trie.root(family) == Trie::kNone) continue;
    const uint32_t value = compiled.trie.Find(ip).value;
    // Where the IPv6 tree is empty may stand an alias of IPv4, which only libmaxminddb follows.
    if (family == net::Family::kIpv6 && value == 0) continue;
    sockaddr_storage address{};
    net::Address(ip, 0).ToSockaddr(&address);
    int error = MMDB_SUCCESS;
    auto raw = MMDB_lookup_sockaddr(&mmdb, reinterpret_cast<const sockaddr*>(&address), &error);
    const Location said =
        error == MMDB_SUCCESS && raw.found_entry ? ReadRecord(raw.entry, cities) : Location();
    if (error != MMDB_SUCCESS || !SaysTheSame(said, compiled.records[value])) {
      return Fail(ErrorCode::kMalformed, "geo database: libmaxminddb reads it otherwise");
    }
  }
  return {};
}

}  // namespace meridian::geo
