// See status_check.h.
#include "probe/status_check.h"

#include <meridian/base/hash.h>
#include <meridian/base/log.h>

#include <algorithm>

namespace meridian::probe {
namespace {

constexpr Duration kMaxFirstDelay = std::chrono::seconds(1);

topology::HealthCheck DefinitionOf(const StatusTarget& target) {
  topology::HealthCheck check;
  check.name = "replication " + target.service;
  check.type =
      target.check.postgresql ? topology::CheckType::kPostgresql : topology::CheckType::kHttp;
  check.login = target.check.login;
  check.path = target.check.path;
  check.expect_low = 200;  // what it says counts, whatever its status: a replica may answer 503
  check.expect_high = 599;
  check.interval = target.interval;
  check.timeout = target.check.timeout;
  return check;
}

}  // namespace

StatusCheck::StatusCheck(const CheckContext& context, const StatusTarget& target,
                         StatusCounters& counters, SourceHistory& source, const Tell& tell)
    : context_(context),
      target_(target),
      check_(DefinitionOf(target)),
      answers_(context.metrics.Of(target.site, check_.name)),
      counters_(counters),
      source_(source),
      tell_(tell),
      timer_(*this),
      attempt_(MakeAttempt(context, *this, check_)),
      started_(context.loop.Now() - kMinGap) {
  const auto window = static_cast<double>(std::min(target.interval, kMaxFirstDelay).count());
  context_.loop.Arm(timer_, Duration(static_cast<int64_t>(Unit(context_.random.Next()) * window)));
}

StatusCheck::~StatusCheck() {
  if (linked()) context_.slots.Leave(*this);
  if (attempt_->running()) context_.slots.Give();
}

void StatusCheck::OnSlot() {
  started_ = context_.loop.Now();
  if (!attempt_->Start(target_.addresses[next_], {&check_, nullptr, true}))
    return OnAnswer(Answer::kSelf);
  context_.loop.Arm(timer_, check_.timeout);
}

void StatusCheck::OnTimer(net::Timer&) {
  if (!attempt_->running()) return context_.slots.Take(*this);
  attempt_->Cancel();
  OnAnswer(Answer::kTimeout);
}

void StatusCheck::OnAnswer(Answer answer) {
  answers_.answers[static_cast<size_t>(answer)].Add();
  if (answer != Answer::kSelf) {
    answers_.duration.Observe((context_.loop.Now() - started_).count());
  }
  if (answer == Answer::kGood) {
    Learn();
  } else if (answer != Answer::kSelf) {
    attempt_->Cancel();
    next_ = (next_ + 1) % target_.addresses.size();
  }
  const double share = 0.9 + Unit(context_.random.Next()) * 0.2;
  const auto period =
      Duration(static_cast<int64_t>(share * static_cast<double>(check_.interval.count())));
  const Duration since = context_.loop.Now() - started_;
  context_.loop.Arm(timer_, std::max(std::max(period, kMinGap) - since, Duration(0)));
  context_.slots.Give();
}

// A primary tells where it is; a standby is measured by that.
ParsedStatus StatusCheck::ReadPostgres() {
  PostgresStatus status = ParsePostgresStatus(attempt_->body());
  failover::ReplicationStatus& told = status.parsed.status;
  if (told.role == failover::Role::kPrimary && status.position) {
    source_.Add(target_.site, started_, *status.position);
    told.position_bytes = status.position;
  }
  if (told.role != failover::Role::kStandby) return status.parsed;
  if (told.source_connected.value_or(false)) followed_life_ = source_.life();
  const bool followed = followed_life_ != 0 && followed_life_ == source_.life();
  CompleteStandby(status, source_, followed, check_.interval);
  return status.parsed;
}

void StatusCheck::Learn() {
  ParsedStatus parsed = target_.check.postgresql
                            ? ReadPostgres()
                            : ParseReplicationStatus(attempt_->body(), target_.check.pointers);
  counters_.statuses[static_cast<size_t>(parsed.quality)].Add();
  if (parsed.quality == StatusQuality::kMalformed) {
    log::Debug("{}: {} at {} is not JSON", check_.name, target_.addresses[next_].ToString(),
               target_.site);
    return;
  }
  parsed.status.at = started_;
  tell_({target_.service, target_.site, parsed.status});
}

}  // namespace meridian::probe
