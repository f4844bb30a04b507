// The replication channel's monitor: slopes against exact lines, and alarms before the gate closes.
#include <meridian/failover/channel.h>
#include <meridian/failover/gate.h>

#include <gtest/gtest.h>

namespace meridian::failover {
namespace {

using namespace std::chrono_literals;

struct Channel {
  Channel() { policy.max_backlog = 1'000'000; }
  void Tell(Duration lag, uint64_t backlog, bool connected = true) {
    now += 1s;
    ReplicationStatus status;
    status.at = now;
    status.role = Role::kStandby;
    status.lag = lag;
    status.backlog_bytes = backlog;
    status.source_connected = connected;
    channel.Observe(status);
  }
  ChannelView View() const { return channel.View(policy, now); }

  MonotonicTime now{1000s};
  Policy policy;
  ReplicationChannel channel;
};

TEST(ReplicationChannel, FindsTheSlopeAndTheTimeToFullOfALine) {
  Channel channel;
  for (uint64_t i = 0; i < 10; ++i) channel.Tell(1s, 100'000 + i * 20'000);
  const ChannelView view = channel.View();
  ASSERT_TRUE(view.backlog_growth && view.until_full);
  EXPECT_NEAR(*view.backlog_growth, 20'000, 1e-3);
  EXPECT_NEAR(std::chrono::duration<double>(*view.until_full).count(), 720'000 / 20'000., 1e-3);
}

TEST(ReplicationChannel, LeavesOneOutlierToTheMany) {
  Channel channel;
  for (uint64_t i = 0; i < 20; ++i) channel.Tell(0s, i == 10 ? 400'000 : 100'000);
  EXPECT_NEAR(*channel.View().backlog_growth, 0, 1500);
}

TEST(ReplicationChannel, ForgetsWhatIsOutsideTheWindow) {
  Channel channel;
  for (uint64_t i = 0; i < 32; ++i) channel.Tell(0s, i * 10'000);
  for (uint64_t i = 0; i < 32; ++i) channel.Tell(0s, 310'000);
  EXPECT_NEAR(*channel.View().backlog_growth, 0, 1e-3);
  EXPECT_EQ(channel.View().until_full, std::nullopt);
}

TEST(ReplicationChannel, RaisesTheAlarmBeforeTheGateClosesWhateverTheGrowth) {
  for (const uint64_t growth : {2'000u, 5'000u, 20'000u, 50'000u}) {
    Channel channel;
    bool alarmed = false;
    for (uint64_t backlog = 0; backlog <= 1'000'000; backlog += growth) {
      channel.Tell(0s, backlog);
      alarmed = alarmed || channel.View().alarm == ChannelAlarm::kClosing;
    }
    EXPECT_TRUE(alarmed) << growth;
    channel.Tell(0s, 1'000'001);
    EXPECT_EQ(channel.View().alarm, ChannelAlarm::kClosed);
  }
}

TEST(ReplicationChannel, RaisesTheAlarmBeforeTheLagClosesTheGate) {
  Channel channel;
  bool alarmed = false;
  for (int i = 0; i <= 60; ++i) {
    channel.Tell(i * 500ms, 0);
    alarmed = alarmed || channel.View().alarm == ChannelAlarm::kClosing;
  }
  EXPECT_TRUE(alarmed);
  channel.Tell(30s + 1ms, 0);
  EXPECT_EQ(channel.View().alarm, ChannelAlarm::kClosed);
}

TEST(ReplicationChannel, IsStalledWhenLagGrowsWithTime) {
  Channel channel;
  for (int i = 0; i < 8; ++i) channel.Tell(i * 1s, 5000);
  EXPECT_TRUE(channel.View().is_stalled);
  EXPECT_EQ(channel.View().alarm, ChannelAlarm::kStalled);
}

TEST(ReplicationChannel, IsStalledAtOnceWhenItsSourceIsGone) {
  Channel channel;
  channel.Tell(0s, 0, false);
  EXPECT_EQ(channel.View().alarm, ChannelAlarm::kStalled);
}

TEST(ReplicationChannel, IsUnknownWithoutAFreshStatus) {
  Channel channel;
  EXPECT_EQ(channel.View().alarm, ChannelAlarm::kUnknown);
  channel.Tell(0s, 0);
  EXPECT_EQ(channel.View().alarm, ChannelAlarm::kNone);
  channel.now += 3s + 1ns;
  EXPECT_EQ(channel.View().alarm, ChannelAlarm::kUnknown);
  EXPECT_EQ(channel.View().lag, std::nullopt);
}

TEST(ReplicationChannel, IgnoresAStatusThatIsNotNewer) {
  Channel channel;
  channel.Tell(2s, 0);
  channel.now -= 1s;
  channel.Tell(9s, 0);
  EXPECT_EQ(channel.View().lag, Duration(2s));
}

}  // namespace
}  // namespace meridian::failover
