// The record before the move: a crash between any two steps, whatever the disk keeps, leaves one
// active site per epoch; a disk that fails leaves the move undone or the service refused.
#include "drill.h"

namespace meridian::failover {
namespace {

using Storage = fakes::MemoryStorage;
constexpr Storage::Crash kCrashes[] = {Storage::Crash::kProcess, Storage::Crash::kPowerLost,
                                       Storage::Crash::kPowerKept};

// Which site each epoch was routed to, over all lives of the controller.
struct Ledger {
  void Note(const Controller& controller) {
    const Direction direction = controller.direction();
    if (direction.traffic == Traffic::kRefuse) return;
    const auto [entry, is_new] = sites.emplace(direction.epoch, direction.site);
    EXPECT_EQ(entry->second, direction.site) << "two active sites in epoch " << direction.epoch;
  }
  std::map<uint64_t, std::string> sites;
};

TEST(Persistence, ACrashBetweenAnyTwoStepsKeepsTheSiteOrCompletesTheMove) {
  for (int steps = 0; steps <= Storage::kSteps; ++steps) {
    for (const Storage::Crash crash : kCrashes) {
      SCOPED_TRACE(testing::Message() << steps << " steps, crash " << static_cast<int>(crash));
      Drill drill;
      Ledger ledger;
      drill.Pass(2s);
      ledger.Note(*drill.controller);
      drill.Kill("atlanta");
      drill.storage.CrashAfter(steps);
      drill.Pass(6s);
      ledger.Note(*drill.controller);
      const bool moved = drill.active() == "dallas";
      EXPECT_EQ(moved, steps == Storage::kSteps);
      drill.Restart(crash);
      ledger.Note(*drill.controller);
      if (moved) {
        EXPECT_EQ(drill.active(), "dallas");
      }
      drill.Pass(10s);
      ledger.Note(*drill.controller);
      EXPECT_EQ(drill.active(), "dallas");
      EXPECT_EQ(drill.on_disk().active, "dallas");
    }
  }
}

TEST(Persistence, ACrashWhileStartingIsHarmless) {
  for (int steps = 0; steps < Storage::kSteps; ++steps) {
    for (const Storage::Crash crash : kCrashes) {
      Drill drill;
      drill.FailOver();
      drill.controller.reset();
      drill.storage.CrashAfter(steps);
      EXPECT_FALSE(Controller::Open("billing", drill.policy, drill.storage, drill.clock));
      drill.Restart(crash);
      EXPECT_EQ(drill.active(), "dallas");
      EXPECT_EQ(drill.epoch(), 2u);
    }
  }
}

TEST(Persistence, WhatAProcessCrashLeftVisibleIsMadeDurableBeforeItIsActedOn) {
  Drill drill;
  drill.Pass(2s);
  drill.Kill("atlanta");
  drill.storage.CrashAfter(3);  // renamed, the directory not synced
  drill.Pass(6s);
  drill.Restart(Storage::Crash::kProcess);
  ASSERT_EQ(drill.active(), "dallas");
  drill.Restart(Storage::Crash::kPowerLost);
  EXPECT_EQ(drill.active(), "dallas");
  EXPECT_EQ(drill.epoch(), 2u);
}

TEST(Persistence, AMoveWaitsForADiskThatFails) {
  Drill drill;
  drill.Pass(2s);
  drill.storage.FailStep(Storage::Step::kSync, 3);
  drill.Kill("atlanta");
  drill.Pass(5500ms);
  EXPECT_EQ(drill.state(), State::kActivating);
  EXPECT_EQ(drill.active(), "atlanta");
  EXPECT_EQ(drill.on_disk().active, "atlanta");
  EXPECT_TRUE(drill.HasEvent(EventKind::kStorage));
  drill.Pass(5s);
  EXPECT_EQ(drill.active(), "dallas");
  EXPECT_EQ(drill.epoch(), 5u) << "no epoch is tried twice";
}

TEST(Persistence, ADoubtOnDiskStopsTrafficUntilItIsSettled) {
  for (const bool has_effect : {false, true}) {
    Drill drill;
    drill.Pass(2s);
    drill.storage.FailStep(Storage::Step::kSyncDirectory, 2, has_effect);
    drill.Kill("atlanta");
    drill.Pass(5100ms);
    EXPECT_EQ(drill.active(), "atlanta");
    EXPECT_EQ(drill.controller->direction().traffic, Traffic::kRefuse);
    EXPECT_FALSE(drill.controller->GetStatus().is_saved);
    drill.Revive("atlanta");
    drill.Pass(500ms);
    EXPECT_EQ(drill.state(), State::kNormal);
    EXPECT_EQ(drill.controller->direction().traffic, Traffic::kRefuse);
    drill.Pass(2s);
    EXPECT_EQ(drill.controller->direction().traffic, Traffic::kRoute);
    EXPECT_EQ(drill.on_disk(), drill.controller->record());
    EXPECT_EQ(drill.epoch(), 1u);
  }
}

TEST(Persistence, ACorruptRecordIsAnErrorAndNeverAGuess) {
  Drill drill;
  drill.FailOver();
  std::string text = *drill.storage.durable();
  text[text.size() / 2] ^= 4;
  drill.storage.Put(text);
  const auto opened = Controller::Open("billing", drill.policy, drill.storage, drill.clock);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kMalformed);
  EXPECT_EQ(*drill.storage.durable(), text) << "what an operator may still need is left as it is";
}

TEST(Persistence, AnEmptyRecordIsCorruptToo) {
  Drill drill;
  drill.storage.Put("");
  EXPECT_FALSE(Controller::Open("billing", drill.policy, drill.storage, drill.clock));
}

TEST(Persistence, ARecordOfAnotherServiceOrSiteIsRefused) {
  Drill drill;
  EXPECT_EQ(Controller::Open("web", drill.policy, drill.storage, drill.clock).error().code,
            ErrorCode::kConflict);
  Policy policy = ThreeSites();
  policy.primary = "paris";
  EXPECT_EQ(Controller::Open("billing", policy, drill.storage, drill.clock).error().code,
            ErrorCode::kConflict);
}

TEST(Persistence, ARestartKeepsTheCooldownBoundedBothWays) {
  const std::pair<Duration, std::pair<Duration, Duration>> cases[] = {
      {20min, {39min, 40min}},                       // time passed as it should
      {-std::chrono::hours(48), {59min, 60min}},     // the clock was set back
      {std::chrono::hours(48), {5min + 59s, 6min}},  // … or ahead: a tenth is left
  };
  for (const auto& [jump, left] : cases) {
    Drill drill;
    drill.FailOver();
    drill.clock.SetWall(drill.clock.WallNow() + jump);
    drill.Restart();
    EXPECT_GE(drill.controller->GetStatus().cooldown_left, left.first);
    EXPECT_LE(drill.controller->GetStatus().cooldown_left, left.second);
  }
}

TEST(Persistence, ACooldownThatIsOverStaysOver) {
  Policy policy = ThreeSites();
  policy.cooldown = 1min;
  Drill drill(policy);
  drill.FailOver();
  drill.Pass(2min);
  drill.clock.SetWall(drill.clock.WallNow() - std::chrono::hours(5));
  drill.Restart();
  EXPECT_EQ(drill.controller->GetStatus().cooldown_left, Duration(0));
}

TEST(Persistence, ATimeBeforeTheEpochOfTheWallClockCanBeRecorded) {
  Drill drill;
  drill.clock.SetWall(WallTime(std::chrono::hours(-5)));
  drill.FailOver();
  drill.Restart();
  EXPECT_EQ(drill.active(), "dallas");
}

}  // namespace
}  // namespace meridian::failover
