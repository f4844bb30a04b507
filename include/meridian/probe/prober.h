// Active checks: one loop (the probe thread's), one schedule per checked endpoint, verdicts into
// the health registry. Checks of one endpoint under one check definition run once, however many
// services use it. Runs on net's interfaces, so that the simulation checks in virtual time.
#pragma once

#include <meridian/base/metrics.h>
#include <meridian/health/health.h>
#include <meridian/net/descriptor.h>
#include <meridian/net/loop.h>
#include <meridian/probe/replication_status.h>
#include <meridian/snapshot/snapshot.h>

#include <functional>
#include <memory>
#include <string>

namespace meridian::probe {

// What a site of a disaster-recovery service said of its replication; dated by when it was asked.
struct SiteStatus {
  std::string service, site;
  failover::ReplicationStatus status;
};

class Prober {
 public:
  // `descriptors` is the loop's own; without it nothing is asked of PostgreSQL.
  Prober(net::Loop& loop, net::Random& random, health::Registry& registry,
         net::Descriptors* descriptors = nullptr);
  ~Prober();

  // Loop's thread. Starts checks that are new, keeps those that stay with all they know, stops the
  // others.
  void Update(snapshot::SnapshotPtr snapshot);
  // Any thread: check this endpoint now, and at fast_interval until its verdict is sure.
  void Recheck(health::EndpointHealth& endpoint);
  // Before the first Update: `tell` runs on the loop's thread for each replication status.
  void OnStatus(std::function<void(const SiteStatus&)> tell);
  // Loop's thread: `ready` runs once, when every check of the current snapshot has answered (either
  // way) at least once.
  void WhenAllAnswered(std::function<void()> ready);
  // Any thread.
  void Collect(MetricSink& sink) const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace meridian::probe
