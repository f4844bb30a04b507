// The health view: what is known of every endpoint and site, shared by all threads as relaxed
// atomics, one cache line each, found by name so that it outlives snapshots and reloads. Four facts
// are kept apart (intent, probe, agent, traffic); the state is a pure function of them. Workers
// report what traffic showed, the probe thread its verdicts, control the operator's intent; a
// decision only reads.
//
// Whatever changes a state bumps Registry::version(), by which readers know that a cached aggregate
// is stale. What only time changes (an ejection or a drain that runs out) is changed by Sweep, so a
// reader needs no clock.
#pragma once

#include <meridian/base/counter.h>
#include <meridian/base/time.h>
#include <meridian/health/facts.h>
#include <meridian/health/response_time.h>
#include <meridian/health/round_trip.h>
#include <meridian/health/service.h>
#include <meridian/topology/topology.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace meridian::health {

// Slow start: the share of what it takes in the end that an endpoint takes `up_for` after it came
// up; from kRampStart in a straight line to 1 at `slow_start`.
inline constexpr double kRampStart = 0.1;
double RampShare(Duration up_for, Duration slow_start);

// What traffic showed of one attempt.
enum class Outcome : uint8_t {
  kSuccess,        // a response, or bytes, came
  kConnectFailed,  // refused, unreachable or timed out before anything was sent
  kReset,          // broken before a response
  kGatewayStatus,  // 502, 503, 504
  kResponseTimeout,
};

struct IntentRecord {
  Intent intent = Intent::kServe;
  std::string author, reason;
  WallTime since{};
  WallTime deadline{};  // of a drain: when sessions are cut; zero: none
  WallTime expires{};   // when the intent ends by itself; zero: never
};

// One endpoint, identified by site, address and the check that watches it. Made by a Registry,
// lives as long as it. Facts, the state they give and the end of what traffic showed are one atomic
// word, changed by compare-and-swap: a reader never sees a state that its facts do not give.
class alignas(kCacheLine) EndpointHealth {
 public:
  EndpointHealth(const EndpointHealth&) = delete;

  Facts facts() const;
  State state() const { return StateOf(word_.load(std::memory_order_relaxed)); }
  MonotonicTime since() const;  // the present state
  // May take a new session; may go on with one that is pinned to it.
  bool takes_new() const { return state() == State::kUp; }
  bool takes_pinned() const { return state() == State::kUp || state() == State::kDraining; }
  // The same at a given time: a drain whose deadline has passed keeps no pinned session either.
  bool takes_pinned(WallTime now) const {
    return state() == State::kUp || (state() == State::kDraining && !DrainOver(now));
  }
  bool DrainOver(WallTime now) const {
    const int64_t deadline = drain_deadline_ns_.load(std::memory_order_relaxed);
    return deadline != 0 && now.time_since_epoch().count() >= deadline;
  }

  uint32_t in_flight() const { return in_flight_.load(std::memory_order_relaxed); }
  void Begin() { in_flight_.fetch_add(1, std::memory_order_relaxed); }
  void End() { in_flight_.fetch_sub(1, std::memory_order_relaxed); }

  // When it came up from being down, draining or out, the last time that made it cold; zero: never.
  MonotonicTime cold_since() const {
    return MonotonicTime(Duration(cold_since_ns_.load(std::memory_order_relaxed)));
  }

  // Moving average (1/8 weight) of this endpoint's connect time; zero: not measured.
  Duration connect_time() const {
    return Duration(connect_time_ns_.load(std::memory_order_relaxed));
  }
  void ObserveConnect(Duration took);

  // How much of its weight its agent gives it, in percent, 1 to 100; 100 without one.
  uint32_t agent_share() const { return agent_share_.load(std::memory_order_relaxed); }

  // When the first of the certificates that its TLS check was shown expires; zero: none was. Probe
  // thread sets, any reads.
  WallTime certificate_expires() const;
  void SetCertificateExpires(WallTime when);

  // What hedging at p99 goes by; any worker.
  ResponseTime& response_time();
  // Until when it has asked to be left alone (Retry-After); in the past: it has not. Any worker.
  MonotonicTime busy_until() const;
  void SetBusy(MonotonicTime until);
  // When it last began to answer anybody, to the millisecond. Any worker.
  MonotonicTime heard() const;
  void SetHeard(MonotonicTime now);
  // Somebody asks it, who has it in use; since when nobody is answered: max(): nobody waits.
  void SetAsked(MonotonicTime now);
  MonotonicTime silent_since() const;

 private:
  friend class Registry;
  struct Identity;
  static constexpr int kStateShift = 9;
  static State StateOf(uint64_t word) { return static_cast<State>(word >> kStateShift & 0x7f); }
  EndpointHealth() = default;

  std::atomic<uint64_t> word_{0};  // layout: src/health/word.h
  std::atomic<uint32_t> in_flight_{0};
  std::atomic<uint16_t> consecutive_errors_{0};
  std::atomic<uint8_t> ejections_in_a_row_{0}, agent_share_{100};
  // The running window of the error rate.
  std::atomic<uint32_t> window_errors_{0}, window_total_{0};
  std::atomic<int64_t> window_start_ns_{0};
  std::atomic<int64_t> connect_time_ns_{0};
  std::atomic<int64_t> drain_deadline_ns_{0};  // wall time; 0: none
  std::atomic<int64_t> cold_since_ns_{0};      // 0: never cold
  std::unique_ptr<Identity> identity_;         // what no decision reads
};

// One site, across its services.
struct alignas(kCacheLine) SiteHealth {
  SiteOrdinal ordinal = kNoSite;      // set by the Registry, constant from then on
  std::atomic<uint8_t> intent{0};     // the strictest Intent of site and region
  std::atomic<uint32_t> sessions{0};  // concurrent, all services
  RoundTrip round_trip;               // from here, over all its endpoints
};

// Told when an endpoint's state changes, on the thread that changed it: log, event, check.
struct Change {
  std::string_view site, address, check;
  EndpointHealth* endpoint = nullptr;
  State before = State::kDown, after = State::kDown;
  Facts facts;
};

class Registry {
 public:
  Registry();
  ~Registry();

  // Finds or makes; the reference stays valid as long as the Registry. Control thread. `check` is
  // the name of a health check, or empty for none: then the probe fact is kNotChecked.
  EndpointHealth& Endpoint(std::string_view site, std::string_view address, std::string_view check);
  SiteHealth& Site(std::string_view site);
  ServiceHealth& Service(std::string_view service);
  // Where sites stand, so that a region's or site's intent reaches its endpoints. Control thread,
  // each snapshot.
  void SetRegion(std::string_view site, std::string_view region);

  // Bumped by every change of a state or intent.
  uint32_t version() const { return version_.load(std::memory_order_acquire); }

  // Listeners open: what comes up from now on is cold and takes a ramp. What came up before came up
  // together with Meridian, and so did all its peers.
  void BeginSlowStarts() { slow_starts_.store(true, std::memory_order_relaxed); }

  // Probe thread: a verdict. A good one clears kSuspect, and kEjected whose time has passed. Who
  // comes up by it is cold, unless only a suspicion had kept it down.
  void SetProbe(EndpointHealth& endpoint, Probe verdict, MonotonicTime now);
  // The same for what another check of the endpoint said: it makes nothing cold.
  void AssumeProbe(EndpointHealth& endpoint, Probe verdict, MonotonicTime now);
  // Probe thread: what the endpoint's agent says, the percent of its weight it gives it (1 to 100),
  // and its reason, for people. kNone takes all of it back.
  void SetAgent(EndpointHealth& endpoint, Agent word, uint8_t share, std::string_view reason,
                MonotonicTime now);
  std::string AgentReason(const EndpointHealth& endpoint) const;
  // Any thread: the time of a connect that succeeded, for the endpoint and for its site; or another
  // round trip measured on the way there, for the site alone. Bumps the version when the site's
  // published value moves.
  void ObserveConnect(EndpointHealth& endpoint, Duration took);
  void ObserveRoundTrip(EndpointHealth& endpoint, Duration took);
  // Any worker, once per attempt; lock-free and without allocation unless a state changes. The
  // first connect failure makes the endpoint suspect, at once, for all; `consecutive_errors` or the
  // error rate eject it, but never more than max_ejected of `peers` (its site's endpoints of the
  // service, itself included), unless every one of them fails: then the site is dead, and all are
  // ejected at once.
  void Report(EndpointHealth& endpoint, Outcome outcome, const topology::Outliers& policy,
              const EndpointHealth* const* peers, size_t peer_count, MonotonicTime now);
  // The same suspicion without a failure: it has been silent for too long. Any worker.
  void Suspect(EndpointHealth& endpoint, const topology::Outliers& policy, MonotonicTime now);
  // What time has changed: expired ejections and suspicions. Probe thread, about every 100 ms.
  void Sweep(MonotonicTime now);

  // Operator's intent for "region", "site" or "site/endpoint address". Control thread. kServe
  // removes the record. `now` dates the states it makes; without it they keep the date of the one
  // before.
  void SetIntent(std::string_view target, const IntentRecord& record, MonotonicTime now = {});
  // All records that are not kServe, by target.
  std::vector<std::pair<std::string, IntentRecord>> Intents() const;
  Intent IntentOf(std::string_view target) const;

  // Called on every change of an endpoint's state, by the thread that made it. Set once, before
  // threads start.
  void OnChange(std::function<void(const Change&)> listener);
  // Called when traffic makes an endpoint suspect: check it now. Set once, before threads start.
  void OnSuspect(std::function<void(EndpointHealth&)> listener);

 private:
  friend class EndpointHealth;
  static constexpr size_t kSlab = 256;
  struct Word;
  // Applies `change` to the endpoint's word until it holds; tells, if the state moved. `now` dates
  // the new state.
  template <class Update>
  bool Apply(EndpointHealth& endpoint, MonotonicTime now, Update change, Change& told);
  void Tell(const Change& change);
  void SetProbe(EndpointHealth& endpoint, Probe verdict, MonotonicTime now, bool assumed);
  SiteHealth& FindSite(std::string_view site);
  bool CountOutcome(EndpointHealth& endpoint, bool failed, const topology::Outliers& policy,
                    MonotonicTime now);
  void EjectWithinCap(EndpointHealth& endpoint, const topology::Outliers& policy,
                      const EndpointHealth* const* peers, size_t peer_count, MonotonicTime now);
  enum class Ejection : uint8_t { kNo, kOne, kWholeSite };
  static bool Failing(const EndpointHealth& endpoint, const topology::Outliers& policy);
  static Ejection Allowed(const EndpointHealth& endpoint, const topology::Outliers& policy,
                          const EndpointHealth* const* peers, size_t peer_count);
  void Eject(EndpointHealth& endpoint, const topology::Outliers& policy, MonotonicTime now,
             std::vector<Change>& changes);
  IntentRecord Strictest(std::string_view site, std::string_view address) const;
  void ApplyIntent(EndpointHealth& endpoint, MonotonicTime now, std::vector<Change>& changes);
  void ApplyIntents(MonotonicTime now);

  std::atomic<uint32_t> version_{1};
  std::atomic<bool> slow_starts_{false};
  mutable std::mutex mutex_;   // the maps; never taken by a worker
  std::mutex ejection_mutex_;  // counting against the cap and ejecting are one step
  // Side by side, so that those of a large topology take as few cache lines as may be.
  std::vector<std::unique_ptr<EndpointHealth[]>> slabs_;
  std::unordered_map<std::string, EndpointHealth*> endpoints_;
  std::unordered_map<std::string, std::unique_ptr<SiteHealth>> sites_;
  std::unordered_map<std::string, std::unique_ptr<ServiceHealth>> services_;
  std::unordered_map<std::string, std::string> region_of_;
  std::unordered_map<std::string, IntentRecord> intents_;
  std::function<void(const Change&)> on_change_;
  std::function<void(EndpointHealth&)> on_suspect_;
};

}  // namespace meridian::health
