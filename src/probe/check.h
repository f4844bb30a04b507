// One endpoint under one check definition: when it is asked, and what its answers make of it. Owned
// by the Schedule, on the probe thread.
//
//   waits (timer) --due--> wants a slot --OnSlot--> asked (timer: timeout) --answer--> waits
//
// The period is counted from start to start: `interval`, or `fast_interval` while the last answer
// speaks against the verdict, ±10 %. A Recheck makes it due now, but never closer than kMinGap to
// the start before, whoever asks.
//
// A check of an agent makes the agent's fact of health. Where it is all that is asked of an
// endpoint (type agent), that it answers is the probe's verdict, too; beside another check
// (agent_port) it has none.
#pragma once

#include <meridian/codec/http2.h>
#include <meridian/health/health.h>
#include <meridian/health/verdict.h>
#include <meridian/net/descriptor.h>
#include <meridian/net/loop.h>
#include <meridian/tls/stream.h>

#include <memory>
#include <string>
#include <string_view>

#include "probe/agent_line.h"
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
  std::shared_ptr<const tls::ClientContext> tls = nullptr;  // null: plain
  bool beside = false;                                      // an agent's, besides another check
};

// What is known of an endpoint by the checks it had before.
struct Known {
  health::Probe probe = health::Probe::kUnknown;
  AgentMemory agent;
};

// What all checks share.
struct CheckContext {
  net::Loop& loop;
  net::Random& random;
  health::Registry& registry;
  Slots& slots;
  CheckMetrics& metrics;
  tls::Workspace& tls;
  codec::Http2Pool& http2;
  net::Descriptors* descriptors;  // null: none can be watched, as in a simulation
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
  // `assumed`: what to begin with. The first question is asked within min(interval, 1 s).
  Check(const CheckContext& context, CheckOwner& owner, const Target& target, const Known& assumed);
  ~Check();

  // The same endpoint in a new snapshot. What is known stays; a changed definition is asked anew.
  void Adopt(const Target& target);
  // Ask now; if asked already, once more when that is answered.
  void Recheck();

  // Nobody watches the endpoint any more: what its agent said is void.
  void Retire();

  bool answered() const { return answered_; }
  bool beside() const { return beside_; }
  health::Probe verdict() const { return verdict_.value(); }
  const AgentMemory& agent() const { return agent_; }
  const std::string& site() const { return site_; }
  const std::string& address_text() const { return address_text_; }

 private:
  void OnSlot() override;
  void OnTimer(net::Timer& timer) override;
  void OnAnswer(Answer answer) override;
  void OnRoundTrip(Duration took, bool by_connect) override;
  void OnCertificate(WallTime expires) override;
  bool hears_agent() const { return check_->type == topology::CheckType::kAgent; }
  Question question() const { return {check_, tls_}; }
  bool HearAgent();
  void TellAgent(health::Agent before) const;
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
  std::shared_ptr<const tls::ClientContext> tls_;
  net::Timer timer_;
  std::unique_ptr<Attempt> attempt_;
  health::Verdict verdict_;
  AgentMemory agent_;
  const bool beside_;
  MonotonicTime started_;  // the last question
  bool answered_ = false;
  bool again_ = false;  // a Recheck came while asking: the answer may be older than the suspicion
};

}  // namespace meridian::probe
