// The pace of a body in given time.
#include "proxy/body_pace.h"

#include <gtest/gtest.h>

namespace meridian::proxy {
namespace {

using std::chrono::seconds;

constexpr MonotonicTime kStart{seconds(100)};

BodyPace Begun(std::optional<Duration> timeout, std::optional<uint64_t> rate) {
  config::Limits limits;
  limits.body_timeout = timeout;
  limits.min_rate = rate;
  BodyPace pace;
  pace.Begin(limits, kStart);
  return pace;
}

TEST(BodyPace, WithoutLimitsIsNeverLookedAt) {
  BodyPace pace = Begun({}, {});
  EXPECT_EQ(pace.next(), MonotonicTime::max());
  EXPECT_EQ(pace.Check(kStart + std::chrono::hours(10)), Failure::kCount);
}

TEST(BodyPace, EndsWithItsTime) {
  BodyPace pace = Begun(seconds(3), {});
  EXPECT_EQ(pace.next(), kStart + seconds(3));
  EXPECT_EQ(pace.Check(kStart + seconds(2)), Failure::kCount);
  EXPECT_EQ(pace.Check(kStart + seconds(3)), Failure::kBodyTimeout);
}

TEST(BodyPace, MustKeepItsRateInEachWindow) {
  BodyPace pace = Begun({}, 100);
  pace.Add(500);
  EXPECT_EQ(pace.next(), kStart + seconds(5));
  EXPECT_EQ(pace.Check(kStart + seconds(5)), Failure::kCount);
  pace.Add(499);
  EXPECT_EQ(pace.next(), kStart + seconds(10));
  EXPECT_EQ(pace.Check(kStart + seconds(9)), Failure::kCount);
  EXPECT_EQ(pace.Check(kStart + seconds(10)), Failure::kBodyTooSlow);
}

TEST(BodyPace, TimeInWhichNothingIsReadCountsForNothing) {
  BodyPace pace = Begun(seconds(8), 100);
  pace.Pause(kStart + seconds(2));
  EXPECT_EQ(pace.next(), MonotonicTime::max());
  EXPECT_EQ(pace.Check(kStart + seconds(50)), Failure::kCount);
  pace.Resume(kStart + seconds(52));
  EXPECT_EQ(pace.next(), kStart + seconds(55));
  pace.Add(500);
  EXPECT_EQ(pace.Check(kStart + seconds(55)), Failure::kCount);
  EXPECT_EQ(pace.next(), kStart + seconds(58));
  EXPECT_EQ(pace.Check(kStart + seconds(58)), Failure::kBodyTimeout);
}

}  // namespace
}  // namespace meridian::proxy
