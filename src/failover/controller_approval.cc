// Moves that need an approval: put on record, asked about, made, vetoed or given up.
//
//   begun on disk ─► nothing is routed ─► question ─► yes ──────────────► active on disk ─► routed
//                                           │  └────► no: blocked, or back where it was
//                                           └ no longer so ─► given up on disk ─► routed as before
//
// Whoever approves may promote the site meanwhile, so a crash in between must not lose the move: a
// start that finds one begun makes it, after asking again, if the active site is dead or has
// stepped down, and gives it up if that lives. Since nothing was routed from its beginning on, the
// claim of a site that is being opened is no second primary's, and the site has all that it had.
#include <meridian/base/format.h>
#include <meridian/failover/controller.h>

#include <algorithm>
#include <utility>

#include "text.h"

namespace meridian::failover {
namespace {

constexpr Duration kFirstVetoWait = std::chrono::seconds(10);
constexpr Duration kLongestVetoWait = std::chrono::minutes(5);
constexpr size_t kMaxAuthor = 256;
constexpr size_t kMaxReason = 512;

}  // namespace

bool Controller::IsForced() const {
  return record_.begun &&
         (record_.begun->cause == Cause::kForced || record_.begun->cause == Cause::kResolved);
}

bool Controller::IsBeingOpened(const Site& site) const {
  return record_.begun && record_.begun->to == site.name;
}

// One that is being opened may have been promoted already: for this very move.
bool Controller::MayOpen(const Site& site) const {
  if (GateOf(site).is_open()) return true;
  return IsBeingOpened(site) && site.seen.verdict == Verdict::kUp && Claims(site);
}

// A begun move is finished rather than another one begun.
Controller::Target Controller::Candidate() const {
  const size_t begun = record_.begun ? Find(record_.begun->to) : kNowhere;
  if (begun != kNowhere && begun != active_ && MayOpen(sites_[begun])) {
    return {begun, "its move was begun"};
  }
  const std::vector<Gate> gates = Gates();
  Preference freshest = Freshest(gates, policy_);
  if (freshest.gate == nullptr) return {};
  return {Find(freshest.gate->site), std::move(freshest.why)};
}

bool Controller::Open(size_t target, const Order& order) {
  if (policy_.approval.empty() || target == active_) return Activate(target, order);
  return Ask(target, order);
}

// A question about the same site goes on, whoever asks now.
bool Controller::Ask(size_t target, const Order& order) {
  if (clock_.Now() < retry_at_) return false;
  Site& site = sites_[target];
  Record next = record_;
  next.begun = BegunMove{site.name, IsBeingOpened(site) ? record_.begun->epoch : NextEpoch(),
                         order.cause, order.author.substr(0, kMaxAuthor)};
  if (next.begun->epoch > kMaxEpoch) return false;
  next.given_epoch = std::max(next.given_epoch, next.begun->epoch);
  if ((next != record_ || is_unsaved_) && !Persist(next)) return false;
  veto_.reset();
  if (question_ && question_->to == site.name) {
    question_->cause = order.cause;
    question_->author = record_.begun->author;
    return true;
  }
  const Gate gate = GateOf(site);
  question_ = Question{++questions_,
                       policy_.approval,
                       active().name,
                       site.name,
                       record_.begun->epoch,
                       order.cause,
                       record_.begun->author,
                       state_ == State::kSwitching,
                       gate.lag,
                       gate.backlog_bytes,
                       clock_.Now(),
                       order.why};
  answer_.reset();
  ++version_;
  return true;
}

void Controller::AskAgain(std::string_view why) {
  if (!question_ || answer_) return;
  Tell(EventKind::kApproval, question_->to,
       Format("{}: hook {} is not waited for: {}", record_.service, question_->hook, why));
  if (policy_.approval.empty()) {
    answer_ = Answer{true, "no hook is to be asked any more"};
    return;
  }
  question_->number = ++questions_;
  question_->hook = policy_.approval;
  question_->asked = clock_.Now();
  ++version_;
}

void Controller::Approve(uint64_t number, const Answer& answer) {
  if (!question_ || question_->number != number || answer_) {
    Tell(EventKind::kApproval, {},
         Format("{}: an answer that counts no more: {}", record_.service,
                answer.reason.substr(0, kMaxReason)));
    return;
  }
  answer_ = Answer{answer.is_yes, answer.reason.substr(0, kMaxReason)};
  Run();
}

bool Controller::StepAsked() {
  const size_t target = Find(record_.begun->to);
  if (const std::string why = WhyVoid(sites_[target]); !why.empty()) {
    GiveUp(why);
    return true;
  }
  if (!answer_) return false;
  const Answer answer = *answer_;
  if (!answer.is_yes && !IsForced()) {
    Refuse(answer);
    return true;
  }
  const Order order{record_.begun->cause, record_.begun->author, question_->why};
  if (!Activate(target, order)) return false;
  if (!answer.is_yes) {
    Tell(EventKind::kAlarm, active().name,
         Format("{}: {}: {} forced {} all the same", record_.service, answer.reason, order.author,
                active().name));
  }
  if (!order.author.empty()) {
    Tell(EventKind::kOperator, active().name,
         Format("{} made {} active", order.author, active().name));
  }
  return true;
}

// Why the question no longer stands; empty: it does. The site asked about may change its role at
// any moment now, and in a planned move the active site may go.
std::string Controller::WhyVoid(const Site& target) const {
  if (IsForced()) return {};
  if (HigherClaim() != kNowhere || AreTwoClaiming() || DoesAnotherClaim()) {
    return "another site claims the primary role";
  }
  if (target.seen.verdict != Verdict::kUp) return target.name + " is not up any more";
  const Gate gate = GateOf(target);
  if (IsFresh(target) && target.seen.replication->role == Role::kStandby &&
      (gate.Has(Obstacle::kLag) || gate.Has(Obstacle::kBacklog) ||
       gate.Has(Obstacle::kOlderEpoch))) {
    return Describe(gate, policy_);
  }
  const bool is_taken = std::any_of(sites_.begin(), sites_.end(), [&](const Site& site) {
    const uint64_t epoch = record_.begun->epoch;
    return &site == &target ? site.announced_epoch > epoch : site.announced_epoch >= epoch;
  });
  if (is_taken) return "a site announces its epoch or a later one";
  const bool is_on = record_.is_automation_on && record_.is_all_automation_on;
  if (!is_on && record_.begun->author.empty()) return "automation was switched off";
  if (state_ == State::kSwitching) return {};
  const bool is_automatic = record_.begun->cause == Cause::kAutomatic;
  if (is_automatic ? !IsConfirmedDead() : Judge() != Life::kDead) {
    return active().name + " is not known to be dead any more";
  }
  if (is_automatic && !Hindrances(false).empty()) return "something hinders automation";
  return {};
}

// Nothing is routed until the disk says so too.
void Controller::GiveUp(std::string_view why) {
  const BegunMove begun = *record_.begun;
  Tell(EventKind::kApproval, begun.to,
       Format("{}: the move to {} under epoch {} is given up: {}{}", record_.service, begun.to,
              begun.epoch, why, question_ ? "; the answer of its hook counts no more" : ""));
  events_.back().from = active().name;
  events_.back().to = begun.to;
  question_.reset();
  answer_.reset();
  ++version_;
  Record next = record_;
  next.begun.reset();
  is_active_in_doubt_ = true;
  Keep(std::move(next));
  if (state_ == State::kSwitching) AbortSwitch(why);
}

// Of a planned move nothing is left; one away from a dead site stays begun, so that its candidate
// goes on counting as one, promoted or not.
void Controller::Refuse(const Answer& answer) {
  veto_wait_ =
      veto_wait_ == Duration(0) ? kFirstVetoWait : std::min(2 * veto_wait_, kLongestVetoWait);
  veto_ = Veto{record_.begun->to, answer.reason, state_ == State::kSwitching,
               clock_.Now() + veto_wait_};
  Tell(EventKind::kApproval, record_.begun->to,
       Format("{}: {} may not open: {}", record_.service, record_.begun->to, answer.reason));
  events_.back().from = active().name;
  events_.back().to = record_.begun->to;
  if (state_ == State::kSwitching) return GiveUp(answer.reason);
  question_.reset();
  answer_.reset();
  ++version_;
  if (state_ == State::kActivating) Advance(Trigger::kVetoed);
}

// A start, or a veto, has left a move between its beginning and its end.
bool Controller::StepUnfinished() {
  const size_t target = Find(record_.begun->to);
  if (target == kNowhere || target == active_) {
    GiveUp("the site is not another one of this service");
    return true;
  }
  const Order order{record_.begun->cause, record_.begun->author};
  if (IsForced()) return Open(target, order);
  const Life life = Judge();
  if (life == Life::kUnknown) return false;
  if (life == Life::kDead && state_ != State::kSplitBrain) return StepServing();
  const bool is_heard = IsFresh(active()) && active().seen.replication->at >= claims_from_;
  const bool has_stepped_down =
      life == Life::kAlive && is_heard && IsSteppedDown(active()) && state_ != State::kSplitBrain;
  if (has_stepped_down && MayOpen(sites_[target])) {
    if (!Open(target, order)) return false;
    if (question_) {
      BeginSwitch(target, order);
      question_->is_planned = true;
    }
    return true;
  }
  const bool is_early = clock_.Now() - claims_from_ < kFreshIntervals * policy_.status_interval;
  if (life == Life::kAlive && is_early && (has_stepped_down || !is_heard)) return false;
  GiveUp(active().name + " is not dead");
  return true;
}

std::string Controller::ApprovalText() const {
  if (question_) {
    return Format("{} becomes active when hook {} says so", question_->to, question_->hook);
  }
  if (!veto_) return {};
  const Duration left = veto_->until - clock_.Now();
  return Format(" ({}{})", veto_->reason,
                left > Duration(0) ? Format("; asked again in {}", FormatAge(left)) : "");
}

}  // namespace meridian::failover
