// What the controller tells: direction, status, outlook, an operator's preview, events.
#include <meridian/base/format.h>
#include <meridian/failover/controller.h>

#include <algorithm>
#include <utility>

#include "text.h"

namespace meridian::failover {

Instant Controller::At(MonotonicTime time) const {
  return {time, clock_.WallNow() - (clock_.Now() - time)};
}

void Controller::Tell(EventKind kind, std::string_view site, std::string text) {
  if (events_.size() == kMaxEvents) {
    events_.pop_front();
    ++dropped_events_;
  }
  Event& event = events_.emplace_back();
  event.kind = kind;
  event.at = At(clock_.Now());
  event.before = event.after = state_;
  event.epoch = record_.epoch;
  event.site = site;
  event.text = std::move(text);
}

std::vector<Event> Controller::TakeEvents() {
  std::vector<Event> taken(std::make_move_iterator(events_.begin()),
                           std::make_move_iterator(events_.end()));
  events_.clear();
  return taken;
}

Direction Controller::direction() const {
  Direction direction;
  direction.site = active().name;
  direction.epoch = record_.epoch;
  direction.version = version_;
  if (is_active_in_doubt_) {
    direction.traffic = Traffic::kRefuse;
    direction.reason = "the failover record on disk is in doubt";
  } else if (IsHigherClaimPending()) {
    direction.traffic = Traffic::kRefuse;
    direction.reason = "another site claims the primary role with a higher epoch";
  } else if (IsFenced()) {
    direction.traffic = Traffic::kRefuse;
    direction.reason = "the active site announces an epoch older than it had";
  } else if (record_.begun || state_ == State::kSwitching) {
    const bool is_switch = state_ == State::kSwitching;
    direction.reason = is_switch ? "a planned switch is under way" : "a move is under way";
    direction.traffic = Traffic::kHold;
    const MonotonicTime began = is_switch   ? switch_->began
                                : question_ ? question_->asked
                                            : entered_.monotonic;
    direction.until = began + policy_.switch_hold;
    direction.close_at = is_switch ? began + policy_.switch_hold / 2 : began;
    // A begun move ends in its own time; clients wait no longer than that.
    if (record_.begun && (!question_ || clock_.Now() >= direction.until)) {
      direction.traffic = Traffic::kRefuse;
    }
  }
  return direction;
}

bool Controller::TakesReads(std::string_view site) const {
  const size_t index = Find(site);
  return index != kNowhere && TakesReads(sites_[index]);
}

Status Controller::GetStatus() const {
  Status status;
  status.service = record_.service;
  status.state = state_;
  status.since = entered_;
  status.active = record_.active;
  status.epoch = record_.epoch;
  status.epoch_since = record_.since;
  status.cause = record_.cause;
  status.author = record_.author;
  status.is_operator_choice = record_.is_operator_choice;
  status.is_acknowledged = record_.is_acknowledged;
  status.is_automation_on = record_.is_automation_on;
  status.is_all_automation_on = record_.is_all_automation_on;
  status.is_saved = !is_unsaved_;
  status.cooldown_left = CooldownLeft();
  status.claims = record_.claims;
  status.begun = record_.begun;
  status.question = question_;
  status.veto = veto_;
  int usable = 0;
  for (const Site& site : sites_) {
    const bool is_active = &site == &active();
    if (is_active ? site.seen.verdict == Verdict::kUp : GateOf(site).is_open()) ++usable;
    status.sites.push_back({site.name, is_active, &site == &sites_[kPrimary], TakesReads(site),
                            IsRefused(site), site.seen, site.open_sessions,
                            site.channel.View(policy_, clock_.Now())});
  }
  status.redundancy = std::max(0, usable - 1);
  return status;
}

Outlook Controller::Foresee() const {
  Outlook outlook;
  outlook.life = Judge();
  outlook.hindrances = Hindrances(false);
  for (const Site& site : sites_) {
    if (IsWitness(site)) outlook.witnesses.push_back(site.name);
  }
  outlook.gates = Gates();
  Target candidate = Candidate();
  const bool is_one_open = candidate.site != kNowhere;
  if (is_one_open) outlook.would_activate = sites_[candidate.site].name;
  outlook.would_activate_why = std::move(candidate.why);
  const MonotonicTime now = clock_.Now();
  if (question_) {
    // Its hook has a time limit of its own.
  } else if (state_ == State::kSwitching) {
    outlook.due_in = policy_.switch_hold - (now - switch_->began);
  } else if (state_ == State::kBlocked) {
    if (outlook.hindrances == std::vector{Hindrance::kCooldown} && is_one_open) {
      outlook.due_in = CooldownLeft();
    } else if (outlook.hindrances == std::vector{Hindrance::kVetoed} && is_one_open) {
      outlook.due_in = veto_->until - now;
    }
  } else if (outlook.life == Life::kDead && state_ != State::kSplitBrain) {
    outlook.due_in = std::max(policy_.after - DeadFor(), LeftToTell());
  } else if (state_ == State::kReady && policy_.failback == topology::FailbackMode::kAutomatic) {
    const auto hindered = Hindrances(true);
    if (hindered.empty() || hindered == std::vector{Hindrance::kCooldown}) {
      outlook.due_in =
          std::max({Duration(0), policy_.hold - (now - entered_.monotonic), CooldownLeft()});
    }
  }
  outlook.text = NextText(outlook);
  return outlook;
}

namespace {

std::string GatesText(const Outlook& outlook, const Policy& policy) {
  std::string text;
  for (const Gate& gate : outlook.gates)
    text += (text.empty() ? "" : "; ") + Describe(gate, policy);
  return text;
}

// With the command that ends each, where there is one.
std::string HindrancesText(const std::vector<Hindrance>& hindrances, const std::string& service) {
  std::string text;
  for (const Hindrance hindrance : hindrances) {
    text += std::string(text.empty() ? "" : ", ") + Name(hindrance);
    if (hindrance == Hindrance::kCooldown)
      text += Format(": 'meridian acknowledge {}' ends it", service);
    if (hindrance == Hindrance::kOperatorChoice)
      text += Format(": 'meridian release {}' ends it", service);
  }
  return text;
}

// What an active site's death leads to; for the states of rest.
std::string DeathText(const Outlook& outlook, const Record& record, const Policy& policy) {
  const std::string& active = record.active;
  const std::string gates = GatesText(outlook, policy);
  if (outlook.life == Life::kUnreachable) {
    return Format("{} does not answer, but {} still receives from it: it stays active", active,
                  outlook.witnesses.front());
  }
  const std::string when = outlook.life == Life::kDead
                               ? Format("{} is dead: in {}", active, FormatAge(*outlook.due_in))
                               : Format("if {} dies, after {}", active, FormatAge(policy.after));
  if (!outlook.hindrances.empty()) {
    return Format("{}, nothing moves by itself ({}); {}", when,
                  HindrancesText(outlook.hindrances, record.service), gates);
  }
  if (outlook.would_activate.empty()) return Format("{}, nothing takes over: {}", when, gates);
  const std::string& why = outlook.would_activate_why;
  const bool is_settled = outlook.life == Life::kDead || record.begun;
  const char* until = is_settled ? "" : ", unless another is ahead then";
  return Format("{}, {} takes over{}; {}", when, outlook.would_activate,
                why.empty() ? "" : Format(" ({}{})", why, until), gates);
}

}  // namespace

std::string Controller::NextText(const Outlook& outlook) const {
  const std::string& primary = policy_.primary;
  if (question_) return ApprovalText();
  switch (state_) {
    case State::kNormal:
    case State::kFailedOver:
      break;
    case State::kReconciling:
      if (outlook.life == Life::kDead) break;
      return Format("ready to fail back when {} follows {}: its lag is {}, limit {}", primary,
                    active().name,
                    LagText(IsFresh(sites_[kPrimary]) ? sites_[kPrimary].seen.replication->lag
                                                      : std::nullopt),
                    LagText(policy_.max_lag));
    case State::kReady:
      if (outlook.life == Life::kDead) break;
      if (outlook.due_in)
        return Format("fails back to {} in {}", primary, FormatAge(*outlook.due_in));
      return Format("an operator may fail back to {}", primary);
    case State::kActivating:
      if (LeftToTell() > Duration(0)) {
        return Format(
            "{} is dead: who takes over is decided in {}, or when all have told what "
            "they have; {}",
            active().name, FormatAge(LeftToTell()), GatesText(outlook, policy_));
      }
      return Format("{} takes over when the record is saved", outlook.would_activate);
    case State::kBlocked:
      return Format("{} is dead and nothing takes over{}{}{}; {}", active().name,
                    outlook.hindrances.empty() ? "" : ": ",
                    HindrancesText(outlook.hindrances, record_.service), ApprovalText(),
                    GatesText(outlook, policy_));
    case State::kSwitching:
      return Format("{} becomes active when {} is drained and the lag is 0, or {} stays in {}",
                    sites_[switch_->target].name, active().name, active().name,
                    FormatAge(*outlook.due_in));
    case State::kSplitBrain:
      return Format(
          "frozen on {} until one side steps down, or an operator names a site with force",
          active().name);
  }
  return DeathText(outlook, record_, policy_);
}

Result<Assessment> Controller::Assess(std::string_view to) const {
  const size_t target = Find(to);
  if (target == kNowhere) return Fail(ErrorCode::kNotFound, "no such site in this service");
  const Life life = Judge();
  Assessment assessment;
  assessment.gate = GateOf(sites_[target]);
  assessment.is_planned = assessment.gate.is_open() && state_ != State::kSplitBrain &&
                          (life == Life::kAlive || life == Life::kOut);
  assessment.needs_force =
      !assessment.is_planned &&
      (!assessment.gate.is_open() || life != Life::kDead || state_ == State::kSplitBrain);
  if (target == active_ || assessment.is_planned) {
    assessment.lag_at_risk = Duration(0);
    assessment.bytes_at_risk = 0;
  } else {
    assessment.lag_at_risk = assessment.gate.lag;
    assessment.bytes_at_risk = assessment.gate.backlog_bytes;
  }
  const std::string name(to);
  if (target == active_) {
    assessment.text = Format("{} is active: it keeps all it has, under a new epoch", name);
  } else if (assessment.is_planned) {
    assessment.text =
        Format("nothing is lost: {} is drained first, and {} catches up", active().name, name);
  } else {
    assessment.text =
        Format("at risk: acknowledged writes of the last {}, {} of backlog; {}",
               assessment.lag_at_risk ? LagText(assessment.lag_at_risk) : "unknown time",
               assessment.bytes_at_risk ? BytesText(assessment.bytes_at_risk) : "an unknown amount",
               Describe(assessment.gate, policy_));
    const Target best = Candidate();
    const auto ahead =
        best.site == kNowhere ? std::nullopt : GateOf(sites_[best.site]).position_bytes;
    if (ahead && assessment.gate.position_bytes && *ahead > *assessment.gate.position_bytes) {
      assessment.text += Format("; {} is {} ahead of it", sites_[best.site].name,
                                BytesText(*ahead - *assessment.gate.position_bytes));
    }
  }
  return assessment;
}

}  // namespace meridian::failover
