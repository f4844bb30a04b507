// The disaster-recovery services: for each its controller, as the daemon runs it, fed with what
// Meridian would see, and a model of the replication between its sites.
//
//   lag of a replica   follows what the scenario says while its source is reached; grows by a
//                      second a second while the source lives and is not reached; stands still when
//                      the source is dead, for nothing new is written; falls by ten seconds a
//                      second when it catches up, to zero while no session writes
//   roles              the active site is primary, all others are standbys: a former primary that
//                      comes back has lost the role and follows
//   backlog            not modelled; max_backlog never closes a gate here
#pragma once

#include <meridian/config/scenario.h>
#include <meridian/failover/controller.h>
#include <meridian/simulate/report.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "simulate/crowd.h"

namespace meridian::simulate {

class Recovery {
 public:
  Recovery(const Crowd::Context& context, Crowd& crowd);
  ~Recovery();

  // Every 100 ms: replication goes on, controllers hear and decide, routing is directed.
  void Tick();

  void SetLag(std::string_view site, Duration lag);
  void SetLagGrowth(std::string_view site, double seconds_a_second);
  // An operator's orders; what is refused is told.
  void Failover(const config::FailoverStep& order);
  void Failback(const std::string& service);
  void Acknowledge(const std::string& service);
  void SetAutomation(const config::AutomationStep& order);

  // Null: not a disaster-recovery service.
  const failover::Controller* Find(std::string_view service) const;
  const failover::Policy* PolicyOf(std::string_view service) const;
  // All moves so far, oldest first.
  std::vector<MoveReport> Moves() const;

 private:
  struct Replica {
    SiteId site;
    std::string name;
    double lag = 0, floor = 0, growth = 0;  // seconds; `floor` is what it follows with
    uint64_t epoch = 0;                     // the highest it was told
    MonotonicTime next_status{};
  };
  class Record;
  struct Service;

  Service* Of(std::string_view name);
  void Replicate(Service& service);
  void Observe(Service& service);
  void Tell(Service& service);
  void Direct(Service& service);
  void Publish(const Service& service, const failover::Direction& direction);
  void BreakWrites(const Service& service, bool at_active);
  failover::Observation See(const Service& service, Replica& replica);
  std::optional<MonotonicTime> FirstErrorAt(const Service& service, SiteId site) const;
  bool Writes(const Service& service) const;
  void TellOrder(const Service& service, const std::string& what, const Result<>& result);

  const Crowd::Context context_;
  Crowd& crowd_;
  std::vector<std::unique_ptr<Service>> services_;
  MonotonicTime last_tick_{};
};

}  // namespace meridian::simulate
