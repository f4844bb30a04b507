// The published properties of Maglev hashing: balance within a per cent at 100 slots an item,
// shares by weight, and little movement when the set of items changes.
#include "routing/maglev.h"

#include <meridian/net/random.h>

#include <gtest/gtest.h>

#include <cmath>

namespace meridian::routing {
namespace {

std::vector<MaglevTable::Item> Items(size_t count, uint64_t seed) {
  std::vector<MaglevTable::Item> items;
  for (size_t i = 0; i < count; ++i) items.push_back({Hash(std::to_string(i), seed), 1});
  return items;
}

std::vector<size_t> Shares(const MaglevTable& table, size_t items) {
  std::vector<size_t> shares(items, 0);
  for (const uint16_t item : table.slots()) ++shares[item];
  return shares;
}

TEST(MaglevTable, IsEmptyWithoutWeights) {
  EXPECT_TRUE(MaglevTable::Build({}).empty());
  const MaglevTable::Item nothing[] = {{1, 0}, {2, 0}};
  EXPECT_TRUE(MaglevTable::Build(nothing).empty());
}

TEST(MaglevTable, HasPrimeSizesWithAHundredSlotsAnItem) {
  for (const size_t size : MaglevTable::kSizes) {
    for (size_t divisor = 2; divisor * divisor <= size; ++divisor)
      ASSERT_NE(size % divisor, 0u) << size;
  }
  EXPECT_EQ(MaglevTable::Build(Items(40, 1)).size(), MaglevTable::kSizes[0]);
  EXPECT_EQ(MaglevTable::Build(Items(41, 1)).size(), MaglevTable::kSizes[1]);
  EXPECT_EQ(MaglevTable::Build(Items(3, 1), 60'000).size(), MaglevTable::kSizes[1]);
}

TEST(MaglevTable, SpreadsEqualItemsWithinOneTurn) {
  for (const size_t count : {1u, 2u, 3u, 7u, 10u, 40u, 500u}) {
    const std::vector<size_t> shares = Shares(MaglevTable::Build(Items(count, 7)), count);
    const auto [least, most] = std::minmax_element(shares.begin(), shares.end());
    EXPECT_LE(*most - *least, 1u) << count << " items";
  }
}

TEST(MaglevTable, GivesSharesByWeightAndNothingForZero) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    net::Xoshiro random(seed);
    std::vector<MaglevTable::Item> items = Items(2 + random.Next() % 30, seed);
    double total = 0;
    for (auto& item : items) total += item.weight = static_cast<uint32_t>(random.Next() % 100);
    if (total == 0) continue;
    const MaglevTable table = MaglevTable::Build(items);
    const std::vector<size_t> shares = Shares(table, items.size());
    for (size_t i = 0; i < items.size(); ++i) {
      const double expected = items[i].weight / total * static_cast<double>(table.size());
      if (items[i].weight == 0) {
        EXPECT_EQ(shares[i], 0u);
      }
      EXPECT_NEAR(static_cast<double>(shares[i]), expected, 2.0)
          << "seed " << seed << " item " << i;
    }
  }
}

TEST(MaglevTable, GivesEvenTheLightestItemASlot) {
  std::vector<MaglevTable::Item> items = Items(3, 5);
  items[0].weight = 1'000'000;
  for (const size_t share : Shares(MaglevTable::Build(items), 3)) EXPECT_GE(share, 1u);
}

// With weights too: an item's share of the keys moves when it goes, and little else.
TEST(MaglevTable, RemovingAWeightedItemMovesItsShareAndLittleElse) {
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    net::Xoshiro random(seed);
    std::vector<MaglevTable::Item> items = Items(4 + random.Next() % 30, seed);
    for (auto& item : items) item.weight = static_cast<uint32_t>(1 + random.Next() % 10);
    const MaglevTable before = MaglevTable::Build(items);
    const uint16_t gone = static_cast<uint16_t>(items.size() - 1);
    items.pop_back();
    const MaglevTable after = MaglevTable::Build(items);
    size_t moved = 0, of_the_gone = 0;
    for (size_t slot = 0; slot < before.size(); ++slot) {
      of_the_gone += before.slots()[slot] == gone;
      moved += before.slots()[slot] != gone && before.slots()[slot] != after.slots()[slot];
    }
    EXPECT_LE(static_cast<double>(moved),
              static_cast<double>(of_the_gone) + 0.03 * static_cast<double>(before.size()))
        << items.size() << " items, seed " << seed;
  }
}

TEST(MaglevTable, DoesNotDependOnTheOrderOfItems) {
  std::vector<MaglevTable::Item> items = Items(17, 3);
  const MaglevTable forward = MaglevTable::Build(items);
  std::reverse(items.begin(), items.end());
  const MaglevTable backward = MaglevTable::Build(items);
  for (size_t slot = 0; slot < forward.size(); ++slot) {
    EXPECT_EQ(forward.slots()[slot], 16 - backward.slots()[slot]);
  }
}

// Removing one of N moves its 1/N of the keys, and at most about as many again among the others
// (Eisenbud et al., section 5.3: a few per cent at these table sizes).
TEST(MaglevTable, RemovingOneItemMovesLittleElse) {
  for (const size_t count : {3u, 5u, 10u, 20u, 40u}) {
    for (uint64_t seed = 1; seed <= 5; ++seed) {
      std::vector<MaglevTable::Item> items = Items(count, seed);
      const MaglevTable before = MaglevTable::Build(items);
      items.pop_back();
      const MaglevTable after = MaglevTable::Build(items);
      ASSERT_EQ(before.size(), after.size());
      size_t moved = 0;
      for (size_t slot = 0; slot < before.size(); ++slot) {
        if (before.slots()[slot] == count - 1) continue;
        moved += before.slots()[slot] != after.slots()[slot];
      }
      const double others = static_cast<double>(moved) / static_cast<double>(before.size());
      RecordProperty(std::to_string(count) + "/" + std::to_string(seed), std::to_string(others));
      EXPECT_LE(others, 1.0 / static_cast<double>(count)) << count << " items, seed " << seed;
    }
  }
}

}  // namespace
}  // namespace meridian::routing
