// The hash's spread, and its values: those are a contract between instances and builds.
#include <gtest/gtest.h>
#include <meridian/base/hash.h>

#include <array>
#include <bit>
#include <cmath>
#include <set>
#include <string>
#include <vector>

namespace meridian {
namespace {

// Pearson's chi-squared over `buckets`; for a uniform hash about `buckets` ± 4 √(2 buckets).
double ChiSquared(const std::vector<int>& counts, int keys) {
  const double expected = static_cast<double>(keys) / static_cast<double>(counts.size());
  double sum = 0;
  for (const int count : counts) sum += (count - expected) * (count - expected) / expected;
  return sum;
}

TEST(Hash, SpreadsNeighbouringKeysEvenly) {
  constexpr int kBuckets = 1024, kKeys = 200'000;
  std::vector<int> by_text(kBuckets), by_mix(kBuckets), by_low_bits(kBuckets);
  for (int i = 0; i < kKeys; ++i) {
    const uint64_t hash = Hash("10.0.0." + std::to_string(i));
    ++by_text[Reduce(hash, kBuckets)];
    ++by_low_bits[hash % kBuckets];
    ++by_mix[Reduce(Mix(static_cast<uint64_t>(i)), kBuckets)];
  }
  const double limit = kBuckets + 4 * std::sqrt(2.0 * kBuckets);
  EXPECT_LT(ChiSquared(by_text, kKeys), limit);
  EXPECT_LT(ChiSquared(by_low_bits, kKeys), limit);
  EXPECT_LT(ChiSquared(by_mix, kKeys), limit);
}

TEST(Hash, EveryInputBitChangesHalfOfTheOutput) {
  for (const size_t length : {1u, 7u, 8u, 9u, 16u, 31u}) {
    const std::string base(length, 'k');
    double flipped = 0;
    for (size_t bit = 0; bit < length * 8; ++bit) {
      std::string changed = base;
      changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << (bit % 8)));
      const int count = std::popcount(Hash(base) ^ Hash(changed));
      EXPECT_GT(count, 8) << length << " bytes, bit " << bit;
      flipped += count;
    }
    EXPECT_NEAR(flipped / static_cast<double>(length * 8), 32, 6) << length;
  }
}

TEST(Hash, SeedLengthAndOrderMatter) {
  EXPECT_NE(Hash("a", 0), Hash("a", 1));
  EXPECT_NE(Hash(""), Hash(std::string_view("\0", 1)));
  EXPECT_NE(Hash(std::string_view("\0", 1)), Hash(std::string_view("\0\0", 2)));
  EXPECT_NE(Hash("abcdefgh12345678"), Hash("12345678abcdefgh"));
  EXPECT_NE(Combine(1, 2), Combine(2, 1));
  std::set<uint64_t> seen;
  for (int i = 0; i < 100'000; ++i) EXPECT_TRUE(seen.insert(Hash(std::to_string(i))).second);
}

TEST(Mix, IsTheFirstOutputOfSplitmix64) {
  // The published sequence of seed 1234567: the state moves by the same constant that Mix adds.
  constexpr std::array<uint64_t, 3> kPublished{6457827717110365317u, 3203168211198807973u,
                                               9817491932198370423u};
  uint64_t state = 1234567;
  for (const uint64_t expected : kPublished) {
    EXPECT_EQ(Mix(state), expected);
    state += 0x9e3779b97f4a7c15u;
  }
}

TEST(Reduce, StaysBelowItsBoundAndReachesBothEnds) {
  for (const uint32_t bound : {1u, 2u, 3u, 1000u, UINT32_MAX}) {
    EXPECT_EQ(Reduce(0, bound), 0u);
    EXPECT_EQ(Reduce(UINT64_MAX, bound), bound - 1);
  }
}

TEST(Unit, StaysBelowOne) {
  EXPECT_EQ(Unit(0), 0.0);
  EXPECT_LT(Unit(UINT64_MAX), 1.0);
  EXPECT_GT(Unit(UINT64_MAX), 0.999999);
}

}  // namespace
}  // namespace meridian
