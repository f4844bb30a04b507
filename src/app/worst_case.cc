// See worst_case.h for the formulas.
#include "worst_case.h"

#include <meridian/base/format.h>
#include <meridian/failover/observation.h>

#include <algorithm>

namespace meridian::app {
namespace {

constexpr Duration kRaceMost = std::chrono::milliseconds(500);
constexpr uint64_t kRacedAtOnce = 4;
constexpr Duration kDecision = std::chrono::milliseconds(200);

Duration WithJitter(Duration period) {
  return period + period / 10;
}

const topology::HealthCheck* FindCheck(const topology::Topology& topology,
                                       const std::string& name) {
  for (const topology::HealthCheck& check : topology.health_checks) {
    if (check.name == name) return &check;
  }
  return nullptr;
}

bool MayServe(const topology::Service& service, const std::string& site) {
  if (!service.disaster_recovery) return true;
  const topology::DisasterRecovery& recovery = *service.disaster_recovery;
  return site == recovery.primary || std::find(recovery.standby.begin(), recovery.standby.end(),
                                               site) != recovery.standby.end();
}

void AddFailover(const topology::DisasterRecovery& recovery, WorstCase& worst) {
  if (!recovery.automatic || !recovery.check || !worst.checks_refused) return;
  Duration status = recovery.status_interval + recovery.check->timeout;
  if (recovery.standby.size() > 1) {
    status = std::max(status, failover::kFreshIntervals * recovery.status_interval);
  }
  const Duration more = std::max(recovery.after, status) + kDecision;
  worst.failover_refused = *worst.checks_refused + more;
  worst.failover_silent = *worst.checks_silent + more;
}

}  // namespace

WorstCase ComputeWorstCase(const topology::Topology& topology, const topology::Service& service) {
  WorstCase worst;
  for (const topology::Site& site : topology.sites) {
    const auto offered = site.services.find(service.name);
    if (offered == site.services.end() || !MayServe(service, site.name)) continue;
    ++worst.sites;
    worst.endpoints = std::max<uint64_t>(worst.endpoints, offered->second.size());
  }
  const topology::HealthCheck* check = FindCheck(topology, service.health_check);
  if (check != nullptr && check->type != topology::CheckType::kNone) {
    const Duration first = WithJitter(check->interval), fast = WithJitter(check->fast_interval);
    const int64_t more = std::max<int64_t>(check->fall, 1) - 1;
    worst.checks_refused = first + more * fast;
    worst.checks_silent = first + more * std::max(fast, check->timeout) + check->timeout;
  }
  if (service.disaster_recovery) AddFailover(*service.disaster_recovery, worst);
  const Duration race = service.timeouts.race_after.value_or(kRaceMost);
  const auto waves = static_cast<int64_t>(worst.endpoints / kRacedAtOnce);
  const auto rest = static_cast<int64_t>(worst.endpoints % kRacedAtOnce);
  worst.client_silent = waves * service.timeouts.connect + rest * race;
  return worst;
}

std::string FormatSeconds(Duration duration) {
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  if (milliseconds == 0) return "0 s";
  if (milliseconds < 1000) return Format("{} ms", milliseconds);
  std::string text = Format("{}.{:03}", milliseconds / 1000, milliseconds % 1000);
  while (text.ends_with('0')) text.pop_back();
  if (text.ends_with('.')) text.pop_back();
  return text + " s";
}

}  // namespace meridian::app
