// A Trie compiled for look-ups by clients from everywhere, whose cost is the cache lines that they
// wait for one after the other: mostly one. A step takes 16 address bits, then 8 at a time. Equal
// neighbours among the 256 children of a step are one **run** (Degermark et al. 1997; Asai and
// Ohara 2015). A **block** holds which children begin a run, and next to it the runs' refs, so that
// both come with the same wait. All blocks are in one array of 32-bit words:
//
//   heads   65,536 refs of IPv4's first 16 bits │ 65,536 of IPv6's │ one of no address
//   wide    runs in the first 64, 128, 192 children │ 256 bits: a run begins here │ refs
//   small   refs of at most 9 runs │ the children at which all but the first begin, a byte each
//
//   Ref     0xxxxxxx…  the leaf's spot
//           10xxxxxx…  where a wide block begins     11xxxxxx…  where a small block's bytes begin
//
// A leaf is two integers: its **spot**, which is all that a decision by distance needs, is the ref
// itself; its Trie value, which leads to the rest, is at the same place in an array of its own.
// Constant once built; any thread.
#pragma once

#include <meridian/net/address.h>

#include "geo/huge_pages.h"
#include "geo/trie.h"

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>

namespace meridian::geo {

class WideTrie {
 public:
  struct Leaf {
    uint32_t spot = 0;
    uint32_t at = 0;  // of `value`
  };

  // `spots`: by leaf value of `trie`, below 2^31; spots[0] is also that of no address.
  // Precondition: fewer than 2^25 nodes.
  static WideTrie Compile(const Trie& trie, std::span<const uint32_t> spots);

  Leaf Find(const net::IpAddress& ip) const {
    const std::array<uint8_t, 16>& bytes = ip.bytes();
    uint32_t at = static_cast<uint32_t>(bytes[0]) << 8 | bytes[1];
    if (ip.family() != net::Family::kIpv4) at += ip.ok() ? kHeads : 2 * kHeads;
    uint32_t ref = words_[at];
    for (size_t i = 2; (ref & kBlock) != 0; ++i) {
      const uint32_t block = ref & kOffset;
      at = (ref & kSmall) != 0 ? InSmall(block, bytes[i]) : InWide(block, bytes[i]);
      ref = words_[at];
    }
    return {ref, at};
  }
  uint32_t value(uint32_t at) const { return values_[at]; }

  size_t memory_bytes() const {
    return (words_.capacity() + values_.capacity()) * sizeof(uint32_t);
  }

 private:
  static constexpr uint32_t kHeads = 1u << 16;  // per family
  static constexpr uint32_t kBlock = 1u << 31, kSmall = 1u << 30, kOffset = kSmall - 1;
  static constexpr uint32_t kSmallRuns = 9;
  static constexpr uint32_t kWideHead = 9;  // words before the refs
  static constexpr size_t kLine = 16;       // words in a cache line
  static constexpr uint64_t kOnes = 0x0101010101010101u, kTops = kOnes << 7;

  // Where the ref of `child` is. The next cache line, where it mostly is, is asked for at once.
  uint32_t InWide(uint32_t block, uint8_t child) const {
    const uint32_t* words = words_.data() + block;
    __builtin_prefetch(words + kLine);
    const uint32_t part = child >> 6;
    uint64_t starts;
    std::memcpy(&starts, words + 1 + 2 * part, sizeof starts);
    const uint32_t before = words[0] >> (8 * part) & 0xff;
    const int rank = std::popcount(starts << (63 - (child & 63))) - 1;
    return block + kWideHead + before + static_cast<uint32_t>(rank);
  }

  // As many runs as there are bytes that are not above `child`. A block with fewer than nine begins
  // with zeros, which never are, and has its refs at the end.
  uint32_t InSmall(uint32_t block, uint8_t child) const {
    uint64_t starts;
    std::memcpy(&starts, words_.data() + block, sizeof starts);
    const uint64_t wanted = child * kOnes;
    // In each byte's top bit: starts <= wanted (Warren, Hacker's Delight, 2-18).
    const uint64_t least = (wanted | kTops) - (starts & ~kTops);
    const uint64_t at_most = ((wanted & ~starts) | (~(wanted ^ starts) & least)) & kTops;
    const uint64_t count = (at_most >> 7) * kOnes >> 56;
    return block - kSmallRuns + static_cast<uint32_t>(count);
  }

  struct Compiler;

  HugeVector<uint32_t> words_, values_;
};

}  // namespace meridian::geo
