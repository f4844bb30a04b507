// Inputs, the steps of each state, and the gate through which every change of state goes.
#include <meridian/base/check.h>
#include <meridian/base/format.h>
#include <meridian/failover/controller.h>

#include <algorithm>
#include <utility>

namespace meridian::failover {
namespace {

// No chain of states is longer; what is left waits for the next tick.
constexpr int kMaxStepsPerInput = 8;
// Nothing was seen for so long: a machine that was suspended, a disk that did not answer.
constexpr Duration kGap = std::chrono::seconds(1);
// An announced epoch further ahead than this is a fault of the check, not of this service.
constexpr uint64_t kMaxEpochLead = 1'000'000;

}  // namespace

Result<> Controller::Observe(std::string_view name, const Observation& seen) {
  const size_t index = Find(name);
  if (index == kNowhere) return Fail(ErrorCode::kNotFound, "no such site in this service");
  Site& site = sites_[index];
  if (seen.verdict == Verdict::kDown && site.seen.verdict != Verdict::kDown) {
    site.down_since = clock_.Now();
  }
  if (index == active_ && seen.verdict == Verdict::kUp) lost_while_down_ = 0;
  site.seen.verdict = seen.verdict;
  site.seen.first_error = seen.first_error;
  if (seen.replication) NoteStatus(site, *seen.replication);
  Run();
  return {};
}

// What cannot be true is unknown: a time to come, a negative lag, an epoch out of reach.
void Controller::NoteStatus(Site& site, ReplicationStatus status) {
  status.at = std::min(status.at, clock_.Now());
  if (site.seen.replication && status.at < site.seen.replication->at) return;
  if (status.lag && *status.lag < Duration(0)) status.lag.reset();
  const bool is_implausible = status.epoch && *status.epoch > record_.epoch + kMaxEpochLead;
  if (is_implausible && !std::exchange(site.is_implausible, is_implausible)) {
    Tell(EventKind::kAlarm, site.name,
         Format("{} announces epoch {}, which cannot be: ignored", site.name, *status.epoch));
  }
  site.is_implausible = is_implausible;
  if (is_implausible || status.epoch == uint64_t{0}) status.epoch.reset();
  site.announced_epoch = std::max(site.announced_epoch, status.epoch.value_or(0));
  const Role before = site.seen.replication ? site.seen.replication->role : Role::kUnknown;
  site.seen.replication = status;
  site.channel.Observe(status);
  if (IsWitness(site)) last_witness_ = std::max(last_witness_, status.at);
  NoteRole(site, before);
}

void Controller::NoteRole(Site& site, Role before) {
  const Role role = site.seen.replication->role;
  if (role == Role::kStandby && IsRefused(site) && IsFresh(site)) {
    Record next = record_;
    std::erase(next.refused_claims, site.name);
    Keep(std::move(next));
  }
  if (role == Role::kPrimary && before != Role::kPrimary && &site != &active()) {
    Tell(EventKind::kAlarm, site.name,
         Format("{} claims the primary role; {} is active", site.name, active().name));
  }
}

Result<> Controller::Report(std::string_view name, const TrafficReport& report) {
  const size_t index = Find(name);
  if (index == kNowhere) return Fail(ErrorCode::kNotFound, "no such site in this service");
  Site& site = sites_[index];
  site.open_sessions = report.open_sessions;
  site.report_version = report.version;
  if (active().seen.verdict == Verdict::kDown) {
    lost_while_down_ += report.requests_lost;
  } else if (!timelines_.empty()) {
    timelines_.back().requests_lost += report.requests_lost;
  }
  if (!timelines_.empty() && report.version >= move_version_) {
    Timeline& last = timelines_.back();
    last.sessions_moved += report.sessions_moved;
    if (site.name == last.to && report.has_success && !last.first_success) {
      last.first_success = At(clock_.Now());
    }
    if (site.name == last.from && report.open_sessions == 0 && !last.drained) {
      last.drained = At(clock_.Now());
    }
  }
  Run();
  return {};
}

void Controller::Tick() {
  Run();
  WatchChannels();
}

// What was believed before a gap may have ended within it: death is confirmed by watching it last.
void Controller::NoticeGap() {
  const MonotonicTime now = clock_.Now();
  if (now - std::exchange(last_run_, now) > kGap) watching_since_ = now;
}

void Controller::Run() {
  NoticeGap();
  SettleStorage();
  CoolDown();
  for (int i = 0; i < kMaxStepsPerInput && StepOnce(); ++i) {
  }
}

bool Controller::StepOnce() {
  if (question_) return StepAsked();
  if (state_ != State::kSplitBrain && AreTwoClaiming()) return Freeze();
  const bool is_moving = state_ == State::kActivating || state_ == State::kBlocked;
  if (record_.begun && !is_moving) return StepUnfinished();
  switch (state_) {
    case State::kNormal:
      return StepServing();
    case State::kFailedOver:
    case State::kReconciling:
    case State::kReady:
      return StepServing() || StepStandbyServing();
    case State::kActivating:
      return StepActivating();
    case State::kBlocked:
      return StepBlocked();
    case State::kSwitching:
      return StepSwitching();
    case State::kSplitBrain:
      return StepSplitBrain();
  }
  return false;
}

bool Controller::StepServing() {
  if (!IsConfirmedDead()) return false;
  Advance(Trigger::kActiveDead);
  return true;
}

bool Controller::StepStandbyServing() {
  const bool is_healthy = sites_[kPrimary].seen.verdict == Verdict::kUp;
  if (state_ == State::kFailedOver) {
    if (!is_healthy) return false;
    Advance(Trigger::kPrimaryHealthy);
    return true;
  }
  if (!is_healthy) {
    Advance(Trigger::kPrimaryLost);
    return true;
  }
  if (state_ == State::kReconciling) {
    if (!IsReconciled()) return false;
    Advance(Trigger::kReconciled);
    return true;
  }
  if (!IsReconciled()) {
    Advance(Trigger::kDiverged);
    return true;
  }
  const bool is_due = policy_.failback == topology::FailbackMode::kAutomatic &&
                      clock_.Now() - entered_.monotonic >= policy_.hold;
  if (!is_due || !Hindrances(true).empty() || Judge() != Life::kAlive) return false;
  return BeginSwitch(kPrimary, {Cause::kFailback, {}});
}

// The claim of a site that is being opened hinders no other candidate, until another is tried. A
// choice waits for all that can still tell what they have.
bool Controller::StepActivating() {
  if (!IsConfirmedDead()) {
    if (record_.begun) GiveUp(active().name + " is not dead any more");
    Rest();
    return true;
  }
  const Target target = Candidate();
  const bool is_begun = target.site != kNowhere && IsBeingOpened(sites_[target.site]);
  const bool is_hindered = !Hindrances(false).empty();
  if (!is_hindered && !is_begun && LeftToTell() > Duration(0)) return false;
  if (target.site == kNowhere || is_hindered) {
    Advance(Trigger::kNoneQualifies);
    return true;
  }
  if (record_.begun && !is_begun) {
    GiveUp(record_.begun->to + " does not qualify any more");
    return true;
  }
  return Open(target.site, {Cause::kAutomatic, {}, target.why});
}

bool Controller::StepBlocked() {
  if (!IsConfirmedDead()) {
    if (record_.begun) GiveUp(active().name + " is not dead any more");
    Rest();
    return true;
  }
  if (Candidate().site == kNowhere || !Hindrances(false).empty()) return false;
  Advance(Trigger::kOneQualifies);
  return true;
}

bool Controller::StepSwitching() {
  const MonotonicTime now = clock_.Now();
  if (active().seen.verdict == Verdict::kDown) {
    AbortSwitch("the active site failed");
    return true;
  }
  if (DoesAnotherClaim()) {
    AbortSwitch("another site claims the primary role");
    return true;
  }
  if (switch_->cause == Cause::kFailback &&
      !(record_.is_automation_on && record_.is_all_automation_on)) {
    AbortSwitch("automation was switched off");
    return true;
  }
  if (now - switch_->began >= policy_.switch_hold) {
    AbortSwitch(switch_->drained ? "the new site did not catch up in time"
                                 : "the old site did not drain in time");
    return true;
  }
  if (!switch_->drained) {
    if (active().report_version < switch_->version || active().open_sessions > 0) return false;
    switch_->drained = now;
  }
  const Site& target = sites_[switch_->target];
  if (!GateOf(target).is_open() || !IsCaughtUp(target, *switch_->drained)) return false;
  return Open(switch_->target, {switch_->cause, switch_->author});
}

// Who claims the role from now on is remembered, over restarts: one that merely falls silent has
// not stepped down.
bool Controller::StepSplitBrain() {
  Record next = record_;
  bool have_all_stepped_down = true;
  for (const Site& site : sites_) {
    if (&site == &active()) continue;
    const bool is_known =
        std::find(next.claims.begin(), next.claims.end(), site.name) != next.claims.end();
    if (Claims(site) && !IsRefused(site) && !is_known) next.claims.push_back(site.name);
    if ((is_known || Claims(site)) && !IsSteppedDown(site) && !IsRefused(site)) {
      have_all_stepped_down = false;
    }
  }
  const bool has_active_stepped_down = next.claims.size() == 1 && IsSteppedDown(active());
  const bool is_over =
      (have_all_stepped_down || has_active_stepped_down) && !IsHigherClaimPending();
  if (is_over) {
    next.claims.clear();
    next.state = active_ == kPrimary ? State::kNormal : State::kFailedOver;
  }
  if (next != record_) Keep(std::move(next));
  if (is_over) Rest();
  return is_over;
}

// Freezes on the site with the higher epoch. A claim above the recorded epoch is the later decision
// of somebody else: its site is taken over as it is, unless an operator is in charge.
bool Controller::Freeze() {
  if (record_.begun) GiveUp("two sites claim the primary role");
  const size_t higher = HigherClaim();
  const size_t before = active_;
  if (higher != kNowhere && record_.is_automation_on && record_.is_all_automation_on &&
      !record_.is_operator_choice) {
    const Order order{Cause::kHigherEpoch, {}};
    Record next = RecordOfMove(higher, order);
    next.epoch = *sites_[higher].seen.replication->epoch;
    next.state = State::kSplitBrain;
    next.claims = {sites_[before].name};
    if (!Install(next, higher, order)) return false;
  } else {
    Record next = record_;
    next.state = State::kSplitBrain;
    for (const Site& site : sites_) {
      if (&site != &active() && Claims(site) && !IsRefused(site)) next.claims.push_back(site.name);
    }
    if (higher != kNowhere && IsRefused(sites_[higher])) {
      std::erase(next.refused_claims, sites_[higher].name);
      next.claims.push_back(sites_[higher].name);
    }
    Keep(std::move(next));
  }
  Advance(Trigger::kTwoClaim);
  std::string claims;
  for (const std::string& site : record_.claims) claims += (claims.empty() ? "" : ", ") + site;
  Tell(EventKind::kAlarm, active().name,
       Format("{}: split brain: frozen on {}, epoch {}; the role is claimed by {} too",
              record_.service, active().name, record_.epoch, claims));
  return true;
}

void Controller::Advance(Trigger trigger) {
  const std::optional<State> next = Next(state_, trigger);
  MERIDIAN_CHECK(next.has_value());
  const State before = std::exchange(state_, *next);
  entered_ = At(clock_.Now());
  ++version_;
  if (state_ != State::kSwitching) switch_.reset();
  if (before == state_) return;
  Tell(EventKind::kState, active().name,
       Format("{}: {} → {} ({})", record_.service, Name(before), Name(state_), Name(trigger)));
  events_.back().before = before;
}

void Controller::Rest() {
  Advance(active_ == kPrimary ? Trigger::kPrimaryServes : Trigger::kStandbyServes);
}

void Controller::WatchChannels() {
  for (Site& site : sites_) {
    if (&site == &active()) continue;
    const ChannelView view = site.channel.View(policy_, clock_.Now());
    if (view.alarm == std::exchange(site.alarm, view.alarm)) continue;
    Tell(EventKind::kChannel, site.name,
         Format("replication to {}: {}", site.name,
                view.alarm == ChannelAlarm::kNone ? "in order" : Name(view.alarm)));
  }
}

}  // namespace meridian::failover
