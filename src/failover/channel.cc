// See channel.h. Times are taken relative to the newest sample, so that the sums stay small.
#include <meridian/failover/channel.h>

#include <algorithm>
#include <cmath>

namespace meridian::failover {
namespace {

double Seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

constexpr double kFarAway = 1e9;  // seconds; beyond it a limit is never reached

// When `value` reaches `limit` at `growth` a second.
std::optional<Duration> TimeTo(double limit, double value, double growth) {
  if (value >= limit) return Duration(0);
  if (growth <= 0 || (limit - value) / growth > kFarAway) return std::nullopt;
  return std::chrono::duration_cast<Duration>(
      std::chrono::duration<double>((limit - value) / growth));
}

// Nothing applied: lag grows as fast as time does, less what jitter in the times hides.
constexpr double kStandstill = 0.9;
constexpr size_t kSamplesToJudge = 3;

}  // namespace

void ReplicationChannel::Observe(const ReplicationStatus& status) {
  if (count_ > 0 && status.at <= Last().at) return;
  samples_[next_] = status;
  next_ = (next_ + 1) % kChannelSamples;
  count_ = std::min(count_ + 1, kChannelSamples);
}

// Least squares over the samples of the window that have the value; needs kSamplesToJudge of them.
template <class Value>
std::optional<double> ReplicationChannel::Slope(const Policy& policy, MonotonicTime now,
                                                Value value) const {
  const Duration window = kChannelWindow * policy.status_interval;
  double n = 0, sum_t = 0, sum_v = 0, sum_tt = 0, sum_tv = 0;
  for (size_t i = 0; i < count_; ++i) {
    const ReplicationStatus& sample = samples_[(next_ + kChannelSamples - 1 - i) % kChannelSamples];
    const std::optional<double> v = value(sample);
    if (now - sample.at > window || !v) continue;
    const double t = Seconds(sample.at - Last().at);
    n += 1;
    sum_t += t;
    sum_v += *v;
    sum_tt += t * t;
    sum_tv += t * *v;
  }
  const double spread = n * sum_tt - sum_t * sum_t;
  if (n < static_cast<double>(kSamplesToJudge) || spread <= 0) return std::nullopt;
  return (n * sum_tv - sum_t * sum_v) / spread;
}

bool ReplicationChannel::Stalled(const Policy& policy, const ChannelView& view) const {
  if (Last().source_connected == false) return true;
  return view.lag_growth && *view.lag_growth >= kStandstill && view.lag &&
         *view.lag >= kFreshIntervals * policy.status_interval;
}

ChannelView ReplicationChannel::View(const Policy& policy, MonotonicTime now) const {
  ChannelView view;
  if (count_ == 0 || !IsFresh(Last(), policy, now)) return view;
  view.lag = Last().lag;
  view.backlog_bytes = Last().backlog_bytes;
  view.backlog_growth = Slope(policy, now, [](const ReplicationStatus& sample) {
    return sample.backlog_bytes ? std::optional(static_cast<double>(*sample.backlog_bytes))
                                : std::nullopt;
  });
  view.lag_growth = Slope(policy, now, [](const ReplicationStatus& sample) {
    return sample.lag ? std::optional(Seconds(*sample.lag)) : std::nullopt;
  });
  const double max_lag = Seconds(policy.max_lag);
  const double lag = view.lag ? Seconds(*view.lag) : 0;
  if (view.lag && view.lag_growth) view.until_too_late = TimeTo(max_lag, lag, *view.lag_growth);
  double share = view.lag && max_lag > 0 ? lag / max_lag : 0;
  bool is_closed = view.lag && *view.lag > policy.max_lag;
  if (policy.max_backlog && view.backlog_bytes) {
    const auto limit = static_cast<double>(*policy.max_backlog);
    const auto backlog = static_cast<double>(*view.backlog_bytes);
    if (view.backlog_growth) view.until_full = TimeTo(limit, backlog, *view.backlog_growth);
    if (limit > 0) share = std::max(share, backlog / limit);
    is_closed = is_closed || *view.backlog_bytes > *policy.max_backlog;
  }
  view.is_stalled = Stalled(policy, view);
  const auto is_soon = [&](const std::optional<Duration>& until) {
    return until && *until > Duration(0) && *until <= kAlarmAhead * policy.status_interval;
  };
  if (!view.lag || (policy.max_backlog && !view.backlog_bytes)) {
    view.alarm = ChannelAlarm::kUnknown;
  } else if (is_closed) {
    view.alarm = ChannelAlarm::kClosed;
  } else if (view.is_stalled) {
    view.alarm = ChannelAlarm::kStalled;
  } else if (share >= kAlarmShare || is_soon(view.until_full) || is_soon(view.until_too_late)) {
    view.alarm = ChannelAlarm::kClosing;
  } else {
    view.alarm = ChannelAlarm::kNone;
  }
  return view;
}

const char* Name(ChannelAlarm alarm) {
  switch (alarm) {
    case ChannelAlarm::kNone:
      return "none";
    case ChannelAlarm::kClosing:
      return "closing";
    case ChannelAlarm::kStalled:
      return "stalled";
    case ChannelAlarm::kClosed:
      return "closed";
    case ChannelAlarm::kUnknown:
      return "unknown";
  }
  return "";
}

}  // namespace meridian::failover
