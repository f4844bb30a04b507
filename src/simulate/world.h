// One world in virtual time: a compiled snapshot over a health registry of its own, nature beneath
// it, checks, clients and controllers around it. Run (a scenario) and WhatIf (a question) are its
// two users. Everything happens in tasks of its agenda; after each, changes of health are told.
#pragma once

#include <meridian/config/scenario.h>
#include <meridian/net/random.h>
#include <meridian/simulate/report.h>
#include <meridian/snapshot/snapshot.h>

#include <memory>
#include <string>
#include <vector>

#include "simulate/agenda.h"
#include "simulate/checks.h"
#include "simulate/chronicle.h"
#include "simulate/crowd.h"
#include "simulate/nature.h"
#include "simulate/recovery.h"

namespace meridian::simulate {

class World {
 public:
  // The first checks have answered by the start, and sessions may come shortly before it.
  static constexpr Duration kBefore = std::chrono::seconds(10);

  // Null, and why in `errors`, if the configuration cannot be compiled.
  static std::unique_ptr<World> Make(const config::Config& config, uint64_t seed,
                                     std::vector<std::string>& errors);

  // `at` counts from the start.
  void RunUntil(Duration at);
  void At(Duration at, std::function<void()> task) {
    agenda_.At(Agenda::kStart + at, std::move(task));
  }

  // What a step of a scenario says; each tells what it does.
  void SetDown(const std::string& target, bool down);
  void SetReach(const std::pair<std::string, std::string>& ends, bool reach);
  void SetDrain(const std::string& target, bool drain, std::optional<Duration> deadline);

  const config::Config& config() const { return snapshot_->config; }
  const routing::Table& table() const { return *snapshot_->table; }
  const snapshot::Snapshot& snapshot() const { return *snapshot_; }
  const Nature& nature() const { return *nature_; }
  Agenda& agenda() { return agenda_; }
  net::Random& random() { return random_; }
  Chronicle& chronicle() { return *chronicle_; }
  Crowd& crowd() { return *crowd_; }
  Recovery& recovery() { return *recovery_; }
  // As Meridian sees it; of all its services together, the worst.
  health::State StateOf(SiteId site) const;

 private:
  explicit World(uint64_t seed);
  void Tick();
  void Look();
  void LookAt(SiteId site);
  std::string Why(ServiceId service, SiteId site) const;
  std::vector<config::Target> TargetsOf(const std::string& name) const;

  Agenda agenda_{kBefore};
  net::Xoshiro random_;
  health::Registry registry_;
  snapshot::Keys keys_;
  snapshot::SnapshotPtr snapshot_;
  std::unique_ptr<Nature> nature_;
  std::unique_ptr<Chronicle> chronicle_;
  std::unique_ptr<Checks> checks_;
  std::unique_ptr<Crowd> crowd_;
  std::unique_ptr<Recovery> recovery_;
  uint32_t seen_version_ = 0;
  std::vector<health::State> states_;  // told last, by site and service
};

}  // namespace meridian::simulate
