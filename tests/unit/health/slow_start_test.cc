// What makes an endpoint cold, and the ramp that follows.
#include <meridian/health/health.h>

#include <gtest/gtest.h>

namespace meridian::health {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class SlowStart : public testing::Test {
 protected:
  static MonotonicTime At(int second) { return MonotonicTime(seconds(1000 + second)); }
  void Report(Outcome outcome, int second) {
    const EndpointHealth* peers[] = {&endpoint_};
    registry_.Report(endpoint_, outcome, policy_, peers, 1, At(second));
  }
  // Up since long before, and Meridian serves.
  void Serve() {
    registry_.SetProbe(endpoint_, Probe::kUp, At(0));
    registry_.BeginSlowStarts();
  }

  Registry registry_;
  topology::Outliers policy_;
  EndpointHealth& endpoint_ = registry_.Endpoint("dallas", "a", "ready");
};
using RampShareTest = SlowStart;

TEST_F(RampShareTest, GrowsInAStraightLineFromATenthToOne) {
  EXPECT_DOUBLE_EQ(RampShare(seconds(0), seconds(30)), 0.1);
  EXPECT_DOUBLE_EQ(RampShare(seconds(10), seconds(30)), 0.4);
  EXPECT_DOUBLE_EQ(RampShare(seconds(15), seconds(30)), 0.55);
  EXPECT_DOUBLE_EQ(RampShare(seconds(30), seconds(30)), 1);
  EXPECT_DOUBLE_EQ(RampShare(seconds(99), seconds(30)), 1);
  EXPECT_DOUBLE_EQ(RampShare(seconds(-1), seconds(30)), 0.1) << "another thread's clock is ahead";
  EXPECT_DOUBLE_EQ(RampShare(seconds(0), seconds(0)), 1);
  double before = 0;
  for (int ms = 0; ms <= 30'000; ms += 7) {
    const double share = RampShare(milliseconds(ms), seconds(30));
    EXPECT_GT(share, before);
    EXPECT_LE(share, 1);
    before = share;
  }
}

TEST_F(SlowStart, IsNotForWhatComesUpTogetherWithMeridian) {
  registry_.SetProbe(endpoint_, Probe::kDown, At(0));
  registry_.SetProbe(endpoint_, Probe::kUp, At(1));
  EXPECT_EQ(endpoint_.cold_since(), MonotonicTime{});
}

TEST_F(SlowStart, IsForWhatComesUpLater) {
  registry_.BeginSlowStarts();
  registry_.SetProbe(endpoint_, Probe::kUp, At(5));
  EXPECT_EQ(endpoint_.cold_since(), At(5)) << "its first check answered late";
  registry_.SetProbe(endpoint_, Probe::kUp, At(6));
  EXPECT_EQ(endpoint_.cold_since(), At(5)) << "nothing new";
  registry_.SetProbe(endpoint_, Probe::kDown, At(7));
  registry_.SetProbe(endpoint_, Probe::kUp, At(8));
  EXPECT_EQ(endpoint_.cold_since(), At(8));
}

TEST_F(SlowStart, FollowsADrainAndBeingOut) {
  Serve();
  registry_.SetIntent("dallas", {Intent::kDrain, "ops", "", {}, {}}, At(1));
  EXPECT_EQ(endpoint_.cold_since(), MonotonicTime{});
  registry_.SetIntent("dallas", {}, At(2));
  EXPECT_EQ(endpoint_.cold_since(), At(2));
  registry_.SetIntent("dallas", {Intent::kOut, "ops", "", {}, {}}, At(3));
  registry_.SetIntent("dallas", {}, At(4));
  EXPECT_EQ(endpoint_.cold_since(), At(4));
}

TEST_F(SlowStart, FollowsAnEjection) {
  Serve();
  for (int i = 0; i < 5; ++i) Report(Outcome::kReset, 1);
  ASSERT_EQ(endpoint_.state(), State::kDown);
  registry_.SetProbe(endpoint_, Probe::kUp, At(7));
  EXPECT_EQ(endpoint_.cold_since(), At(7));
}

TEST_F(SlowStart, DoesNotFollowASuspicionThatACheckDispels) {
  Serve();
  registry_.SetProbe(endpoint_, Probe::kDown, At(1));
  registry_.SetProbe(endpoint_, Probe::kUp, At(2));
  Report(Outcome::kConnectFailed, 3);
  ASSERT_EQ(endpoint_.state(), State::kDown);
  registry_.SetProbe(endpoint_, Probe::kUp, At(4));
  EXPECT_EQ(endpoint_.state(), State::kUp);
  EXPECT_EQ(endpoint_.cold_since(), At(2)) << "the ramp of before goes on";
}

TEST_F(SlowStart, FollowsASuspicionThatTheCheckConfirmed) {
  Serve();
  Report(Outcome::kConnectFailed, 1);
  registry_.SetProbe(endpoint_, Probe::kDown, At(2));
  registry_.SetProbe(endpoint_, Probe::kUp, At(3));
  EXPECT_EQ(endpoint_.cold_since(), At(3));
}

TEST_F(SlowStart, FollowsASuspicionThatOnlyTimeEnded) {
  Serve();
  Report(Outcome::kConnectFailed, 1);
  registry_.Sweep(At(1) + policy_.eject_for);
  EXPECT_EQ(endpoint_.state(), State::kUp);
  EXPECT_EQ(endpoint_.cold_since(), At(1) + policy_.eject_for);
}

TEST_F(SlowStart, DoesNotFollowAChangeOfTheCheck) {
  Serve();
  EndpointHealth& renamed = registry_.Endpoint("dallas", "a", "other");
  registry_.AssumeProbe(renamed, Probe::kUp, At(1));
  EXPECT_EQ(renamed.state(), State::kUp);
  EXPECT_EQ(renamed.cold_since(), MonotonicTime{});
}

}  // namespace
}  // namespace meridian::health
