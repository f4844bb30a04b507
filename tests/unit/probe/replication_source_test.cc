// What a standby tells of itself against what is known of its source.
#include "probe/replication_source.h"

#include <gtest/gtest.h>

namespace meridian::probe {
namespace {

using std::chrono::seconds;

MonotonicTime At(int second) {
  return MonotonicTime(seconds(1000 + second));
}

// A primary that writes ten bytes a second, from position 0.
SourceHistory Writing(int samples) {
  SourceHistory history;
  for (int i = 0; i < samples; ++i) history.Add("atlanta", At(i), static_cast<uint64_t>(i) * 10);
  return history;
}

PostgresStatus Standby(bool receives, std::optional<Duration> lag, uint64_t received,
                       uint64_t applied) {
  PostgresStatus status;
  status.parsed.quality = StatusQuality::kIncomplete;
  status.parsed.status.role = failover::Role::kStandby;
  status.parsed.status.source_connected = receives;
  status.parsed.status.lag = lag;
  status.position = received;
  status.applied = applied;
  return status;
}

TEST(SourceHistory, TellsHowFarBehindAPositionIs) {
  const SourceHistory history = Writing(10);  // at 90, 9 s after 0
  EXPECT_EQ(history.Behind(1000), seconds(0));
  EXPECT_EQ(history.Behind(90), seconds(0));
  EXPECT_EQ(history.Behind(89), seconds(1));
  EXPECT_EQ(history.Behind(0), seconds(9));
  EXPECT_EQ(history.Backlog(60), 30u);
  EXPECT_EQ(history.Backlog(100), 0u);
  EXPECT_FALSE(Writing(0).Behind(5));
  EXPECT_FALSE(Writing(200).Behind(5)) << "longer ago than is remembered";
}

TEST(SourceHistory, BeginsAnewWithAnotherPrimaryOrAnotherLog) {
  SourceHistory history = Writing(3);
  const uint64_t life = history.life();
  EXPECT_NE(life, 0u);
  history.Add("atlanta", At(3), 30);
  EXPECT_EQ(history.life(), life);
  history.Add("atlanta", At(4), 5);
  EXPECT_NE(history.life(), life) << "restored from a copy";
  const uint64_t second = history.life();
  history.Add("dallas", At(5), 50);
  EXPECT_NE(history.life(), second);
  EXPECT_FALSE(history.Behind(10)) << "what the other wrote is no measure";
}

TEST(CompleteStandby, OneThatReceivesIsBelievedAsFarAsTheSourceBearsItOut) {
  PostgresStatus status = Standby(true, seconds(0), 90, 85);
  CompleteStandby(status, Writing(10), true, seconds(1));
  EXPECT_EQ(status.parsed.status.lag, seconds(0));
  EXPECT_EQ(status.parsed.status.backlog_bytes, 5u);
  EXPECT_EQ(status.parsed.quality, StatusQuality::kComplete);

  status = Standby(true, seconds(0), 85, 85);  // asked a moment earlier than the primary
  CompleteStandby(status, Writing(10), true, seconds(1));
  EXPECT_EQ(status.parsed.status.lag, seconds(0));

  status = Standby(true, seconds(0), 20, 20);  // its link is silent, and it has not noticed
  CompleteStandby(status, Writing(10), true, seconds(1));
  EXPECT_EQ(status.parsed.status.lag, seconds(6));

  status = Standby(true, seconds(40), 90, 10);  // slow to apply
  CompleteStandby(status, Writing(10), true, seconds(1));
  EXPECT_EQ(status.parsed.status.lag, seconds(40));
  EXPECT_EQ(status.parsed.status.backlog_bytes, 80u);
}

TEST(CompleteStandby, OneThatIsCutOffIsMeasuredByTheSourceAlone) {
  PostgresStatus status = Standby(false, std::nullopt, 95, 95);  // its primary has died
  CompleteStandby(status, Writing(10), true, seconds(1));
  EXPECT_EQ(status.parsed.status.lag, seconds(1)) << "what came after the last sample";
  EXPECT_EQ(status.parsed.status.position_bytes, 95u);
  EXPECT_EQ(status.parsed.status.backlog_bytes, 0u);
  EXPECT_EQ(status.parsed.quality, StatusQuality::kComplete);

  status = Standby(false, std::nullopt, 40, 30);  // its primary went on without it
  CompleteStandby(status, Writing(10), true, seconds(1));
  EXPECT_EQ(status.parsed.status.lag, seconds(6));
  EXPECT_EQ(status.parsed.status.backlog_bytes, 60u);
  EXPECT_EQ(status.parsed.status.position_bytes, 40u) << "what it has received is applied first";
}

TEST(CompleteStandby, OneThatWasNeverSeenToFollowIsUnknown) {
  PostgresStatus status = Standby(false, std::nullopt, 500, 500);  // a primary of before
  CompleteStandby(status, Writing(10), false, seconds(1));
  EXPECT_FALSE(status.parsed.status.lag);
  EXPECT_FALSE(status.parsed.status.backlog_bytes);
  EXPECT_FALSE(status.parsed.status.position_bytes) << "of a log that may be another one";
  EXPECT_EQ(status.parsed.quality, StatusQuality::kIncomplete);
  status = Standby(false, std::nullopt, 500, 500);  // no primary was ever seen
  CompleteStandby(status, SourceHistory(), true, seconds(1));
  EXPECT_FALSE(status.parsed.status.lag);
}

TEST(PostgresStatus, IsTheAnswerWithItsPositions) {
  const PostgresStatus primary =
      ParsePostgresStatus(R"({"role" : "primary", "source_connected" : null, "position" : 83886080,
                              "applied" : null, "backlog_bytes" : null, "lag_seconds" : null})");
  EXPECT_EQ(primary.parsed.quality, StatusQuality::kComplete);
  EXPECT_EQ(primary.parsed.status.role, failover::Role::kPrimary);
  EXPECT_EQ(primary.position, 83886080u);
  EXPECT_FALSE(primary.applied);
  const PostgresStatus standby =
      ParsePostgresStatus(R"({"role" : "standby", "source_connected" : true, "position" : 20,
                              "applied" : 10, "backlog_bytes" : 10, "lag_seconds" : 0.25})");
  EXPECT_EQ(standby.parsed.status.lag, std::chrono::milliseconds(250));
  EXPECT_EQ(standby.parsed.status.source_connected, true);
  EXPECT_EQ(standby.applied, 10u);
  EXPECT_EQ(ParsePostgresStatus("oops").parsed.quality, StatusQuality::kMalformed);
}

}  // namespace
}  // namespace meridian::probe
