// How a drain's progress is told while its sessions leave.
#include "app/drain_progress.h"

#include <gtest/gtest.h>

#include "testing/memory_net.h"

namespace meridian::app {
namespace {

using std::chrono::seconds;

class DrainProgressTest : public testing::Test {
 protected:
  void Set(health::Intent intent) {
    health::IntentRecord record;
    record.intent = intent;
    registry_.SetIntent("dallas", record, loop_.Now());
    progress_.Watch();
  }

  fakes::MemoryNet net_;
  fakes::MemoryLoop& loop_ = net_.AddLoop(net::IpAddress::V4(0x0a090001));
  health::Registry registry_;
  uint64_t sessions_ = 100;
  std::vector<std::string> told_;
  DrainProgress progress_{loop_, registry_, [this](const std::string&) { return sessions_; },
                          [this](std::string text) { told_.push_back(std::move(text)); }};
};

TEST_F(DrainProgressTest, TellsWhatIsLeftAndHowFastItLeaves) {
  Set(health::Intent::kDrain);
  for (int i = 0; i < 20; ++i) {
    sessions_ -= 4;
    net_.RunFor(seconds(1));
  }
  EXPECT_EQ(progress_.At("dallas").sessions, 20u);
  EXPECT_NEAR(progress_.At("dallas").leaving_per_second, 4, 0.5);
  net_.RunFor(seconds(10));
  EXPECT_EQ(progress_.At("dallas").leaving_per_second, 0) << "nobody left in these ten seconds";
}

TEST_F(DrainProgressTest, ThatNothingIsLeftIsToldOnceOverItsDeadlineToo) {
  Set(health::Intent::kDrain);
  net_.RunFor(seconds(3));
  EXPECT_TRUE(told_.empty());
  sessions_ = 0;
  net_.RunFor(seconds(3));
  Set(health::Intent::kOut);
  net_.RunFor(seconds(3));
  EXPECT_EQ(told_, std::vector<std::string>{"dallas: drained, no session is left"});
  Set(health::Intent::kServe);
  Set(health::Intent::kDrain);
  net_.RunFor(seconds(3));
  EXPECT_EQ(told_.size(), 2u) << "the next drain is another one";
}

TEST_F(DrainProgressTest, SessionsThatComeAreNoNegativeRate) {
  Set(health::Intent::kDrain);
  sessions_ = 200;
  net_.RunFor(seconds(3));
  EXPECT_EQ(progress_.At("dallas").leaving_per_second, 0);
}

}  // namespace
}  // namespace meridian::app
