// Adding up what is known of a site's endpoints; see observe.h.
#include <meridian/snapshot/observe.h>

#include <algorithm>
#include <optional>
#include <span>

namespace meridian::snapshot {
namespace {

using failover::Verdict;

bool IsUp(const health::Facts& facts) {
  const bool probed =
      facts.probe == health::Probe::kUp || facts.probe == health::Probe::kNotChecked;
  return probed && facts.agent != health::Agent::kDown;
}

// The word of whoever runs the endpoint, as an operator's would be.
bool Withdraws(health::Agent agent) {
  return agent == health::Agent::kDrain || agent == health::Agent::kMaint;
}

// Weights of a site's endpoints by what checks and intent say of them.
struct Tally {
  uint64_t all = 0, serving = 0, up = 0;
  bool is_unknown = false;
  std::optional<MonotonicTime> first_error;
};

Tally Count(std::span<const routing::Endpoint> pool) {
  Tally tally;
  for (const routing::Endpoint& endpoint : pool) {
    const health::Facts facts = endpoint.health->facts();
    tally.all += endpoint.weight;
    if (facts.intent != health::Intent::kServe || Withdraws(facts.agent)) continue;
    tally.serving += endpoint.weight;
    if (IsUp(facts)) tally.up += endpoint.weight;
    if (facts.probe == health::Probe::kUnknown && endpoint.weight > 0) tally.is_unknown = true;
    const MonotonicTime since = endpoint.health->since();
    if (endpoint.health->state() == health::State::kDown && since != MonotonicTime{}) {
      tally.first_error = std::min(tally.first_error.value_or(since), since);
    }
  }
  return tally;
}

}  // namespace

failover::Observation ObserveSite(const routing::Table& table, ServiceId service, SiteId site) {
  const Tally tally = Count(table.Pool(service, site));
  const double needed = table.service(service).min_healthy * static_cast<double>(tally.all);
  failover::Observation seen;
  if (tally.serving == 0 || table.site(site).weight == 0) {
    seen.verdict = Verdict::kOut;
  } else if (tally.up > 0 && static_cast<double>(tally.up) >= needed) {
    seen.verdict = Verdict::kUp;
  } else if (!tally.is_unknown) {
    seen.verdict = Verdict::kDown;
    seen.first_error = tally.first_error;
  }
  return seen;
}

}  // namespace meridian::snapshot
