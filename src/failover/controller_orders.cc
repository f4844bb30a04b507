// An operator's orders: what the rules forbid is refused with its reason, the rest is done or
// begun.
#include <meridian/base/format.h>
#include <meridian/failover/controller.h>

#include <algorithm>
#include <utility>

namespace meridian::failover {
namespace {

// Whom the others follow is then not known.
constexpr const char* kOtherClaims = "another site claims the primary role: only force passes that";

}  // namespace

Result<> Controller::Failover(const FailoverOrder& order) {
  if (state_ == State::kSwitching) return Fail(ErrorCode::kConflict, "a switch is under way");
  if (question_ && !order.force) {
    return Fail(ErrorCode::kConflict, "a move waits for its hook: only force passes that");
  }
  const Target chosen = order.to.empty() ? Candidate() : Target{Find(order.to)};
  const size_t target = chosen.site;
  if (target == kNowhere && !order.to.empty()) {
    return Fail(ErrorCode::kNotFound, "no such site in this service");
  }
  if (target == kNowhere) {
    return Fail(ErrorCode::kConflict, "no site qualifies: name one, and force to pass its gate");
  }
  if (order.force || state_ == State::kSplitBrain) return Force(target, order);
  if (target == active_) return Fail(ErrorCode::kConflict, "it is active already");
  if (!MayOpen(sites_[target])) {
    return Fail(ErrorCode::kConflict, "its gate is closed: only force passes it");
  }
  if (DoesAnotherClaim()) return Fail(ErrorCode::kConflict, kOtherClaims);
  switch (Judge()) {
    case Life::kAlive:
    case Life::kOut:
      BeginSwitch(target, {Cause::kOperator, order.author});
      Tell(EventKind::kOperator, sites_[target].name,
           Format("{} asked for a failover to {}{}", order.author, sites_[target].name,
                  chosen.why.empty() ? "" : ": " + chosen.why));
      Run();
      return {};
    case Life::kDead:
      return MoveNow(target, {Cause::kOperator, order.author, chosen.why});
    case Life::kUnknown:
    case Life::kUnreachable:
      break;
  }
  return Fail(ErrorCode::kConflict, "the active site may live: only force passes that");
}

Result<> Controller::Force(size_t target, const FailoverOrder& order) {
  if (state_ == State::kSplitBrain) {
    const bool is_claimant =
        target == active_ || std::find(record_.claims.begin(), record_.claims.end(),
                                       sites_[target].name) != record_.claims.end();
    if (!order.force || order.to.empty() || !is_claimant) {
      return Fail(ErrorCode::kConflict,
                  "split brain: name one of the sites that claim the primary role, with force");
    }
    return MoveNow(target, {Cause::kResolved, order.author});
  }
  if (target == kPrimary && active_ != kPrimary && !IsReconciled() && Judge() != Life::kDead) {
    return Fail(ErrorCode::kConflict,
                "the primary has not reconciled, and the active site is not dead: what was written "
                "there would be lost");
  }
  return MoveNow(target, {Cause::kForced, order.author});
}

Result<> Controller::MoveNow(size_t target, const Order& order) {
  retry_at_ = {};
  const bool is_forced_again =
      question_ && IsForced() && IsBeingOpened(sites_[target]) && order.cause != Cause::kOperator;
  if (is_forced_again ? !Activate(target, order) : !Open(target, order)) {
    return Fail(ErrorCode::kIo, "the failover record was not saved");
  }
  Tell(EventKind::kOperator, sites_[target].name,
       question_ ? Format("{} ordered that {} becomes active", order.author, sites_[target].name)
                 : Format("{} made {} active", order.author, sites_[target].name));
  Run();
  return {};
}

Result<> Controller::Failback(std::string_view author) {
  if (question_) return Fail(ErrorCode::kConflict, "a move waits for its hook");
  if (state_ == State::kNormal) return Fail(ErrorCode::kConflict, "the primary is active already");
  if (state_ != State::kReady) {
    return Fail(ErrorCode::kConflict, "the primary has not reconciled with the active site");
  }
  if (DoesAnotherClaim()) return Fail(ErrorCode::kConflict, kOtherClaims);
  if (Judge() != Life::kAlive && Judge() != Life::kOut) {
    return Fail(ErrorCode::kConflict, "the active site does not answer: nothing can be drained");
  }
  BeginSwitch(kPrimary, {Cause::kOperator, std::string(author)});
  Tell(EventKind::kOperator, sites_[kPrimary].name, Format("{} asked for the failback", author));
  Run();
  return {};
}

Result<> Controller::Acknowledge(std::string_view author) {
  Record next = record_;
  next.is_acknowledged = true;
  next.cooldown_from = {};
  return Commit(std::move(next), Format("{} acknowledged the last move", author));
}

Result<> Controller::Release(std::string_view author) {
  Record next = record_;
  next.is_operator_choice = false;
  return Commit(std::move(next), Format("{} left the active site to automation", author));
}

Result<> Controller::SetAutomation(AutomationScope scope, bool on, std::string_view author) {
  Record next = record_;
  (scope == AutomationScope::kAll ? next.is_all_automation_on : next.is_automation_on) = on;
  return Commit(
      std::move(next),
      Format("{} switched {} {}", author,
             scope == AutomationScope::kAll ? "all automation" : "automation", on ? "on" : "off"));
}

Result<> Controller::Commit(Record next, std::string text) {
  if (!Persist(next)) return Fail(ErrorCode::kIo, "the failover record was not saved");
  Tell(EventKind::kOperator, active().name, std::move(text));
  Run();
  return {};
}

}  // namespace meridian::failover
