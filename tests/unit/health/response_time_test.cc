// The estimate of an endpoint's slowest responses against what was really drawn.
#include <meridian/health/response_time.h>

#include <gtest/gtest.h>
#include <meridian/health/health.h>

#include <algorithm>
#include <random>

namespace meridian::health {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(ResponseTime, SaysNothingBeforeItHasSeenEnough) {
  ResponseTime time;
  for (uint32_t i = 1; i < ResponseTime::kLeastSamples; ++i) {
    time.Observe(milliseconds(5));
    EXPECT_EQ(time.p99(), Duration(0));
  }
  time.Observe(milliseconds(5));
  EXPECT_EQ(time.p99(), milliseconds(5));
}

TEST(ResponseTime, RestsWhereAboutOneInAHundredIsAbove) {
  for (const uint64_t seed : {1, 2, 3}) {
    std::mt19937_64 random(seed);
    std::lognormal_distribution<double> draw(2, 0.7);  // milliseconds
    ResponseTime time;
    int above = 0;
    constexpr int kWarm = 20'000, kCounted = 100'000;
    for (int i = 0; i < kWarm + kCounted; ++i) {
      const Duration sample(static_cast<int64_t>(draw(random) * 1e6));
      if (i >= kWarm) above += sample > time.p99();
      time.Observe(sample);
    }
    EXPECT_NEAR(above / static_cast<double>(kCounted), 0.01, 0.004) << "seed " << seed;
  }
}

TEST(ResponseTime, FollowsAServerThatGetsSlowAndOneThatGetsFast) {
  ResponseTime time;
  for (int i = 0; i < 200; ++i) time.Observe(milliseconds(10));
  for (int i = 0; i < 200; ++i) time.Observe(milliseconds(100));
  EXPECT_GT(time.p99(), milliseconds(90));
  for (int i = 0; i < 6000; ++i) time.Observe(milliseconds(10));
  EXPECT_LT(time.p99(), milliseconds(15));
  EXPECT_GE(time.p99(), milliseconds(9));
}

TEST(ResponseTime, TakesAnyDuration) {
  ResponseTime time;
  for (int i = 0; i < 300; ++i) time.Observe(Duration(i % 2 == 0 ? INT64_MAX : -1));
  EXPECT_GT(time.p99(), Duration(0));
}

TEST(EndpointHealth, RemembersUntilWhenItAskedToBeLeftAlone) {
  Registry registry;
  EndpointHealth& endpoint = registry.Endpoint("atlanta", "10.0.0.1:80", "");
  EXPECT_LT(endpoint.busy_until(), MonotonicTime{});
  endpoint.SetBusy(MonotonicTime(seconds(5)));
  EXPECT_EQ(endpoint.busy_until(), MonotonicTime(seconds(5)));
}

}  // namespace
struct Silence : testing::Test {
  static MonotonicTime At(int64_t ms) { return MonotonicTime(milliseconds(ms)); }
  Registry registry;
  EndpointHealth& endpoint = registry.Endpoint("atlanta", "10.0.0.1:80", "");
};

TEST_F(Silence, BeginsWithTheFirstThatIsNotAnswered) {
  endpoint.Begin();
  EXPECT_EQ(endpoint.silent_since(), MonotonicTime::max());
  endpoint.SetAsked(At(1000));
  endpoint.Begin();
  endpoint.SetAsked(At(1500));
  EXPECT_EQ(endpoint.silent_since(), At(1000));
}

TEST_F(Silence, EndsWithAnyAnswer) {
  endpoint.Begin();
  endpoint.SetAsked(At(1000));
  endpoint.SetHeard(At(1000));
  EXPECT_EQ(endpoint.silent_since(), MonotonicTime::max());
  EXPECT_EQ(endpoint.heard(), At(1000));
  endpoint.SetAsked(At(1000));  // it was heard of just now
  EXPECT_EQ(endpoint.silent_since(), MonotonicTime::max());
  endpoint.SetAsked(At(1001));
  EXPECT_EQ(endpoint.silent_since(), At(1001));
}

TEST_F(Silence, IsNoneWhereNobodyWaitsAndBeginsAnewWithTheNext) {
  endpoint.Begin();
  endpoint.SetAsked(At(1000));
  endpoint.End();  // its client has left
  EXPECT_EQ(endpoint.silent_since(), MonotonicTime::max());
  endpoint.Begin();
  endpoint.SetAsked(At(60'000));
  EXPECT_EQ(endpoint.silent_since(), At(60'000));
}

}  // namespace meridian::health
