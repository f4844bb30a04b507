// See check.h.
#include "probe/check.h"

#include <meridian/base/format.h>
#include <meridian/base/hash.h>
#include <meridian/base/log.h>

#include <algorithm>

namespace meridian::probe {
namespace {

constexpr Duration kMaxFirstDelay = std::chrono::seconds(1);

}  // namespace

Check::Check(const CheckContext& context, CheckOwner& owner, const Target& target,
             const Known& assumed)
    : context_(context),
      owner_(owner),
      health_(*target.health),
      check_(target.check),
      counters_(context.metrics.Of(target.site, target.check->name)),
      site_(target.site),
      address_text_(target.address_text),
      address_(target.address),
      tls_(target.tls),
      timer_(*this),
      attempt_(MakeAttempt(context, *this, *check_)),
      agent_(assumed.agent),
      beside_(target.beside),
      started_(context.loop.Now() - kMinGap) {
  const MonotonicTime now = context_.loop.Now();
  if (hears_agent()) {
    context_.registry.SetAgent(health_, agent_.word(), agent_.share(), agent_.reason(), now);
  }
  verdict_.Assume(assumed.probe);
  if (!beside_ && health_.facts().probe != assumed.probe) {
    context_.registry.AssumeProbe(health_, assumed.probe, now);
  }
  const Duration window = std::min(check_->interval, kMaxFirstDelay);
  const double share = Unit(context_.random.Next());
  context_.loop.Arm(timer_,
                    Duration(static_cast<int64_t>(share * static_cast<double>(window.count()))));
}

Check::~Check() {
  if (linked()) context_.slots.Leave(*this);
  if (attempt_->running()) context_.slots.Give();
}

void Check::Adopt(const Target& target) {
  const bool same_tls = (tls_ == nullptr) == (target.tls == nullptr) &&
                        (tls_ == nullptr || tls_->fingerprint() == target.tls->fingerprint());
  const bool same = same_tls && *check_ == *target.check && address_ == target.address;
  const bool same_type = check_->type == target.check->type && check_->http2 == target.check->http2;
  if (!same_type) Retire();
  check_ = target.check;
  tls_ = target.tls;
  if (same) return attempt_->Point(question());
  address_ = target.address;
  const bool running = attempt_->running();
  attempt_->Cancel();
  if (!same_type) attempt_ = MakeAttempt(context_, *this, *check_);
  if (running) context_.slots.Give();
  if (!linked()) context_.loop.Arm(timer_, Spread(std::min(check_->interval, kMinGap)));
}

void Check::Retire() {
  if (!hears_agent()) return;
  agent_ = {};
  context_.registry.SetAgent(health_, health::Agent::kNone, 100, {}, context_.loop.Now());
}

void Check::Recheck() {
  if (attempt_->running()) {
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
  if (!attempt_->Start(address_, question())) return OnAnswer(Answer::kSelf);
  context_.loop.Arm(timer_, check_->timeout);
}

void Check::OnTimer(net::Timer&) {
  if (!attempt_->running()) return Due();
  attempt_->Cancel();
  OnAnswer(Answer::kTimeout);
}

void Check::OnAnswer(Answer answer) {
  if (answer == Answer::kGood && hears_agent() && !HearAgent()) answer = Answer::kMalformed;
  counters_.answers[static_cast<size_t>(answer)].Add();
  if (answer != Answer::kSelf) Learn(answer);
  context_.loop.Arm(timer_, UntilNext());
  context_.slots.Give();
}

void Check::OnRoundTrip(Duration took, bool by_connect) {
  if (by_connect) return context_.registry.ObserveConnect(health_, took);
  context_.registry.ObserveRoundTrip(health_, took);
}

void Check::OnCertificate(WallTime expires) {
  health_.SetCertificateExpires(expires);
}

// False: it said nothing that means something, and what it said before holds.
bool Check::HearAgent() {
  const std::optional<AgentLine> line = ParseAgentLine(attempt_->body());
  if (!line) return false;
  const AgentMemory before = agent_;
  agent_.Hear(*line);
  if (agent_ == before) return true;
  context_.registry.SetAgent(health_, agent_.word(), agent_.share(), agent_.reason(),
                             context_.loop.Now());
  TellAgent(before.word());
  return true;
}

// Another word is news, unless it is the first and a good one; shares may change with every answer.
void Check::TellAgent(health::Agent before) const {
  const health::Agent word = agent_.word();
  const bool is_first_up = before == health::Agent::kNone && word == health::Agent::kUp;
  const bool is_news = word != before && !is_first_up;
  if (!is_news && !log::Enabled(log::Level::kDebug)) return;
  const std::string text =
      Format("check {}: the agent of {} at {} says {}, {} % of its weight{}{}", check_->name,
             address_text_, site_, health::Name(word), agent_.share(),
             agent_.reason().empty() ? "" : ": ", agent_.reason());
  if (is_news) {
    log::Info("{}", text);
  } else {
    log::Debug("{}", text);
  }
}

void Check::Learn(Answer answer) {
  const MonotonicTime now = context_.loop.Now();
  counters_.duration.Observe((now - started_).count());
  const bool good = answer == Answer::kGood;
  const bool changed = !beside_ && verdict_.Observe(good, check_->rise, check_->fall);
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
  if (const std::string detail = attempt_->detail(); !detail.empty()) what += " " + detail;
  if (beside_) {
    log::Debug("check {}: the agent of {} at {} has no word ({})", check_->name, address_text_,
               site_, what);
  } else if (changed) {
    log::Info("check {}: {} at {} is {} ({})", check_->name, address_text_, site_,
              health::Name(verdict_.value()), what);
  } else {
    log::Debug("check {}: {} at {} still {} ({})", check_->name, address_text_, site_,
               health::Name(verdict_.value()), what);
  }
}

Duration Check::UntilNext() {
  const Duration since = context_.loop.Now() - started_;
  const bool in_doubt = !beside_ && verdict_.in_doubt();
  const Duration period =
      again_ ? kMinGap : Spread(in_doubt ? check_->fast_interval : check_->interval);
  return std::max(std::max(period, kMinGap) - since, Duration(0));
}

// ±10 %, so that checks that began together do not stay together.
Duration Check::Spread(Duration period) {
  const double share = (Unit(context_.random.Next()) - 0.5) * 0.2;
  return period + Duration(static_cast<int64_t>(share * static_cast<double>(period.count())));
}

}  // namespace meridian::probe
