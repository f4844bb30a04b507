// A binary tree over address bits with values at its leaves, one root per family, in one array of
// nodes. Every inner node has two children; a network's value stands at the depth of its prefix
// length or is pushed further down where longer ones split it. Shared by NetworkTable, Database and
// Locator; constant once built.
//
//   Ref   0xxxxxxx…  index of an inner node
//         1xxxxxxx…  leaf: its value, 0 for none
#pragma once

#include <meridian/net/address.h>

#include <array>
#include <cstdint>
#include <vector>

namespace meridian::geo {

class Trie {
 public:
  using Ref = uint32_t;
  using Node = std::array<Ref, 2>;
  static constexpr Ref kLeaf = 1u << 31;
  static constexpr Ref kNone = kLeaf;

  struct Found {
    uint32_t value = 0;
    int depth = 0;  // bits walked
  };

  static constexpr bool IsLeaf(Ref ref) { return (ref & kLeaf) != 0; }
  static constexpr uint32_t Value(Ref ref) { return ref & ~kLeaf; }
  static constexpr Ref Leaf(uint32_t value) { return kLeaf | value; }
  static int Bit(const net::IpAddress& ip, int at) {
    return ip.bytes()[at / 8] >> (7 - at % 8) & 1;
  }

  Ref root(net::Family family) const { return family == net::Family::kIpv6 ? root6 : root4; }

  // From `ref`, which lies `depth` bits below the root of ip's family. Past the last bit: none.
  Found Walk(const net::IpAddress& ip, Ref ref, int depth) const {
    const int bits = ip.bits();
    while (!IsLeaf(ref) && depth < bits) ref = nodes[ref][Bit(ip, depth++)];
    return {IsLeaf(ref) ? Value(ref) : 0, depth};
  }
  Found Find(const net::IpAddress& ip) const { return Walk(ip, root(ip.family()), 0); }

  // Gives the whole of `network` this value. Precondition: nothing longer was inserted inside it.
  void Insert(const net::Prefix& network, uint32_t value);

  std::vector<Node> nodes;
  Ref root4 = kNone;
  Ref root6 = kNone;
};

}  // namespace meridian::geo
