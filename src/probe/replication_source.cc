// See replication_source.h.
#include "probe/replication_source.h"

#include <algorithm>

namespace meridian::probe {

void SourceHistory::Add(std::string_view site, MonotonicTime at, uint64_t position) {
  const bool goes_on = site == site_ && !samples_.empty() && position >= samples_.back().position;
  if (!goes_on) {
    site_ = site;
    samples_.clear();
    ++life_;
  }
  samples_.push_back({at, position});
  if (samples_.size() > kMaxSamples) samples_.pop_front();
}

std::optional<Duration> SourceHistory::Behind(uint64_t received) const {
  for (auto sample = samples_.rbegin(); sample != samples_.rend(); ++sample) {
    if (sample->position <= received) return samples_.back().at - sample->at;
  }
  return std::nullopt;
}

uint64_t SourceHistory::Backlog(uint64_t applied) const {
  if (samples_.empty()) return 0;
  const uint64_t position = samples_.back().position;
  return position > applied ? position - applied : 0;
}

void CompleteStandby(PostgresStatus& status, const SourceHistory& source, bool followed,
                     Duration interval) {
  failover::ReplicationStatus& told = status.parsed.status;
  if (!status.position || !status.applied) return;
  const bool receives = told.source_connected.value_or(false);
  // Another primary's log is no measure of this one's.
  if (receives || followed) told.position_bytes = status.position;
  const std::optional<Duration> behind = source.Behind(*status.position);
  if (receives && told.lag) {
    // The two were asked at different moments, an interval apart at most.
    told.lag = std::max(*told.lag, behind.value_or(Duration(0)) - interval);
  } else if (!receives) {
    // What the source wrote after its last sample is not known to be here.
    told.lag = followed && behind ? std::optional(*behind + interval) : std::nullopt;
  }
  if (!receives && !followed) {
    told.backlog_bytes.reset();
  } else {
    const uint64_t unapplied =
        *status.position > *status.applied ? *status.position - *status.applied : 0;
    const uint64_t known = std::max(unapplied, source.Backlog(*status.applied));
    told.backlog_bytes = std::max(told.backlog_bytes.value_or(0), receives ? unapplied : known);
  }
  if (told.lag) status.parsed.quality = StatusQuality::kComplete;
}

}  // namespace meridian::probe
