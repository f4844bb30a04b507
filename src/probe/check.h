// One endpoint under one check definition: when it is asked, and what its answers make of it. Owned
// by the Schedule, on the probe thread.
//
//   waits (timer) --due--> wants a slot --OnSlot--> asked (timer: timeout) --answer--> waits
//
// The period is counted from start to start: `interval`, or `fast_interval` while the last answer
// speaks against the verdict, ±10 %. A Recheck makes it due now, but never closer than kMinGap to
// the start before, whoever asks.
#pragma once

#include <meridian/health/health.h>
#include <meridian/health/verdict.h>
#include <meridian/net/loop.h>

#include <string>
#include <string_view>

#include "probe/attempt.h"
#include "probe/check_metrics.h"
#include "probe/slots.h"

namespace meridian::probe {

inline constexpr Duration kMinGap = std::chrono::milliseconds(50);

// What is to be checked. `check` is borrowed from the snapshot, until the next Update.
struct Target {
  health::EndpointHealth* health = nullptr;
  std::string_view site, address_text;
  net::Address
      address;  // to connect to: the check's port in place of the endpoint's, if it has one
  const topology::HealthCheck* check = nullptr;
};

// What all checks share.
struct CheckContext {
  net::Loop& loop;
  net::Random& random;
  health::Registry& registry;
  Slots& slots;
  CheckMetrics& metrics;
};

class CheckOwner {
 public:
  // The first answer, either way. Not a moment to destroy checks.
  virtual void OnFirstAnswer() = 0;

 protected:
  ~CheckOwner() = default;
};

class Check final : private SlotUser, private net::TimerHandler, private AttemptOwner {
 public:
  // `assumed`: the verdict to begin with. The first question is asked within min(interval, 1 s).
  Check(const CheckContext& context, CheckOwner& owner, const Target& target,
        health::Probe assumed);
  ~Check();

  // The same endpoint in a new snapshot. What is known stays; a changed definition is asked anew.
  void Adopt(const Target& target);
  // Ask now; if asked already, once more when that is answered.
  void Recheck();

  bool answered() const { return answered_; }
  health::Probe verdict() const { return verdict_.value(); }
  const std::string& site() const { return site_; }
  const std::string& address_text() const { return address_text_; }

 private:
  void OnSlot() override;
  void OnTimer(net::Timer& timer) override;
  void OnAnswer(Answer answer) override;
  void OnRoundTrip(Duration took, bool by_connect) override;
  void Due();
  void Learn(Answer answer);
  void Tell(Answer answer, bool changed) const;
  Duration UntilNext();
  Duration Spread(Duration period);

  const CheckContext& context_;
  CheckOwner& owner_;
  health::EndpointHealth& health_;
  const topology::HealthCheck* check_;
  CheckCounters& counters_;
  std::string site_, address_text_;
  net::Address address_;
  net::Timer timer_;
  Attempt attempt_;
  health::Verdict verdict_;
  MonotonicTime started_;  // the last question
  bool answered_ = false;
  bool again_ = false;  // a Recheck came while asking: the answer may be older than the suspicion
};

}  // namespace meridian::probe
