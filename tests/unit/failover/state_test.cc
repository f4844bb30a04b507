// The table of moves against the sentences of the contract.
#include <meridian/failover/state.h>

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace meridian::failover {
namespace {

TEST(StateTable, HasOneTargetForEachStateAndTrigger) {
  std::set<std::pair<State, Trigger>> seen;
  for (const Move& move : LegalMoves()) {
    EXPECT_TRUE(seen.insert({move.from, move.trigger}).second)
        << Name(move.from) << " " << Name(move.trigger);
    EXPECT_EQ(Next(move.from, move.trigger), move.to);
  }
}

TEST(StateTable, RefusesWhatItDoesNotList) {
  size_t legal = 0;
  for (size_t from = 0; from < kStateCount; ++from) {
    for (size_t trigger = 0; trigger < kTriggerCount; ++trigger) {
      legal += Next(static_cast<State>(from), static_cast<Trigger>(trigger)).has_value();
    }
  }
  EXPECT_EQ(legal, LegalMoves().size());
  EXPECT_EQ(Next(State::kNormal, Trigger::kReconciled), std::nullopt);
  EXPECT_EQ(Next(State::kSplitBrain, Trigger::kActiveDead), std::nullopt);
  EXPECT_EQ(Next(State::kSplitBrain, Trigger::kSwitchAsked), std::nullopt);
}

TEST(StateTable, ReachesEveryStateAndLeavesEveryState) {
  std::set<State> left, entered;
  for (const Move& move : LegalMoves()) {
    left.insert(move.from);
    entered.insert(move.to);
  }
  EXPECT_EQ(left.size(), kStateCount);
  EXPECT_EQ(entered.size(), kStateCount);
}

TEST(StateTable, EntersReadyOnlyByReconciling) {
  for (const Move& move : LegalMoves()) {
    if (move.to == State::kReady) {
      EXPECT_EQ(move.from, State::kReconciling);
      EXPECT_EQ(move.trigger, Trigger::kReconciled);
    }
  }
}

TEST(StateNames, AreDistinct) {
  std::set<std::string> states, triggers, causes;
  for (size_t i = 0; i < kStateCount; ++i) states.insert(Name(static_cast<State>(i)));
  for (size_t i = 0; i < kTriggerCount; ++i) triggers.insert(Name(static_cast<Trigger>(i)));
  for (size_t i = 0; i < kCauseCount; ++i) causes.insert(Name(static_cast<Cause>(i)));
  EXPECT_EQ(states.size(), kStateCount);
  EXPECT_EQ(triggers.size(), kTriggerCount);
  EXPECT_EQ(causes.size(), kCauseCount);
  EXPECT_FALSE(states.contains(""));
}

}  // namespace
}  // namespace meridian::failover
