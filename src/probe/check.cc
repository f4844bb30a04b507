// See check.h.
#include "probe/check.h"

#include <meridian/base/hash.h>
#include <meridian/base/log.h>

#include <algorithm>

namespace meridian::probe {
namespace {

constexpr Duration kMaxFirstDelay = std::chrono::seconds(1);

}  // namespace

Check::Check(const CheckContext& context, CheckOwner& owner, const Target& target,
             health::Probe assumed)
    : context_(context),
      owner_(owner),
      health_(*target.health),
      check_(target.check),
      counters_(context.metrics.Of(target.site, target.check->name)),
      site_(target.site),
      address_text_(target.address_text),
      address_(target.address),
      timer_(*this),
      attempt_(context.loop, *this),
      started_(context.loop.Now() - kMinGap) {
  verdict_.Assume(assumed);
  if (health_.facts().probe != assumed) {
    context_.registry.AssumeProbe(health_, assumed, context_.loop.Now());
  }
  const Duration window = std::min(check_->interval, kMaxFirstDelay);
  const double share = Unit(context_.random.Next());
  context_.loop.Arm(timer_,
                    Duration(static_cast<int64_t>(share * static_cast<double>(window.count()))));
}

Check::~Check() {
  if (linked()) context_.slots.Leave(*this);
  if (attempt_.running()) context_.slots.Give();
}

void Check::Adopt(const Target& target) {
  const bool same = *check_ == *target.check && address_ == target.address;
  check_ = target.check;
  if (same) return attempt_.Point(*check_);
  address_ = target.address;
  const bool running = attempt_.running();
  attempt_.Cancel();
  if (running) context_.slots.Give();
  if (!linked()) context_.loop.Arm(timer_, Spread(std::min(check_->interval, kMinGap)));
}

void Check::Recheck() {
  if (attempt_.running()) {
    again_ = true;
    return;
  }
  if (linked()) return;
  const Duration since = context_.loop.Now() - started_;
  if (since >= kMinGap) return Due();
  context_.loop.Arm(timer_, kMinGap - since);
}

void Check::Due() {
  timer_.Disarm();
  context_.slots.Take(*this);
}

void Check::OnSlot() {
  started_ = context_.loop.Now();
  again_ = false;
  if (!attempt_.Start(address_, *check_)) return OnAnswer(Answer::kSelf);
  context_.loop.Arm(timer_, check_->timeout);
}

void Check::OnTimer(net::Timer&) {
  if (!attempt_.running()) return Due();
  attempt_.Cancel();
  OnAnswer(Answer::kTimeout);
}

void Check::OnAnswer(Answer answer) {
  counters_.answers[static_cast<size_t>(answer)].Add();
  if (answer != Answer::kSelf) Learn(answer);
  context_.loop.Arm(timer_, UntilNext());
  context_.slots.Give();
}

void Check::OnRoundTrip(Duration took, bool by_connect) {
  if (by_connect) return context_.registry.ObserveConnect(health_, took);
  context_.registry.ObserveRoundTrip(health_, took);
}

void Check::Learn(Answer answer) {
  const MonotonicTime now = context_.loop.Now();
  counters_.duration.Observe((now - started_).count());
  const bool good = answer == Answer::kGood;
  const bool changed = verdict_.Observe(good, check_->rise, check_->fall);
  // A good answer that confirms is told too: it clears what traffic suspected.
  if (changed || (good && verdict_.value() == health::Probe::kUp)) {
    context_.registry.SetProbe(health_, verdict_.value(), now);
  }
  Tell(answer, changed);
  if (answered_) return;
  answered_ = true;
  owner_.OnFirstAnswer();
}

// A verdict's change names the answer that made it; a first good answer, and a failure that changes
// nothing, are details.
void Check::Tell(Answer answer, bool changed) const {
  changed = changed && (answered_ || answer != Answer::kGood);
  if (!changed && (answer == Answer::kGood || !log::Enabled(log::Level::kDebug))) return;
  std::string what = Name(answer);
  if (answer == Answer::kStatus) what += " " + std::to_string(attempt_.status());
  if (changed) {
    log::Info("check {}: {} at {} is {} ({})", check_->name, address_text_, site_,
              health::Name(verdict_.value()), what);
  } else {
    log::Debug("check {}: {} at {} still {} ({})", check_->name, address_text_, site_,
               health::Name(verdict_.value()), what);
  }
}

Duration Check::UntilNext() {
  const Duration since = context_.loop.Now() - started_;
  const Duration period =
      again_ ? kMinGap : Spread(verdict_.in_doubt() ? check_->fast_interval : check_->interval);
  return std::max(std::max(period, kMinGap) - since, Duration(0));
}

// ±10 %, so that checks that began together do not stay together.
Duration Check::Spread(Duration period) {
  const double share = (Unit(context_.random.Next()) - 0.5) * 0.2;
  return period + Duration(static_cast<int64_t>(share * static_cast<double>(period.count())));
}

}  // namespace meridian::probe
