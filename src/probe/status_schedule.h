// All replication checks of the present snapshot: each site of each disaster-recovery service that
// has one. Owned by the Prober, on the probe thread; Collect by any thread.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "probe/status_check.h"

namespace meridian::probe {

class StatusSchedule {
 public:
  explicit StatusSchedule(const CheckContext& context) : context_(context) {}

  void OnStatus(StatusCheck::Tell tell) { tell_ = std::move(tell); }
  // Starts what is new or changed, keeps what stays, stops the rest.
  void Update(std::vector<StatusTarget> targets);
  void Collect(MetricSink& sink) const;

 private:
  StatusCounters& CountersOf(const StatusTarget& target);

  const CheckContext& context_;
  StatusCheck::Tell tell_ = [](const SiteStatus&) {};
  std::map<std::string, SourceHistory> sources_;  // by service
  std::vector<std::unique_ptr<StatusCheck>> checks_;
  mutable std::mutex mutex_;  // the map alone
  std::map<std::pair<std::string, std::string>, std::unique_ptr<StatusCounters>> counters_;
};

// What `snapshot` asks for.
std::vector<StatusTarget> StatusTargets(const snapshot::Snapshot& snapshot);

}  // namespace meridian::probe
