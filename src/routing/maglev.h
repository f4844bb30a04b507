// Maglev hashing (Eisenbud et al., NSDI 2016, section 3.4) with weights: a table of a prime number
// of slots, each naming an item, in proportion to the weights. Losing one of N items moves its own
// keys and very few others. Built once, constant: any thread.
//
// Tables of different sizes have nothing in common, so sizes come in few steps (kSizes): only a
// table that outgrows its step, at 41, 656 or 10,486 items, is dealt anew.
#pragma once

#include <meridian/base/hash.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace meridian::routing {

class MaglevTable {
 public:
  static constexpr size_t kMaxItems = 65535;
  static constexpr size_t kSlotsPerItem = 100;  // the paper's: within one per cent of the share
  static constexpr std::array<size_t, 3> kSizes = {4093, 65'521, 1'048'573};  // primes

  struct Item {
    uint64_t key = 0;     // hash of its name: equal keys take equal slots in any build
    uint32_t weight = 1;  // 0: no slot; any other: at least one
  };

  MaglevTable() = default;
  // The smallest of kSizes with at least `minimum_slots` and kSlotsPerItem × items, else the
  // largest. The order of items does not matter, only their keys and weights. Empty when no item
  // has a weight.
  static MaglevTable Build(std::span<const Item> items, size_t minimum_slots = 1);

  bool empty() const { return slots_.empty(); }
  size_t size() const { return slots_.size(); }
  // The item that `hash` belongs to. Precondition: not empty.
  uint16_t At(uint64_t hash) const {
    return slots_[Reduce(hash, static_cast<uint32_t>(slots_.size()))];
  }
  std::span<const uint16_t> slots() const { return slots_; }

 private:
  std::vector<uint16_t> slots_;
};

}  // namespace meridian::routing
