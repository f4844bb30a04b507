// What the checks count: one block for each site and check definition, kept over reloads. The probe
// thread writes, any thread collects; the lock is for the map alone, taken when a check is made.
#pragma once

#include <meridian/base/counter.h>
#include <meridian/base/metrics.h>

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "probe/attempt.h"

namespace meridian::probe {

struct CheckCounters {
  std::array<Counter, static_cast<size_t>(Answer::kCount)> answers;
  Histogram duration;  // of those that got an answer from the endpoint
};

class CheckMetrics {
 public:
  // Finds or makes; stays valid as long as this.
  CheckCounters& Of(std::string_view site, std::string_view check);
  void Collect(MetricSink& sink) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, std::unique_ptr<CheckCounters>> blocks_;
};

}  // namespace meridian::probe
