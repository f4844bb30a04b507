// What makes a move, and the record that is durable before the move takes effect.
//
// Install is the only place that changes the active site: record first, memory second. A save that
// failed before the rename changes nothing. One that failed later is in doubt: until the present
// record is written again nothing is routed, and its epoch is never used for another site.
#include <meridian/base/format.h>
#include <meridian/failover/controller.h>

#include <algorithm>
#include <utility>

namespace meridian::failover {
namespace {

constexpr Duration kSaveRetry = std::chrono::seconds(1);
constexpr size_t kMaxAuthor = 256;
// After a restart no less of a cooldown is left than this share, whatever the wall clock says.
constexpr int kLeastCooldownShare = 10;

bool IsAutomatic(Cause cause) {
  return cause == Cause::kAutomatic || cause == Cause::kFailback || cause == Cause::kHigherEpoch;
}

// The record knows no time before 1970, and zero is none.
WallTime Recordable(WallTime time) {
  return std::max(time, WallTime(Duration(1)));
}

Result<> CheckPolicy(const Policy& policy) {
  if (policy.primary.empty() || policy.standby.empty()) {
    return Fail(ErrorCode::kInvalid, "a primary and at least one standby are needed");
  }
  if (policy.standby.size() >= kMaxRecordSites) return Fail(ErrorCode::kInvalid, "too many sites");
  std::vector<std::string> names = policy.standby;
  names.push_back(policy.primary);
  std::sort(names.begin(), names.end());
  if (std::adjacent_find(names.begin(), names.end()) != names.end()) {
    return Fail(ErrorCode::kInvalid, "a site is named twice");
  }
  return {};
}

}  // namespace

Controller::Controller(std::string service, Policy policy, Storage& storage,
                       const net::Clock& clock)
    : policy_(std::move(policy)), storage_(storage), clock_(clock) {
  record_.service = std::move(service);
  record_.active = policy_.primary;
  record_.since = Recordable(clock_.WallNow());
  sites_.resize(1 + policy_.standby.size());
  sites_[kPrimary].name = policy_.primary;
  for (size_t i = 0; i < policy_.standby.size(); ++i) sites_[i + 1].name = policy_.standby[i];
  entered_ = At(clock_.Now());
  claims_from_ = last_run_ = clock_.Now();
}

Result<std::unique_ptr<Controller>> Controller::Open(std::string service, Policy policy,
                                                     Storage& storage, const net::Clock& clock) {
  if (auto checked = CheckPolicy(policy); !checked) return tl::unexpected(checked.error());
  std::unique_ptr<Controller> controller(
      new Controller(std::move(service), std::move(policy), storage, clock));
  if (auto restored = controller->Restore(); !restored) return tl::unexpected(restored.error());
  return controller;
}

// What was read is written again before anything follows from it: a rename that a crash of this
// process left visible may not have reached the disk yet.
Result<> Controller::Restore() {
  auto bytes = storage_.Load();
  if (!bytes) return tl::unexpected(bytes.error());
  if (*bytes) {
    auto read = ReadRecord(**bytes);
    if (!read) return tl::unexpected(read.error());
    if (read->service != record_.service) {
      return Fail(ErrorCode::kConflict,
                  "the failover record is of another service: put the right file in its place");
    }
    if (Find(read->active) == kNowhere) {
      return Fail(ErrorCode::kConflict,
                  "the site that the failover record says is active is not among the service's: "
                  "add it as primary or standby");
    }
    record_ = std::move(*read);
  }
  const SaveOutcome outcome = SaveDurably(storage_, WriteRecord(record_));
  if (outcome.saved != Saved::kDurable) return tl::unexpected(outcome.error);
  active_ = Find(record_.active);
  attempted_epoch_ = record_.epoch;
  state_ = record_.state == State::kSplitBrain ? State::kSplitBrain
           : active_ == kPrimary               ? State::kNormal
                                               : State::kFailedOver;
  const Duration passed =
      std::max(Duration(0), Recordable(clock_.WallNow()) - record_.cooldown_from);
  cooldown_until_ =
      clock_.Now() + std::clamp(policy_.cooldown - passed, policy_.cooldown / kLeastCooldownShare,
                                policy_.cooldown);
  return {};
}

Result<> Controller::Reconfigure(Policy policy) {
  if (auto checked = CheckPolicy(policy); !checked) return checked;
  Policy same = policy_;
  same.approval = policy.approval;
  if (same == policy && same != policy_) {
    policy_ = std::move(same);
    veto_.reset();
    AskAgain("the hook that approves is another one");
    Run();
    return {};
  }
  if (state_ == State::kActivating || state_ == State::kBlocked || state_ == State::kSwitching ||
      record_.begun) {
    return Fail(ErrorCode::kConflict, "a failover is under way: reload when it is done");
  }
  const bool is_named = policy.primary == record_.active ||
                        std::find(policy.standby.begin(), policy.standby.end(), record_.active) !=
                            policy.standby.end();
  if (!is_named) {
    return Fail(ErrorCode::kConflict, "the active site is not among the service's sites any more");
  }
  std::vector<Site> sites(1 + policy.standby.size());
  sites[kPrimary].name = policy.primary;
  for (size_t i = 0; i < policy.standby.size(); ++i) sites[i + 1].name = policy.standby[i];
  for (Site& site : sites) {
    const size_t old = Find(site.name);
    if (old != kNowhere) site = std::move(sites_[old]);
  }
  const auto gone = [&](const std::string& name) {
    return std::none_of(sites.begin(), sites.end(),
                        [&](const Site& site) { return site.name == name; });
  };
  Record next = record_;
  std::erase_if(next.claims, gone);
  std::erase_if(next.refused_claims, gone);
  policy_ = std::move(policy);
  sites_ = std::move(sites);
  active_ = Find(record_.active);
  cooldown_until_ = std::min(cooldown_until_, clock_.Now() + policy_.cooldown);
  const bool is_resting_as_primary = state_ == State::kNormal;
  if (state_ != State::kSplitBrain && is_resting_as_primary != (active_ == kPrimary)) {
    next.state = active_ == kPrimary ? State::kNormal : State::kFailedOver;
    Rest();
  }
  if (next != record_) Keep(std::move(next));
  Run();
  return {};
}

uint64_t Controller::NextEpoch() const {
  uint64_t highest = std::max({record_.epoch, record_.given_epoch, attempted_epoch_});
  for (const Site& site : sites_) highest = std::max(highest, site.announced_epoch);
  return highest + 1;
}

Record Controller::RecordOfMove(size_t target, const Order& order) const {
  const std::string& name = sites_[target].name;
  Record next = record_;
  next.epoch = IsBeingOpened(sites_[target]) ? record_.begun->epoch : NextEpoch();
  next.active = name;
  next.begun.reset();
  next.given_epoch = 0;
  next.state = target == kPrimary ? State::kNormal : State::kFailedOver;
  next.cause = order.cause;
  next.author = order.author.substr(0, kMaxAuthor);
  next.is_operator_choice = !IsAutomatic(order.cause) && target != kPrimary;
  next.is_acknowledged = !IsAutomatic(order.cause);
  next.since = Recordable(clock_.WallNow());
  next.cooldown_from = IsAutomatic(order.cause) ? next.since : WallTime{};
  if (order.cause == Cause::kResolved) {
    next.refused_claims.insert(next.refused_claims.end(), next.claims.begin(), next.claims.end());
    next.refused_claims.push_back(record_.active);
    std::sort(next.refused_claims.begin(), next.refused_claims.end());
    next.refused_claims.erase(std::unique(next.refused_claims.begin(), next.refused_claims.end()),
                              next.refused_claims.end());
  }
  next.claims.clear();
  std::erase(next.refused_claims, name);
  return next;
}

bool Controller::Activate(size_t target, const Order& order) {
  if (!Install(RecordOfMove(target, order), target, order)) return false;
  Advance(target == kPrimary ? Trigger::kOpenedPrimary : Trigger::kOpenedStandby);
  move_version_ = version_;
  return true;
}

bool Controller::Install(const Record& next, size_t target, const Order& order) {
  const MonotonicTime now = clock_.Now();
  if (now < retry_at_ || next.epoch > kMaxEpoch) return false;
  Timeline move;
  move.epoch = next.epoch;
  move.cause = order.cause;
  move.author = next.author;
  move.why = order.why;
  move.from = active().name;
  move.to = sites_[target].name;
  if (active().seen.verdict == Verdict::kDown) {
    move.first_error = At(active().seen.first_error.value_or(active().down_since));
    move.detected = At(active().down_since);
    move.requests_lost = std::exchange(lost_while_down_, 0);
  }
  move.decided = At(now);
  if (!Persist(next)) return false;
  move.persisted = At(clock_.Now());
  if (switch_ && switch_->drained) move.drained = At(*switch_->drained);
  timelines_.push_back(std::move(move));
  if (timelines_.size() > kMaxTimelines) timelines_.pop_front();

  // As it was asked about: by now the site may have been promoted, and lag behind nobody.
  const Gate gate = GateOf(sites_[target]);
  const auto lag = question_ ? question_->lag : gate.lag;
  const auto backlog_bytes = question_ ? question_->backlog_bytes : gate.backlog_bytes;
  active_ = target;
  question_.reset();
  answer_.reset();
  veto_.reset();
  veto_wait_ = {};
  last_witness_ = {};
  cooldown_until_ = now + policy_.cooldown;
  // After a planned move the roles change hands in their own time; after a failure the old active
  // site has no business claiming anything.
  claims_from_ =
      switch_ ? now + policy_.switch_hold + kFreshIntervals * policy_.status_interval : now;
  move_version_ = version_ + 1;
  Tell(EventKind::kMoved, active().name,
       Format("{}: {} is active, epoch {} ({}){}{}", record_.service, active().name, record_.epoch,
              Name(order.cause), order.why.empty() ? "" : ": ", order.why));
  Event& told = events_.back();
  told.from = timelines_.back().from;
  told.to = timelines_.back().to;
  told.lag = lag;
  told.backlog_bytes = backlog_bytes;
  return true;
}

bool Controller::BeginSwitch(size_t target, const Order& order) {
  Advance(Trigger::kSwitchAsked);
  switch_ = Switch{target, order.cause, order.author, clock_.Now(), version_, std::nullopt};
  return true;
}

void Controller::AbortSwitch(std::string_view why) {
  Tell(EventKind::kSwitchAborted, sites_[switch_->target].name,
       Format("{}: the switch to {} was given up: {}; {} stays active", record_.service,
              sites_[switch_->target].name, why, active().name));
  Rest();
}

// Success makes `next` the present record. Failure leaves it as it was.
bool Controller::Persist(const Record& next) {
  attempted_epoch_ = std::max(attempted_epoch_, next.epoch);
  const SaveOutcome outcome = SaveDurably(storage_, WriteRecord(next));
  if (outcome.saved == Saved::kDurable) {
    record_ = next;
    is_unsaved_ = is_active_in_doubt_ = false;
    retry_at_ = {};
    if (std::exchange(is_storage_failing_, false)) {
      Tell(EventKind::kStorage, {}, record_.service + ": the record is saved again");
    }
    return true;
  }
  if (outcome.saved == Saved::kInDoubt) {
    is_unsaved_ = true;
    is_active_in_doubt_ =
        is_active_in_doubt_ || next.epoch != record_.epoch || next.begun != record_.begun;
  }
  retry_at_ = clock_.Now() + kSaveRetry;
  if (!std::exchange(is_storage_failing_, true)) {
    Tell(EventKind::kStorage, {},
         Format("{}: the record cannot be saved: {}", record_.service, Describe(outcome.error)));
  }
  return false;
}

// For what is true already, saved or not: never another active site or epoch.
void Controller::Keep(Record next) {
  record_ = std::move(next);
  is_unsaved_ = true;
  if (clock_.Now() >= retry_at_) Persist(Record(record_));
}

void Controller::SettleStorage() {
  if (is_unsaved_ && clock_.Now() >= retry_at_) Persist(Record(record_));
}

void Controller::CoolDown() {
  if (record_.cooldown_from == WallTime{} || clock_.Now() < cooldown_until_) return;
  Record next = record_;
  next.cooldown_from = {};
  Keep(std::move(next));
}

}  // namespace meridian::failover
