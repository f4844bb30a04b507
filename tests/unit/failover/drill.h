// A small stage for the controller's tests: atlanta (primary), dallas and san-jose (standbys), each
// with what it would tell if asked, a clock that tests move, and storage in memory. Statuses are
// taken once a second, verdicts at every step of 100 ms.
#pragma once

#include <meridian/failover/controller.h>

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

#include "testing/manual_clock.h"
#include "testing/memory_storage.h"

namespace meridian::failover {

using namespace std::chrono_literals;

inline Policy ThreeSites() {
  Policy policy;
  policy.primary = "atlanta";
  policy.standby = {"dallas", "san-jose"};
  policy.max_lag = 30s;
  policy.after = 5s;
  return policy;
}

struct Drill {
  struct Place {
    Verdict verdict = Verdict::kUp;
    bool tells = true;  // its replication check is answered
    ReplicationStatus status;
  };

  explicit Drill(Policy p = ThreeSites()) : policy(std::move(p)) {
    for (const std::string& name : policy.standby) Follow(name, 0s);
    Claim(policy.primary, 0);
    Start();
  }

  void Start() {
    auto opened = Controller::Open("billing", policy, storage, clock);
    ASSERT_TRUE(opened) << Describe(opened.error());
    controller = std::move(*opened);
  }
  void Restart(fakes::MemoryStorage::Crash crash = fakes::MemoryStorage::Crash::kProcess) {
    controller.reset();
    storage.Restart(crash);
    Start();
  }

  // What a site says from now on.
  void Claim(const std::string& name, uint64_t epoch) {
    places[name].tells = true;
    places[name].status = {};
    places[name].status.role = Role::kPrimary;
    if (epoch != 0) places[name].status.epoch = epoch;
  }
  void Follow(const std::string& name, std::optional<Duration> lag, bool connected = true) {
    places[name].tells = true;
    places[name].status = {};
    places[name].status.role = Role::kStandby;
    places[name].status.lag = lag;
    places[name].status.source_connected = connected;
  }
  // The site is gone for all: nobody receives from it.
  void Kill(const std::string& name) {
    places[name].verdict = Verdict::kDown;
    places[name].tells = false;
    for (auto& [other, place] : places) {
      if (place.status.role == Role::kStandby) place.status.source_connected = false;
    }
  }
  void Revive(const std::string& name) { places[name].verdict = Verdict::kUp; }

  void Look() {
    for (auto& [name, place] : places) {
      Observation seen;
      seen.verdict = place.verdict;
      if (place.tells && step % 10 == 0) {
        place.status.at = clock.Now();
        seen.replication = place.status;
      }
      EXPECT_TRUE(controller->Observe(name, seen));
    }
    controller->Tick();
    ++step;
  }
  void Pass(Duration duration) {
    for (Duration passed{}; passed < duration; passed += 100ms) {
      clock.Advance(100ms);
      Look();
    }
  }
  void Drain(const std::string& name) {
    TrafficReport report;
    report.version = controller->direction().version;
    EXPECT_TRUE(controller->Report(name, report));
  }

  // atlanta dies, dallas takes over.
  void FailOver() {
    Pass(2s);
    Kill("atlanta");
    Pass(7s);
    ASSERT_EQ(controller->state(), State::kFailedOver);
    ASSERT_EQ(active(), "dallas");
    Claim("dallas", epoch());
    places["san-jose"].status.source_connected = true;
    Pass(1s);
  }
  // … and atlanta comes back as a standby that follows.
  void Reconcile() {
    Revive("atlanta");
    Follow("atlanta", 0s);
    Pass(1s);
    ASSERT_EQ(controller->state(), State::kReady);
  }

  std::string active() const { return controller->record().active; }
  uint64_t epoch() const { return controller->record().epoch; }
  State state() const { return controller->state(); }
  Record on_disk() const {
    auto record = ReadRecord(storage.durable().value_or(""));
    EXPECT_TRUE(record);
    return record.value_or(Record{});
  }
  bool HasEvent(EventKind kind) {
    for (const Event& event : controller->TakeEvents()) {
      if (event.kind == kind) return true;
    }
    return false;
  }

  Policy policy;
  fakes::ManualClock clock;
  fakes::MemoryStorage storage;
  std::map<std::string, Place> places;
  std::unique_ptr<Controller> controller;
  int step = 0;
};

inline void PrintTo(State state, std::ostream* out) {
  *out << Name(state);
}

}  // namespace meridian::failover
