// The invariants, judged by the world's own account of what happened and what was told.
#include <meridian/base/format.h>

#include <algorithm>

#include "model_world.h"

namespace meridian::failover::sim {

size_t World::IndexOf(const std::string& name) const {
  return static_cast<size_t>(std::find(names_.begin(), names_.end(), name) - names_.begin());
}

void World::Break(const std::string& what) {
  if (!broken_.empty()) return;
  broken_ = Format("step {}: {} (active {}, epoch {}, {})", step_, what, last_.active, last_.epoch,
                   controller_ != nullptr ? Name(controller_->state()) : "not running");
}

bool World::IsFresh(const Told& told) const {
  return told.status && failover::IsFresh(*told.status, policy_, clock_.Now());
}

bool World::Do(bool is_order, const std::function<Result<>()>& call) {
  const Record before = controller_->record();
  const State state_before = controller_->state();
  if (is_order_in_doubt_ && storage_.durable() == storage_.visible() &&
      storage_.durable() == WriteRecord(before)) {
    is_order_in_doubt_ = false;
  }
  if (is_order) is_order_in_doubt_ = true;
  const bool is_done = call().has_value();
  if (storage_.is_crashed()) {
    ++coverage_.crashes_in_save;
    Die();
    return false;
  }
  Judge(before, state_before, is_order);
  for (const Event& event : controller_->TakeEvents()) {
    if (event.kind == EventKind::kSwitchAborted) ++coverage_.aborted;
  }
  return is_done;
}

void World::JudgeLedger() {
  const Direction direction = controller_->direction();
  if (direction.traffic == Traffic::kRefuse) return;
  const auto [entry, is_new] = ledger_.emplace(direction.epoch, direction.site);
  if (entry->second != direction.site) {
    Break(Format("epoch {} has two active sites: {} and {}", direction.epoch, entry->second,
                 direction.site));
  }
  if (!is_new) return;
  const auto durable = ReadRecord(storage_.durable().value_or(""));
  if (!durable || durable->epoch != direction.epoch || durable->active != direction.site) {
    Break("it routes to a site that the record on disk does not name");
  }
}

bool World::HasOneSteppedDown(const Record& before) const {
  const auto has_stepped_down = [&](const std::string& name) {
    const Told& told = told_[IndexOf(name)];
    return IsFresh(told) && told.status->role == Role::kStandby;
  };
  return has_stepped_down(before.active) ||
         std::all_of(before.claims.begin(), before.claims.end(), has_stepped_down);
}

void World::Judge(const Record& before, State state_before, bool is_order) {
  const Record& after = controller_->record();
  last_ = after;
  JudgeLedger();
  if (after.epoch == before.epoch) {
    if (after.active != before.active) Break("the active site changed without a new epoch");
    return;
  }
  if (after.epoch < before.epoch) return Break("the epoch went back");
  ++coverage_.causes[static_cast<size_t>(after.cause)];
  const size_t from = IndexOf(before.active), to = IndexOf(after.active);
  const bool is_automatic = after.cause == Cause::kAutomatic || after.cause == Cause::kFailback ||
                            after.cause == Cause::kHigherEpoch;
  if (is_automatic) {
    JudgeAutomatic(to);
    if (after.cause == Cause::kAutomatic) JudgeDeath(from, to);
    // An order may end what hindered, and the move follows in the same call.
    if (!is_order) JudgeHindrances(before);
  } else {
    automatic_move_.reset();
    // A planned move ends in a tick of its own, after the order that began it.
    if (!is_order && state_before != State::kSwitching) Break("it moved without an order");
  }
  if (after.cause == Cause::kAutomatic && state_before == State::kSplitBrain &&
      !HasOneSteppedDown(before)) {
    Break("it moved by itself in a split brain");
  }
  if (state_before == State::kSwitching && after.cause != Cause::kAutomatic) JudgePlanned(from, to);
  if (is_automatic) automatic_move_ = clock_.Now();
}

void World::JudgeHindrances(const Record& before) {
  if (before.is_operator_choice) Break("it moved by itself away from an operator's choice");
  if (!before.is_automation_on || !before.is_all_automation_on) Break("automation was off");
  if (automatic_move_ && clock_.Now() - *automatic_move_ < policy_.cooldown) {
    Break("it moved by itself within the cooldown");
  }
}

void World::JudgeAutomatic(size_t to) {
  if (last_.cause == Cause::kHigherEpoch) return Break("a claim came from an epoch nobody gave");
  const Told& target = told_[to];
  if (target.verdict != Verdict::kUp) Break("it chose a site that is not up");
  if (!IsFresh(target)) return Break("it chose a site whose status is stale");
  if (target.status->role != Role::kStandby) Break("it chose a site that is not a standby");
  if (!target.status->lag) return Break("it chose a site whose lag is unknown");
  if (*target.status->lag > policy_.max_lag) Break("it chose a site past max_lag");
}

void World::JudgeDeath(size_t from, size_t to) {
  const Told& old = told_[from];
  if (old.verdict != Verdict::kDown) return Break("it left a site that is not down");
  if (clock_.Now() - old.down_since < policy_.after) Break("it left a site before `after`");
  for (size_t i = 0; i < told_.size(); ++i) {
    if (i != from && from == 0 && IsFresh(told_[i]) && told_[i].status->role != Role::kPrimary &&
        told_[i].status->source_connected == true) {
      Break("it left a site that a witness still receives from");
    }
  }
  for (const uint32_t index : sites_.Missing(from, to)) {
    const Duration age = told_[to].status->at - sites_.write(index).acknowledged;
    if (age > policy_.max_lag) {
      return Break(Format("a write acknowledged {} before the status is lost", FormatAge(age)));
    }
  }
}

// Nothing is lost, and nothing but what follows is moved to.
void World::JudgePlanned(size_t from, size_t to) {
  if (!sites_.Missing(from, to).empty()) Break("a planned move lost acknowledged writes");
  if (!IsFresh(told_[to]) || told_[to].status->lag != Duration(0)) {
    Break("a planned move to a site that had not caught up");
  }
}

// The same site is active, or the move that the crash cut short is complete.
void World::JudgeRestart() {
  const Record& now = controller_->record();
  if (now.epoch < last_.epoch) Break("a restart went back to an older epoch");
  if (now.epoch == last_.epoch && now.active != last_.active) {
    Break("a restart found another active site in the same epoch");
  }
  if (now.epoch == last_.epoch && !is_order_in_doubt_) {
    if (now.is_operator_choice != last_.is_operator_choice) Break("an operator's choice was lost");
    if (now.is_automation_on != last_.is_automation_on) Break("the kill switch was lost");
  }
  is_order_in_doubt_ = false;
  last_ = now;
  JudgeLedger();
}

}  // namespace meridian::failover::sim
