// All checks of the present snapshot, one for each endpoint and check definition, and one for each
// agent beside. Owned by the Prober, on the probe thread.
#pragma once

#include <meridian/base/counter.h>
#include <meridian/health/health.h>
#include <meridian/net/loop.h>

#include <array>
#include <functional>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "probe/check.h"
#include "probe/check_metrics.h"
#include "probe/slots.h"

namespace meridian::probe {

inline constexpr uint32_t kMaxInFlight = 1000;

class Schedule final : public CheckOwner, private net::TimerHandler {
 public:
  Schedule(net::Loop& loop, net::Random& random, health::Registry& registry,
           net::Descriptors* descriptors = nullptr, uint32_t max_in_flight = kMaxInFlight);

  // Starts what is new, keeps what stays with all it knows, stops the rest. An endpoint that comes
  // under another check keeps the verdict of the one it had until the new one answers. What
  // `targets` point to stays valid until the next Update has returned.
  void Update(std::span<const Target> targets);
  // Nothing if the endpoint is not checked.
  void Recheck(health::EndpointHealth& endpoint);
  // `ready` runs from the loop, once, when every check has answered at least once. Before the first
  // Update nothing has.
  void WhenAllAnswered(std::function<void()> ready);
  // Any thread.
  void Collect(MetricSink& sink) const;
  // What all checks share, those of replication too.
  const CheckContext& context() const { return context_; }

 private:
  using Positions = std::unordered_map<health::EndpointHealth*, size_t>;

  void OnFirstAnswer() override;
  void OnTimer(net::Timer& timer) override;
  void TellIfReady();

  CheckMetrics metrics_;
  Slots slots_;
  tls::Workspace tls_;
  codec::Http2Pool http2_;
  const CheckContext context_;
  std::vector<std::unique_ptr<Check>> checks_;  // in order of targets, so that runs repeat
  std::array<Positions, 2> positions_;          // in checks_; of those beside others apart
  Counter size_;                                // of checks_, for other threads
  size_t unanswered_ = 0;
  bool updated_ = false;
  std::function<void()> ready_;
  net::Timer ready_timer_;
};

}  // namespace meridian::probe
