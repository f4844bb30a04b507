// Ids: distinct types, none by default, usable as keys. And the counter that one thread writes.
#include <gtest/gtest.h>
#include <meridian/base/counter.h>
#include <meridian/base/id.h>

#include <type_traits>
#include <unordered_map>

namespace meridian {
namespace {

using AppleId = Id<struct AppleTag>;
using PearId = Id<struct PearTag>;

TEST(Id, IsNoneUntilItIsGiven) {
  EXPECT_FALSE(AppleId().ok());
  EXPECT_TRUE(AppleId{0}.ok());
  EXPECT_EQ(AppleId(), AppleId{AppleId::kNoneValue});
}

TEST(Id, OfDifferentTagsDoNotMix) {
  static_assert(!std::is_convertible_v<AppleId, PearId>);
  static_assert(!std::is_constructible_v<AppleId, PearId>);
  static_assert(std::is_trivially_copyable_v<AppleId> && sizeof(AppleId) == 4);
  EXPECT_LT(AppleId{1}, AppleId{2});
}

TEST(Id, IsAKeyOfHashedMaps) {
  std::unordered_map<AppleId, int> weights{{AppleId{1}, 10}, {AppleId{2}, 20}};
  EXPECT_EQ(weights.at(AppleId{2}), 20);
  EXPECT_EQ(weights.count(AppleId{3}), 0u);
}

TEST(Counter, AddsAndSubtracts) {
  Counter counter;
  counter.Add();
  counter.Add(41);
  counter.Subtract(2);
  EXPECT_EQ(counter.value(), 40u);
}

}  // namespace
}  // namespace meridian
