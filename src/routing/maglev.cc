// Filling a Maglev table: items take turns, in order of their keys, at claiming the next free slot
// of their own permutation; an item of half the weight takes every second turn.
#include "routing/maglev.h"

#include <meridian/base/check.h>

#include <algorithm>

namespace meridian::routing {
namespace {

constexpr uint16_t kFree = UINT16_MAX;

size_t SlotsFor(size_t wanted) {
  for (const size_t size : MaglevTable::kSizes) {
    if (size >= wanted) return size;
  }
  return MaglevTable::kSizes.back();
}

// One item's way through the slots: offset, offset + skip, … modulo a prime visits each once.
struct Claimant {
  uint16_t item = 0;
  uint64_t key = 0;
  double pace = 0;  // turns per round, at most 1
  double credit = 0;
  size_t position = 0, skip = 1;
};

std::vector<Claimant> Claimants(std::span<const MaglevTable::Item> items, size_t slots) {
  uint32_t heaviest = 0;
  for (const auto& item : items) heaviest = std::max(heaviest, item.weight);
  std::vector<Claimant> claimants;
  for (size_t i = 0; i < items.size(); ++i) {
    if (items[i].weight == 0) continue;
    const uint64_t key = items[i].key;
    const double pace = static_cast<double>(items[i].weight) / heaviest;
    claimants.push_back({.item = static_cast<uint16_t>(i),
                         .key = key,
                         .pace = pace,
                         .credit = 1 - pace,  // so that all take a turn in the first round
                         .position = Mix(key ^ 0x6f66667365740001u) % slots,
                         .skip = Mix(key ^ 0x736b697000000001u) % (slots - 1) + 1});
  }
  std::sort(claimants.begin(), claimants.end(), [](const Claimant& a, const Claimant& b) {
    return std::pair(a.key, a.item) < std::pair(b.key, b.item);
  });
  return claimants;
}

}  // namespace

MaglevTable MaglevTable::Build(std::span<const Item> items, size_t minimum_slots) {
  MERIDIAN_CHECK(items.size() <= kMaxItems);
  MaglevTable table;
  const size_t slots = SlotsFor(std::max(minimum_slots, kSlotsPerItem * items.size()));
  std::vector<Claimant> claimants = Claimants(items, slots);
  if (claimants.empty()) return table;
  table.slots_.assign(slots, kFree);
  for (size_t filled = 0; filled < slots;) {
    for (Claimant& claimant : claimants) {
      claimant.credit += claimant.pace;
      if (claimant.credit < 1 || filled == slots) continue;
      claimant.credit -= 1;
      while (table.slots_[claimant.position] != kFree) {
        claimant.position += claimant.skip;
        if (claimant.position >= slots) claimant.position -= slots;
      }
      table.slots_[claimant.position] = claimant.item;
      ++filled;
    }
  }
  return table;
}

}  // namespace meridian::routing
