// See status_schedule.h.
#include "probe/status_schedule.h"

#include <algorithm>

namespace meridian::probe {
namespace {

StatusTarget TargetOf(const routing::Table& table, ServiceId service, SiteId site) {
  const topology::Service& policy = table.service(service);
  StatusTarget target;
  target.service = policy.name;
  target.site = table.site(site).name;
  target.check = *policy.disaster_recovery->check;
  target.interval = policy.disaster_recovery->status_interval;
  for (const routing::Endpoint& endpoint : table.Pool(service, site)) {
    const net::Address& address = endpoint.address;
    const bool as_it_is = target.check.port == 0 || address.is_unix();
    target.addresses.push_back(as_it_is ? address : net::Address(address.ip(), target.check.port));
  }
  return target;
}

}  // namespace

void StatusSchedule::Update(std::vector<StatusTarget> targets) {
  std::vector<std::unique_ptr<StatusCheck>> before = std::move(checks_);
  checks_.clear();
  for (const StatusTarget& target : targets) {
    const auto same = std::find_if(before.begin(), before.end(), [&](const auto& check) {
      return check != nullptr && check->target() == target;
    });
    if (same != before.end()) {
      checks_.push_back(std::move(*same));
    } else {
      checks_.push_back(std::make_unique<StatusCheck>(context_, target, CountersOf(target),
                                                      sources_[target.service], tell_));
    }
  }
}

StatusCounters& StatusSchedule::CountersOf(const StatusTarget& target) {
  const std::lock_guard lock(mutex_);
  auto& counters = counters_[{target.service, target.site}];
  if (counters == nullptr) counters = std::make_unique<StatusCounters>();
  return *counters;
}

void StatusSchedule::Collect(MetricSink& sink) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [key, counters] : counters_) {
    for (size_t i = 0; i < kStatusQualityCount; ++i) {
      sink.Count("meridian_replication_statuses_total",
                 "Replication statuses received, by what could be read of them.",
                 {{"service", key.first},
                  {"site", key.second},
                  {"result", Name(static_cast<StatusQuality>(i))}},
                 counters->statuses[i].value());
    }
  }
}

std::vector<StatusTarget> StatusTargets(const snapshot::Snapshot& snapshot) {
  const routing::Table& table = *snapshot.table;
  std::vector<StatusTarget> targets;
  for (uint32_t i = 0; i < table.services().size(); ++i) {
    const auto& recovery = table.service(ServiceId{i}).disaster_recovery;
    if (!recovery || !recovery->check) continue;
    std::vector<std::string> names = recovery->standby;
    names.insert(names.begin(), recovery->primary);
    for (const std::string& name : names) {
      const SiteId site = table.FindSite(name);
      if (!site.ok() || table.Pool(ServiceId{i}, site).empty()) continue;
      targets.push_back(TargetOf(table, ServiceId{i}, site));
    }
  }
  return targets;
}

}  // namespace meridian::probe
