// Passive detection: suspicion at the first failed connect, ejection by errors in a row or by rate,
// its cap, its growth, and a whole site that dies.
#include <meridian/health/health.h>
#include <meridian/net/random.h>

#include <gtest/gtest.h>

#include <thread>

namespace meridian::health {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class OutliersTest : public testing::Test {
 protected:
  void Make(int count, const char* check = "") {
    for (int i = 0; i < count; ++i) {
      endpoints_.push_back(&registry_.Endpoint("dallas", std::to_string(i), check));
      if (*check != '\0') registry_.SetProbe(*endpoints_.back(), Probe::kUp, now_);
    }
    peers_.assign(endpoints_.begin(), endpoints_.end());
  }
  void Report(int endpoint, Outcome outcome, int times = 1) {
    for (int i = 0; i < times; ++i) {
      registry_.Report(*endpoints_[endpoint], outcome, policy_, peers_.data(), peers_.size(), now_);
    }
  }
  void Pass(Duration time) {
    now_ += time;
    registry_.Sweep(now_);
  }
  State StateOf(int endpoint) const { return endpoints_[endpoint]->state(); }
  Traffic TrafficOf(int endpoint) const { return endpoints_[endpoint]->facts().traffic; }
  int Ejected() const {
    return static_cast<int>(std::count_if(endpoints_.begin(), endpoints_.end(), [](const auto* e) {
      return e->facts().traffic == Traffic::kEjected;
    }));
  }

  Registry registry_;
  topology::Outliers policy_;
  MonotonicTime now_ = MonotonicTime(seconds(1000));
  std::vector<EndpointHealth*> endpoints_;
  std::vector<const EndpointHealth*> peers_;
};
using Suspicion = OutliersTest;
using Ejection = OutliersTest;

TEST_F(Suspicion, FollowsTheFirstFailedConnectAtOnceAndAsksForACheck) {
  int asked = 0;
  registry_.OnSuspect([&](EndpointHealth&) { ++asked; });
  Make(4, "ready");
  Report(0, Outcome::kConnectFailed);
  EXPECT_EQ(TrafficOf(0), Traffic::kSuspect);
  EXPECT_EQ(StateOf(0), State::kDown);
  EXPECT_EQ(asked, 1);
  Report(0, Outcome::kConnectFailed);
  EXPECT_EQ(asked, 1) << "already in doubt";
}

TEST_F(Suspicion, DoesNotFollowOtherErrors) {
  Make(4);
  for (const Outcome outcome :
       {Outcome::kReset, Outcome::kGatewayStatus, Outcome::kResponseTimeout, Outcome::kSuccess}) {
    Report(0, outcome);
    EXPECT_EQ(StateOf(0), State::kUp);
  }
}

TEST_F(Suspicion, EndsAtAGoodVerdictAndNotAtASuccess) {
  Make(2, "ready");
  Report(0, Outcome::kConnectFailed);
  Report(0, Outcome::kSuccess);
  EXPECT_EQ(StateOf(0), State::kDown) << "old connections of a server that stops still answer";
  registry_.SetProbe(*endpoints_[0], Probe::kUp, now_);
  EXPECT_EQ(StateOf(0), State::kUp);
}

TEST_F(Suspicion, ExpiresByItselfWithoutACheck) {
  Make(2);
  Report(0, Outcome::kConnectFailed);
  Pass(policy_.eject_for - milliseconds(10));
  EXPECT_EQ(StateOf(0), State::kDown);
  Pass(milliseconds(10));
  EXPECT_EQ(StateOf(0), State::kUp);
}

TEST_F(Suspicion, IsNotCapped) {
  Make(4);
  for (int i = 0; i < 4; ++i) Report(i, Outcome::kConnectFailed);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(StateOf(i), State::kDown);
}

TEST_F(Ejection, FollowsErrorsInARowAndASuccessBreaksTheRow) {
  Make(4);
  Report(0, Outcome::kReset, 4);
  Report(0, Outcome::kSuccess);
  Report(0, Outcome::kReset, 4);
  EXPECT_EQ(StateOf(0), State::kUp);
  Report(0, Outcome::kGatewayStatus);
  EXPECT_EQ(TrafficOf(0), Traffic::kEjected);
  EXPECT_EQ(StateOf(0), State::kDown);
  EXPECT_STREQ(Cause(endpoints_[0]->facts()), "traffic");
}

TEST_F(Ejection, FollowsAnErrorRateOverAtLeastTwentyOutcomes) {
  Make(4);
  for (int i = 0; i < 9; ++i) {
    Report(0, Outcome::kSuccess);
    Report(0, Outcome::kReset);
  }
  EXPECT_EQ(StateOf(0), State::kUp) << "18 outcomes are too few";
  Report(0, Outcome::kSuccess);
  Report(0, Outcome::kReset);
  EXPECT_EQ(TrafficOf(0), Traffic::kEjected);
}

TEST_F(Ejection, ForgetsTheRateWhenItsWindowHasPassed) {
  Make(4);
  for (int i = 0; i < 12; ++i) {
    if (i == 9) now_ += policy_.window;
    Report(0, Outcome::kSuccess);
    Report(0, Outcome::kReset);
  }
  EXPECT_EQ(StateOf(0), State::kUp);
}

TEST_F(Ejection, EndsByItselfAndGrowsWithEachInARowUpToTenTimes) {
  Make(4);
  for (int row = 1; row <= 12; ++row) {
    Report(0, Outcome::kReset, 5);
    ASSERT_EQ(TrafficOf(0), Traffic::kEjected);
    const Duration length = policy_.eject_for * std::min(row, 10);
    Pass(length - milliseconds(10));
    EXPECT_EQ(TrafficOf(0), Traffic::kEjected) << row;
    Pass(milliseconds(11));
    EXPECT_EQ(TrafficOf(0), Traffic::kClear) << row;
  }
  Pass(policy_.eject_for * 10 + seconds(1));
  Report(0, Outcome::kReset, 5);
  Pass(policy_.eject_for);
  EXPECT_EQ(TrafficOf(0), Traffic::kClear) << "after a quiet time the row begins anew";
}

TEST_F(Ejection, IsNotEndedEarlyByAGoodVerdict) {
  Make(4, "ready");
  Report(0, Outcome::kReset, 5);
  registry_.SetProbe(*endpoints_[0], Probe::kUp, now_ + policy_.eject_for - milliseconds(10));
  EXPECT_EQ(StateOf(0), State::kDown);
  registry_.SetProbe(*endpoints_[0], Probe::kUp, now_ + policy_.eject_for);
  EXPECT_EQ(StateOf(0), State::kUp);
}

TEST_F(Ejection, TakesAtMostTheCapWhileOthersServe) {
  Make(10);
  for (int i = 0; i < 8; ++i) Report(i, Outcome::kReset, 6);
  EXPECT_EQ(Ejected(), 5);
  EXPECT_EQ(StateOf(9), State::kUp);
}

TEST_F(Ejection, NeverHoldsADeadSiteInRotation) {
  for (const int count : {1, 2, 3, 10}) {
    Registry fresh;
    std::vector<EndpointHealth*> endpoints;
    for (int i = 0; i < count; ++i)
      endpoints.push_back(&fresh.Endpoint("paris", std::to_string(i), ""));
    const std::vector<const EndpointHealth*> peers(endpoints.begin(), endpoints.end());
    for (EndpointHealth* endpoint : endpoints) {
      for (int i = 0; i < 5; ++i) {
        fresh.Report(*endpoint, Outcome::kGatewayStatus, policy_, peers.data(), peers.size(), now_);
      }
    }
    for (const EndpointHealth* endpoint : endpoints)
      EXPECT_EQ(endpoint->state(), State::kDown) << count;
  }
}

TEST_F(Ejection, CountsPeersThatAreDownForOtherReasonsAsDead) {
  Make(3, "ready");
  registry_.SetProbe(*endpoints_[0], Probe::kDown, now_);
  registry_.SetProbe(*endpoints_[1], Probe::kDown, now_);
  Report(2, Outcome::kReset, 5);
  EXPECT_EQ(TrafficOf(2), Traffic::kEjected);
}

TEST_F(Ejection, StaysWithinTheCapWhenWorkersRace) {
  Make(8);
  std::vector<std::thread> workers;
  for (int worker = 0; worker < 4; ++worker) {
    workers.emplace_back([this, worker] {
      net::Xoshiro random(static_cast<uint64_t>(worker));
      for (int i = 0; i < 2000; ++i) {
        Report(static_cast<int>(random.Next() % 7), Outcome::kReset);
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(Ejected(), 4);
  EXPECT_EQ(StateOf(7), State::kUp);
}

TEST_F(Ejection, MatchesAModelOverRandomHistories) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    net::Xoshiro random(seed);
    Registry registry;
    EndpointHealth& endpoint = registry.Endpoint("tokyo", "a", "");
    const EndpointHealth* peers[] = {&endpoint, &registry.Endpoint("tokyo", "b", "")};
    policy_.error_rate = 2;  // never
    MonotonicTime now(seconds(1000));
    int in_a_row = 0;
    std::optional<MonotonicTime> until;  // of suspicion or ejection
    bool ejected = false;
    for (int step = 0; step < 500; ++step) {
      now += milliseconds(random.Next() % 400);
      registry.Sweep(now);
      if (until && now >= *until + milliseconds(2)) until.reset(), ejected = false;
      const bool near_the_end = until && now + milliseconds(2) >= *until;
      const bool failed = random.Next() % 3 == 0;
      registry.Report(endpoint, failed ? Outcome::kConnectFailed : Outcome::kSuccess, policy_,
                      peers, 2, now);
      in_a_row = failed ? in_a_row + 1 : 0;
      if (near_the_end) break;  // within a tick of the end, either is right
      if (failed && !ejected) until = now + policy_.eject_for;
      if (in_a_row >= 5 && !ejected) break;  // growth has its own test
      EXPECT_EQ(endpoint.state(), until ? State::kDown : State::kUp) << "step " << step;
    }
  }
}

}  // namespace
}  // namespace meridian::health
