// What becomes of operators' intents as time passes, and over a restart.
#include "app/intent_keeper.h"

#include <gtest/gtest.h>

#include "app/demo_config.h"
#include "testing/memory_net.h"

namespace meridian::app {
namespace {

using health::Intent;
using health::State;
using std::chrono::seconds;

class IntentKeeperTest : public testing::Test {
 protected:
  health::IntentRecord Drain(Duration deadline, Duration expires) {
    const WallTime now = loop_.WallNow();
    return {.intent = Intent::kDrain,
            .author = "ops",
            .reason = "kernel update",
            .since = now,
            .deadline = deadline == Duration(0) ? WallTime{} : now + deadline,
            .expires = expires == Duration(0) ? WallTime{} : now + expires};
  }

  fakes::MemoryNet net_;
  fakes::MemoryLoop& loop_ = net_.AddLoop(net::IpAddress::V4(0x0a090001));
  TemporaryDirectory directory_;
  health::Registry registry_;
  health::EndpointHealth& endpoint_ = registry_.Endpoint("dallas", "a", "");
  int changes_ = 0;
  std::vector<std::string> told_;
  IntentKeeper keeper_{loop_, registry_, [this] { ++changes_; },
                       [this](std::string text) { told_.push_back(std::move(text)); }};
};

TEST_F(IntentKeeperTest, ADrainEndsInOutAtItsDeadlineAndByItselfWhenItExpires) {
  keeper_.Open(directory_.path());
  ASSERT_TRUE(keeper_.Set("dallas", Drain(seconds(5), seconds(20))).has_value());
  EXPECT_EQ(endpoint_.state(), State::kDraining);
  net_.RunFor(seconds(6));
  EXPECT_EQ(endpoint_.state(), State::kOut);
  net_.RunFor(seconds(13));
  EXPECT_EQ(endpoint_.state(), State::kOut);
  net_.RunFor(seconds(2));
  EXPECT_EQ(endpoint_.state(), State::kUp);
  EXPECT_TRUE(registry_.Intents().empty());
  EXPECT_EQ(changes_, 3);
  EXPECT_EQ(told_,
            (std::vector<std::string>{"dallas: the drain's deadline has passed: out",
                                      "dallas: the out by ops has expired: back in service"}));
}

TEST_F(IntentKeeperTest, ADrainWithoutThemStays) {
  keeper_.Open(directory_.path());
  ASSERT_TRUE(keeper_.Set("dallas", Drain({}, {})).has_value());
  net_.RunFor(std::chrono::hours(30));
  EXPECT_EQ(endpoint_.state(), State::kDraining);
}

TEST_F(IntentKeeperTest, AnExpiryHoldsOverARestart) {
  keeper_.Open(directory_.path());
  ASSERT_TRUE(keeper_.Set("dallas", Drain({}, seconds(20))).has_value());
  health::Registry after;
  health::EndpointHealth& endpoint = after.Endpoint("dallas", "a", "");
  IntentKeeper second(
      loop_, after, [] {}, [](const std::string&) {});
  second.Open(directory_.path());
  EXPECT_EQ(endpoint.state(), State::kDraining);
  EXPECT_EQ(after.Intents()[0].second.author, "ops");
  net_.RunFor(seconds(21));
  EXPECT_EQ(endpoint.state(), State::kUp);
}

}  // namespace
}  // namespace meridian::app
