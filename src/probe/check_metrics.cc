// See check_metrics.h.
#include "probe/check_metrics.h"

namespace meridian::probe {

CheckCounters& CheckMetrics::Of(std::string_view site, std::string_view check) {
  const std::lock_guard lock(mutex_);
  auto& block = blocks_[{std::string(site), std::string(check)}];
  if (block == nullptr) block = std::make_unique<CheckCounters>();
  return *block;
}

void CheckMetrics::Collect(MetricSink& sink) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [key, block] : blocks_) {
    for (size_t i = 0; i < block->answers.size(); ++i) {
      sink.Count(
          "meridian_checks_total", "Health checks by what came back.",
          {{"site", key.first}, {"check", key.second}, {"result", Name(static_cast<Answer>(i))}},
          block->answers[i].value());
    }
  }
  for (const auto& [key, block] : blocks_) {
    Histogram::Values values;
    block->duration.AddTo(values);
    sink.Distribution("meridian_check_duration_seconds",
                      "Time from a check's start to the endpoint's answer or its timeout.",
                      {{"site", key.first}, {"check", key.second}}, values);
  }
}

}  // namespace meridian::probe
