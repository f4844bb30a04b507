// One site of one disaster-recovery service, asked for the status of its replication. Owned by the
// StatusSchedule, on the probe thread.
//
//   waits (timer) --due--> wants a slot --OnSlot--> asked (timer: timeout) --answer--> waits
//
// The period is counted from start to start, ±10 %. A status is dated by when it was asked for. An
// endpoint that gives no answer is followed by the site's next, at the next turn.
#pragma once

#include <meridian/net/loop.h>
#include <meridian/probe/prober.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "probe/attempt.h"
#include "probe/check.h"
#include "probe/replication_source.h"
#include "probe/slots.h"

namespace meridian::probe {

// What is to be asked; values, equal if nothing changes.
struct StatusTarget {
  std::string service, site;
  std::vector<net::Address> addresses;  // of the site's endpoints, with the check's port
  topology::ReplicationCheck check;
  Duration interval{};

  bool operator==(const StatusTarget&) const = default;
};

struct StatusCounters {
  std::array<Counter, kStatusQualityCount> statuses;
};

class StatusCheck final : private SlotUser, private net::TimerHandler, private AttemptOwner {
 public:
  using Tell = std::function<void(const SiteStatus&)>;

  // `tell`, `counters` and `source`, the service's, outlive it. The first question is asked within
  // min(interval, 1 s).
  StatusCheck(const CheckContext& context, const StatusTarget& target, StatusCounters& counters,
              SourceHistory& source, const Tell& tell);
  ~StatusCheck();

  const StatusTarget& target() const { return target_; }

 private:
  void OnSlot() override;
  void OnTimer(net::Timer& timer) override;
  void OnAnswer(Answer answer) override;
  void OnRoundTrip(Duration, bool) override {}  // the endpoints' own checks measure
  void Learn();
  ParsedStatus ReadPostgres();

  const CheckContext& context_;
  const StatusTarget target_;
  topology::HealthCheck check_;  // the question in the words of an attempt
  CheckCounters& answers_;
  StatusCounters& counters_;
  SourceHistory& source_;
  uint64_t followed_life_ = 0;  // of the source, the last time that it was seen to receive
  const Tell& tell_;
  net::Timer timer_;
  std::unique_ptr<Attempt> attempt_;
  size_t next_ = 0;  // of the target's addresses
  MonotonicTime started_;
};

}  // namespace meridian::probe
