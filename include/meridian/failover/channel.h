// One replication channel, watched on its own: how fast its backlog and lag grow, when the gate
// would close, whether it stands still. The slope is the least-squares line over the statuses of
// the last kChannelWindow intervals, at most kChannelSamples of them. Control thread; allocates
// nothing.
#pragma once

#include <meridian/failover/observation.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace meridian::failover {

inline constexpr size_t kChannelSamples = 32;
inline constexpr int kChannelWindow = 30;   // intervals looked back
inline constexpr int kAlarmAhead = 30;      // intervals before the gate closes
inline constexpr double kAlarmShare = 0.8;  // of max_lag or max_backlog

enum class ChannelAlarm : uint8_t {
  kNone,
  kClosing,  // the gate closes soon: a limit is near, or would be reached within kAlarmAhead
  kStalled,  // nothing is applied, or the source is gone
  kClosed,   // past max_lag or max_backlog
  kUnknown,  // no fresh status
};

struct ChannelView {
  ChannelAlarm alarm = ChannelAlarm::kUnknown;
  std::optional<Duration> lag;
  std::optional<uint64_t> backlog_bytes;
  std::optional<double> backlog_growth;    // bytes a second; negative: it shrinks
  std::optional<double> lag_growth;        // seconds a second
  std::optional<Duration> until_full;      // max_backlog reached; empty: it does not grow
  std::optional<Duration> until_too_late;  // max_lag reached
  bool is_stalled = false;
};

class ReplicationChannel {
 public:
  // One that is not newer than the last is ignored.
  void Observe(const ReplicationStatus& status);
  ChannelView View(const Policy& policy, MonotonicTime now) const;
  void Clear() { count_ = 0; }

 private:
  const ReplicationStatus& Last() const {
    return samples_[(next_ + kChannelSamples - 1) % kChannelSamples];
  }
  template <class Value>
  std::optional<double> Slope(const Policy& policy, MonotonicTime now, Value value) const;
  bool Stalled(const Policy& policy, const ChannelView& view) const;

  std::array<ReplicationStatus, kChannelSamples> samples_;
  size_t next_ = 0, count_ = 0;
};

const char* Name(ChannelAlarm alarm);

}  // namespace meridian::failover
