// The round trip to a site: its average, and the published value that moves only past a band.
#include <meridian/health/health.h>
#include <meridian/net/random.h>

#include <gtest/gtest.h>

#include <thread>

namespace meridian::health {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

// `mean` give or take a fifth.
Duration Noisy(Duration mean, net::Random& random) {
  const double factor = 0.8 + 0.4 * Unit(random.Next());
  return Duration(static_cast<int64_t>(static_cast<double>(mean.count()) * factor));
}

TEST(RoundTrip, IsThePlainMeanOfTheFirstSamplesAndThenAPartOfEach) {
  RoundTrip round_trip;
  EXPECT_EQ(round_trip.average(), Duration(0));
  EXPECT_EQ(round_trip.published(), Duration(0));
  round_trip.Observe(milliseconds(10));
  round_trip.Observe(milliseconds(20));
  round_trip.Observe(milliseconds(30));
  EXPECT_NEAR(static_cast<double>(round_trip.average().count()), 20e6, 3);
  for (int i = 3; i < 32; ++i) round_trip.Observe(milliseconds(20));
  round_trip.Observe(milliseconds(52));
  EXPECT_NEAR(static_cast<double>(round_trip.average().count()), 21e6, 40);
}

TEST(RoundTrip, PublishesTheFirstSampleAndThenOnlyWhatLeavesTheBand) {
  RoundTrip round_trip;
  EXPECT_TRUE(round_trip.Observe(milliseconds(100)));
  EXPECT_EQ(round_trip.published(), milliseconds(100));
  for (int i = 1; i < 31; ++i) EXPECT_FALSE(round_trip.Observe(milliseconds(100)));
  EXPECT_TRUE(round_trip.Observe(milliseconds(100))) << "settled";
  for (int i = 0; i < 300; ++i) EXPECT_FALSE(round_trip.Observe(milliseconds(109)));
  EXPECT_EQ(round_trip.published(), milliseconds(100));
  int moves = 0;
  for (int i = 0; i < 300; ++i) moves += round_trip.Observe(milliseconds(112));
  EXPECT_EQ(moves, 1);
  EXPECT_GT(round_trip.published(), milliseconds(110));
}

TEST(RoundTrip, HasABandOfATenthAndAtLeastAMillisecond) {
  EXPECT_EQ(RoundTrip::Band(milliseconds(200)), milliseconds(20));
  EXPECT_EQ(RoundTrip::Band(microseconds(300)), milliseconds(1));
  RoundTrip near;
  near.Observe(microseconds(200));
  for (int i = 1; i < 32; ++i) near.Observe(microseconds(200));
  for (int i = 0; i < 200; ++i) EXPECT_FALSE(near.Observe(microseconds(1100)));
}

TEST(RoundTrip, TakesAnySample) {
  RoundTrip round_trip;
  round_trip.Observe(Duration(-5));
  EXPECT_EQ(round_trip.average(), Duration(1));
  for (int i = 0; i < 1000; ++i) round_trip.Observe(Duration::max());
  EXPECT_LE(round_trip.average(), RoundTrip::kLongest);
  EXPECT_GT(round_trip.average(), RoundTrip::kLongest / 2);
}

// Against a model with the same published rules, in floating point.
TEST(RoundTrip, FollowsItsModelOverRandomHistories) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    net::Xoshiro random(seed);
    RoundTrip round_trip;
    double average = 0, published = 0;
    for (int i = 1; i <= 3000; ++i) {
      const double sample = 1e5 + 1e8 * Unit(random.Next()) * (i / 500 % 2 == 0 ? 1 : 3);
      const bool moved = round_trip.Observe(Duration(static_cast<int64_t>(sample)));
      average += (sample - average) / std::min(i, 32);
      ASSERT_NEAR(static_cast<double>(round_trip.average().count()), average, 128)
          << "seed " << seed;
      const double distance = std::abs(average - published), band = std::max(1e6, published / 10);
      if (std::abs(distance - band) < 1000) break;  // too close to call in whole nanoseconds
      ASSERT_EQ(moved, published == 0 || i == 32 || distance > band)
          << "seed " << seed << " sample " << i;
      if (moved) published = average;
    }
  }
}

TEST(RoundTrip, FollowsARealChangeWithinFortySamples) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    net::Xoshiro random(seed);
    RoundTrip round_trip;
    for (int i = 0; i < 100; ++i) round_trip.Observe(Noisy(milliseconds(50), random));
    for (int i = 0; i < 40; ++i) round_trip.Observe(Noisy(milliseconds(90), random));
    EXPECT_GT(round_trip.published(), milliseconds(68)) << "seed " << seed;
  }
}

TEST(RoundTrip, OfASiteIsThatOfAllItsEndpointsAndMovesTheVersionOnlyWithThePublishedValue) {
  Registry registry;
  EndpointHealth& one = registry.Endpoint("dallas", "a", "ready");
  EndpointHealth& other = registry.Endpoint("dallas", "b", "port");
  registry.Endpoint("paris", "a", "ready");
  const RoundTrip& dallas = registry.Site("dallas").round_trip;
  uint32_t version = registry.version();
  registry.ObserveConnect(one, milliseconds(20));
  EXPECT_NE(registry.version(), version);
  EXPECT_EQ(dallas.published(), milliseconds(20));
  version = registry.version();
  registry.ObserveRoundTrip(other, milliseconds(21));
  EXPECT_EQ(registry.version(), version);
  EXPECT_EQ(dallas.average(), microseconds(20500));
  EXPECT_EQ(one.connect_time(), milliseconds(20));
  EXPECT_EQ(other.connect_time(), Duration(0)) << "no connect was measured";
  EXPECT_EQ(registry.Site("paris").round_trip.published(), Duration(0));
}

TEST(RoundTrip, StaysWithinItsSamplesUnderManyThreads) {
  RoundTrip round_trip;
  std::vector<std::thread> threads;
  for (uint64_t worker = 0; worker < 3; ++worker) {
    threads.emplace_back([&, worker] {
      net::Xoshiro random(worker);
      for (int i = 0; i < 5000; ++i) round_trip.Observe(Noisy(milliseconds(50), random));
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Duration value : {round_trip.average(), round_trip.published()}) {
    EXPECT_GE(value, milliseconds(40));
    EXPECT_LE(value, milliseconds(60));
  }
}

}  // namespace
}  // namespace meridian::health
