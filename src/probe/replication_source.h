// Where a PostgreSQL primary's log stood, and when: by that, how far a standby is behind is known
// even when it hears nothing from the primary any more and cannot say so itself, and a standby
// whose link is silent is not taken for one that is level. Probe thread.
#pragma once

#include <meridian/probe/replication_status.h>

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

namespace meridian::probe {

class SourceHistory {
 public:
  static constexpr size_t kMaxSamples = 64;

  // `site` was primary at `at`, its log written up to `position`.
  void Add(std::string_view site, MonotonicTime at, uint64_t position);

  // Another number for each time that another site is primary, or that one's log is not a
  // continuation; 0: none was seen.
  uint64_t life() const { return life_; }
  // How far the latest sample known is ahead in time of the newest that `received` covers; empty:
  // it covers none.
  std::optional<Duration> Behind(uint64_t received) const;
  // Bytes of the latest sample beyond `applied`.
  uint64_t Backlog(uint64_t applied) const;

 private:
  struct Sample {
    MonotonicTime at;
    uint64_t position = 0;
  };
  std::string site_;
  uint64_t life_ = 0;
  std::deque<Sample> samples_;  // the oldest first
};

// A standby's status as it tells it, made honest. `followed`: it was seen to receive in the
// source's present life; if it does not receive now and was not, its log may be another one, and
// nothing is known.
void CompleteStandby(PostgresStatus& status, const SourceHistory& source, bool followed,
                     Duration interval);

}  // namespace meridian::probe
