// A Trie compiled for look-ups by clients from everywhere, whose cost is the cache lines they touch
// one after the other: two for most IPv4 clients. A step takes 16 address bits, then 8 at a time. A
// node is one cache line; equal neighbours among its 256 children are one **run** (Degermark et al.
// 1997; Asai and Ohara 2015), found by counting the bits that begin one.
//
//   refs   65,536 of IPv4's first 16 bits │ 65,536 of IPv6's │ no address │ runs, node by node
//   Ref    0xxxxxxx…  the leaf's spot     1xxxxxxx…  index of a node
//
// A leaf is two integers: its **spot**, which is all that a decision by distance needs, stands in
// the refs; its Trie value, which leads to the rest, at the same place in an array of its own.
// In a large tree the first 65,536 nodes are those of IPv4's heads, so that no ref leads to them.
// Constant once built; any thread.
#pragma once

#include <meridian/net/address.h>

#include "geo/huge_pages.h"
#include "geo/trie.h"

#include <array>
#include <bit>
#include <cstdint>
#include <span>

namespace meridian::geo {

class WideTrie {
 public:
  struct Leaf {
    uint32_t spot = 0;
    uint32_t at = 0;  // of `value`
  };

  // `spots`: by leaf value of `trie`, below 2^31; spots[0] is also that of no address.
  static WideTrie Compile(const Trie& trie, std::span<const uint32_t> spots);

  Leaf Find(const net::IpAddress& ip) const {
    const std::array<uint8_t, 16>& bytes = ip.bytes();
    const bool is_v4 = ip.family() == net::Family::kIpv4;
    uint32_t at = static_cast<uint32_t>(bytes[0]) << 8 | bytes[1];
    if (!is_v4) at += ip.ok() ? kHeads : 2 * kHeads;
    uint32_t ref = is_v4 && is_large_ ? kNode | at : refs_[at];
    for (size_t i = 2; (ref & kNode) != 0; ++i) {
      const Node& node = nodes_[ref & ~kNode];
      const uint32_t rank = node.Rank(bytes[i]);
      at = node.first + rank;
      ref = *(rank < kOwn ? &node.own[rank] : &refs_[at]);
    }
    return {ref, at};
  }
  uint32_t value(uint32_t at) const { return values_[at]; }

  size_t memory_bytes() const {
    return refs_.capacity() * sizeof(uint32_t) + values_.capacity() * sizeof(uint32_t) +
           nodes_.capacity() * sizeof(Node);
  }

 private:
  static constexpr uint32_t kHeads = 1u << 16;  // per family
  static constexpr uint32_t kNode = 1u << 31;
  static constexpr size_t kLarge = 1u << 16;  // nodes of the Trie: from here on 4 MB are worth it
  static constexpr size_t kOwn = 6;

  struct alignas(64) Node {
    std::array<uint64_t, 4> starts{};  // bit b: a run begins at child b; bit 0 is set
    std::array<uint8_t, 4> before{};   // runs that begin in the words before
    uint32_t first = 0;                // of its runs in refs
    std::array<uint32_t, kOwn> own{};  // copies of the first runs' refs: no second line for these

    uint32_t Rank(uint8_t child) const {
      const size_t word = child >> 6;
      return before[word] + std::popcount(starts[word] << (63 - (child & 63))) - 1;
    }
  };
  static_assert(sizeof(Node) == 64);

  struct Compiler;

  HugeVector<uint32_t> refs_, values_;
  HugeVector<Node> nodes_;
  bool is_large_ = false;
};

}  // namespace meridian::geo
