// Passive detection: what workers report of every attempt. A success costs two loads and one add;
// only a change of state costs more. Any worker.
//
// A failed connect makes the endpoint suspect, which is not capped: whoever asks next goes
// elsewhere. Errors in a row, or their share of a window, eject it; that is capped at a share of
// its peers, counted under a mutex so that two workers cannot both take the last place. A site of
// which every endpoint fails has nothing to protect: the cap gives way and the site flips as one.
#include "health/apply.h"

namespace meridian::health {
namespace {

constexpr uint32_t kMinimumOutcomes = 20;  // below, a rate says nothing
constexpr uint8_t kMaxGrowth = 10;         // an ejection lasts at most this many times eject_for

}  // namespace

Facts EndpointHealth::facts() const {
  return Registry::Word::Unpack(word_.load(std::memory_order_relaxed)).facts;
}

void EndpointHealth::ObserveConnect(Duration took) {
  const int64_t sample = std::max<int64_t>(took.count(), 1);
  int64_t average = connect_time_ns_.load(std::memory_order_relaxed);
  const int64_t next = average == 0 ? sample : average + (sample - average) / 8;
  // A sample lost to another worker's does not matter.
  connect_time_ns_.compare_exchange_strong(average, next, std::memory_order_relaxed);
}

void Registry::ObserveConnect(EndpointHealth& endpoint, Duration took) {
  endpoint.ObserveConnect(took);
  ObserveRoundTrip(endpoint, took);
}

void Registry::ObserveRoundTrip(EndpointHealth& endpoint, Duration took) {
  if (endpoint.identity_->site_health.round_trip.Observe(took)) {
    version_.fetch_add(1, std::memory_order_release);
  }
}

void Registry::Report(EndpointHealth& endpoint, Outcome outcome, const topology::Outliers& policy,
                      const EndpointHealth* const* peers, size_t peer_count, MonotonicTime now) {
  const bool failed = outcome != Outcome::kSuccess;
  const bool eject = CountOutcome(endpoint, failed, policy, now);
  if (outcome == Outcome::kConnectFailed) Suspect(endpoint, policy, now);
  if (eject) EjectWithinCap(endpoint, policy, peers, peer_count, now);
}

// Counts one outcome; true if the policy wants the endpoint ejected.
bool Registry::CountOutcome(EndpointHealth& endpoint, bool failed, const topology::Outliers& policy,
                            MonotonicTime now) {
  const int64_t now_ns = now.time_since_epoch().count();
  int64_t start = endpoint.window_start_ns_.load(std::memory_order_relaxed);
  if (now_ns - start >= policy.window.count() &&
      endpoint.window_start_ns_.compare_exchange_strong(start, now_ns, std::memory_order_relaxed)) {
    endpoint.window_errors_.store(0, std::memory_order_relaxed);
    endpoint.window_total_.store(0, std::memory_order_relaxed);
  }
  const uint32_t total = endpoint.window_total_.fetch_add(1, std::memory_order_relaxed) + 1;
  if (!failed) {
    if (endpoint.consecutive_errors_.load(std::memory_order_relaxed) != 0) {
      endpoint.consecutive_errors_.store(0, std::memory_order_relaxed);
    }
    return false;
  }
  const uint32_t errors = endpoint.window_errors_.fetch_add(1, std::memory_order_relaxed) + 1;
  uint16_t in_a_row = endpoint.consecutive_errors_.load(std::memory_order_relaxed);
  while (in_a_row != UINT16_MAX &&
         !endpoint.consecutive_errors_.compare_exchange_weak(
             in_a_row, static_cast<uint16_t>(in_a_row + 1), std::memory_order_relaxed)) {
  }
  if (policy.consecutive_errors != 0 && in_a_row + 1u >= policy.consecutive_errors) return true;
  return total >= kMinimumOutcomes && errors >= policy.error_rate * total;
}

void Registry::Suspect(EndpointHealth& endpoint, const topology::Outliers& policy,
                       MonotonicTime now) {
  const uint64_t until = Word::Ticks(now + policy.eject_for);
  bool first = false;
  const auto update = [until, &first](Word& word) {
    if (word.facts.traffic == Traffic::kEjected) return false;
    first = word.facts.traffic == Traffic::kClear;
    word.facts.traffic = Traffic::kSuspect;
    word.until_ticks = std::max(word.until_ticks, until);
    return true;
  };
  Change change;
  const bool changed = Apply(endpoint, now, update, change);
  if (changed) Tell(change);
  if (first && on_suspect_) on_suspect_(endpoint);
}

Registry::Ejection Registry::Allowed(const EndpointHealth& endpoint,
                                     const topology::Outliers& policy,
                                     const EndpointHealth* const* peers, size_t peer_count) {
  if (endpoint.facts().traffic == Traffic::kEjected) return Ejection::kNo;
  size_t ejected = 0, failing = 0;
  for (size_t i = 0; i < peer_count; ++i) {
    if (peers[i] == &endpoint) continue;
    ejected += peers[i]->facts().traffic == Traffic::kEjected;
    failing += peers[i]->state() != State::kUp || Failing(*peers[i], policy);
  }
  if (failing + 1 >= peer_count) return Ejection::kWholeSite;
  const double cap = policy.max_ejected * static_cast<double>(peer_count);
  return static_cast<double>(ejected + 1) <= cap ? Ejection::kOne : Ejection::kNo;
}

void Registry::EjectWithinCap(EndpointHealth& endpoint, const topology::Outliers& policy,
                              const EndpointHealth* const* peers, size_t peer_count,
                              MonotonicTime now) {
  // Asked first without the mutex: an endpoint that the cap holds in rotation must not cost a lock
  // per error.
  if (Allowed(endpoint, policy, peers, peer_count) == Ejection::kNo) return;
  std::vector<Change> changes;
  {
    const std::lock_guard lock(ejection_mutex_);
    const Ejection allowed = Allowed(endpoint, policy, peers, peer_count);
    if (allowed == Ejection::kNo) return;
    Eject(endpoint, policy, now, changes);
    for (size_t i = 0; allowed == Ejection::kWholeSite && i < peer_count; ++i) {
      EndpointHealth& peer = const_cast<EndpointHealth&>(*peers[i]);
      if (Failing(peer, policy)) Eject(peer, policy, now, changes);
    }
  }
  for (const Change& change : changes) Tell(change);
  if (on_suspect_) on_suspect_(endpoint);
}

bool Registry::Failing(const EndpointHealth& endpoint, const topology::Outliers& policy) {
  const uint32_t in_a_row = endpoint.consecutive_errors_.load(std::memory_order_relaxed);
  const uint32_t total = endpoint.window_total_.load(std::memory_order_relaxed);
  const uint32_t errors = endpoint.window_errors_.load(std::memory_order_relaxed);
  return (policy.consecutive_errors != 0 && in_a_row >= policy.consecutive_errors) ||
         (total >= kMinimumOutcomes && errors >= policy.error_rate * total);
}

// The mutex of ejections is held.
void Registry::Eject(EndpointHealth& endpoint, const topology::Outliers& policy, MonotonicTime now,
                     std::vector<Change>& changes) {
  // In a row means: within the length of the last ejection after it ended.
  const uint8_t row = endpoint.ejections_in_a_row_.load(std::memory_order_relaxed);
  const Word last = Word::Unpack(endpoint.word_.load(std::memory_order_relaxed));
  const uint64_t grace = Word::Ticks(MonotonicTime(policy.eject_for * std::max<int>(row, 1)));
  const bool again = row != 0 && Word::Ticks(now) <= last.until_ticks + grace;
  const uint8_t growth = again ? std::min<uint8_t>(static_cast<uint8_t>(row + 1), kMaxGrowth) : 1;
  endpoint.ejections_in_a_row_.store(growth, std::memory_order_relaxed);

  const uint64_t until = Word::Ticks(now + policy.eject_for * growth);
  const auto update = [until](Word& word) {
    word.facts.traffic = Traffic::kEjected;
    word.until_ticks = until;
    return true;
  };
  Change change;
  if (Apply(endpoint, now, update, change)) changes.push_back(change);
  endpoint.consecutive_errors_.store(0, std::memory_order_relaxed);
  endpoint.window_errors_.store(0, std::memory_order_relaxed);
  endpoint.window_total_.store(0, std::memory_order_relaxed);
}

}  // namespace meridian::health
