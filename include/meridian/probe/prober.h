// Active checks: one loop (the probe thread's), one schedule per checked endpoint, verdicts into
// the health registry. Checks of one endpoint under one check definition run once, however many
// services use it. Runs on net's interfaces, so that the simulation checks in virtual time.
#pragma once

#include <meridian/base/metrics.h>
#include <meridian/health/health.h>
#include <meridian/net/loop.h>
#include <meridian/snapshot/snapshot.h>

#include <functional>
#include <memory>

namespace meridian::probe {

class Prober {
 public:
  Prober(net::Loop& loop, net::Random& random, health::Registry& registry);
  ~Prober();

  // Loop's thread. Starts checks that are new, keeps those that stay with all they know, stops the
  // others.
  void Update(snapshot::SnapshotPtr snapshot);
  // Any thread: check this endpoint now, and at fast_interval until its verdict is sure.
  void Recheck(health::EndpointHealth& endpoint);
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
