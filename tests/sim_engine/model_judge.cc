// The invariants of disaster recovery, judged by the world's own account of what happened and what
// was told. Those of the clients are in model_clients.cc.
#include <meridian/base/format.h>

#include <algorithm>

#include "model_world.h"

namespace meridian::failover::sim {

void World::Break(const std::string& what) {
  if (!broken_.empty()) return;
  broken_ = Format("step {}: {} (active {}, epoch {}, {})", step_, what, last_.active, last_.epoch,
                   meridian_ != nullptr ? Name(meridian_->controller->state()) : "not running");
}

bool World::IsFresh(const Told& told) const {
  return told.status && failover::IsFresh(*told.status, policy_, clock_.Now());
}

bool World::Do(std::optional<Order> order, const std::function<Result<>()>& call) {
  const Controller& controller = *meridian_->controller;
  const Record before = controller.record();
  const State state_before = controller.state();
  if (is_order_in_doubt_ && storage_.durable() == storage_.visible() &&
      storage_.durable() == WriteRecord(before)) {
    is_order_in_doubt_ = false;
  }
  if (order) is_order_in_doubt_ = true;
  const bool is_done = call().has_value();
  if (storage_.is_crashed()) {
    ++coverage_.faults[static_cast<size_t>(Fault::kCrashInSave)];
    Die();
    return false;
  }
  if (is_done && order == Order::kRelease) settled_.is_choice = false;
  Judge(before, state_before, order);
  const auto& question = controller.question();
  if (question && question->number != judged_question_) {
    judged_question_ = question->number;
    JudgeQuestion(*question, order.has_value());
  }
  for (const Event& event : meridian_->controller->TakeEvents()) {
    if (event.kind == EventKind::kSwitchAborted) ++coverage_.aborted;
  }
  return is_done;
}

// Health says of billing what the checks said, and operators.
void World::JudgeVerdict(size_t site, Verdict given) {
  const bool serves = places_.IntentOf(site).intent == health::Intent::kServe;
  if (!serves && given != Verdict::kOut) Break("a site taken out is not told as out");
  if (!serves) return;
  bool has_endpoint_intent = false;
  for (const ModelEndpoint& endpoint : places_.endpoints()) {
    if (endpoint.site == site && endpoint.service == "billing" &&
        places_.IntentOf(site, endpoint.address).intent != health::Intent::kServe) {
      has_endpoint_intent = true;
    }
  }
  if (has_endpoint_intent) return;
  const health::Probe probe = places_.VerdictOf(site, "billing");
  const Verdict expected = probe == health::Probe::kUp     ? Verdict::kUp
                           : probe == health::Probe::kDown ? Verdict::kDown
                                                           : Verdict::kUnknown;
  if (given != expected) {
    Break(Format("{} is {} by its checks, and told as {}", places_.names()[site], Name(expected),
                 Name(given)));
  }
}

// Never to another site than the active one of the newest epoch on disk, and under that epoch.
void World::JudgeWrite(const routing::Choice& choice) {
  const auto durable = ReadRecord(storage_.durable().value_or(""));
  const std::string& site = places_.names()[choice.site.value];
  if (!durable || site != durable->active || choice.epoch != durable->epoch) {
    Break(Format("a write goes to {} under epoch {}, which the record on disk does not say", site,
                 choice.epoch));
  }
  if (durable && durable->begun) Break("a write while the disk says that a move is begun");
  if (meridian_->controller->direction().traffic != Traffic::kRoute) {
    Break("a write is begun while writes are held or refused");
  }
  const ModelEndpoint& endpoint =
      places_.At(meridian_->table->endpoint(choice.endpoint).address_text);
  const health::Intent intent = places_.IntentOf(endpoint.site, endpoint.address).intent;
  if (intent != health::Intent::kServe) Break("a write to what is drained or out");
  if (endpoint.verdict != health::Probe::kUp) Break("a write to what is not up");
  if (places_.weight(endpoint.site) == 0) Break("a write to a weight of 0");
}

void World::JudgeRead(const routing::Choice& choice) {
  const size_t site = choice.site.value;
  const ModelEndpoint& endpoint =
      places_.At(meridian_->table->endpoint(choice.endpoint).address_text);
  const health::Intent intent = places_.IntentOf(site, endpoint.address).intent;
  if (intent == health::Intent::kOut) Break("a read to what is out");
  if (places_.weight(site) == 0) Break("a read to a weight of 0");
  if (places_.names()[site] == last_.active) return;
  ++coverage_.reads_elsewhere;
  const Told& told = told_[site];
  if (policy_.reads != topology::Reads::kNearest) Break("a read away from the active site");
  if (endpoint.verdict != health::Probe::kUp && choice.reason != routing::Reason::kPanic) {
    Break("a read to a standby that is not up");
  }
  if (!IsFresh(told) || told.status->role != Role::kStandby || !told.status->lag ||
      *told.status->lag > policy_.max_lag) {
    Break("a read to a standby that is too far behind, or not known to follow");
  }
}

void World::JudgeNone(const routing::Walk& walk, bool is_read) {
  ++coverage_.refusals[static_cast<size_t>(walk.why())];
  const Traffic traffic = meridian_->controller->direction().traffic;
  const bool is_held = walk.why() == routing::NoChoice::kHeld;
  const bool is_refused = walk.why() == routing::NoChoice::kRefused;
  if (is_read && policy_.reads == topology::Reads::kNearest) return;
  if (is_held != (traffic == Traffic::kHold) || is_refused != (traffic == Traffic::kRefuse)) {
    Break(Format("a client is told '{}' while traffic is to {}", routing::Name(walk.why()),
                 Name(traffic)));
  }
}

void World::JudgeLedger() {
  const Direction direction = meridian_->controller->direction();
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
    const Told& told = told_[places_.IndexOf(name)];
    return IsFresh(told) && told.status->role == Role::kStandby;
  };
  return has_stepped_down(before.active) ||
         std::all_of(before.claims.begin(), before.claims.end(), has_stepped_down);
}

void World::Judge(const Record& before, State state_before, std::optional<Order> order) {
  const Record& after = meridian_->controller->record();
  last_ = after;
  JudgeLedger();
  if (after.epoch == before.epoch) {
    if (after.active != before.active) Break("the active site changed without a new epoch");
    return;
  }
  if (after.epoch < before.epoch) return Break("the epoch went back");
  ++coverage_.causes[static_cast<size_t>(after.cause)];
  const size_t from = places_.IndexOf(before.active), to = places_.IndexOf(after.active);
  const bool is_automatic = after.cause == Cause::kAutomatic || after.cause == Cause::kFailback ||
                            after.cause == Cause::kHigherEpoch;
  const bool is_planned = state_before == State::kSwitching && after.cause != Cause::kAutomatic;
  const bool is_asked = !policy_.approval.empty() && to != from;
  if (is_asked) {
    JudgeOpened(before);
    if (is_automatic && !order) JudgeHindrances();
  } else if (is_automatic) {
    JudgeAutomatic(from, to, before);
    if (after.cause == Cause::kAutomatic) {
      JudgeDeath(from, to);
      JudgeFreshest(from, to, before.epoch);
    }
    // An order may end what hindered, and the move follows in the same call.
    if (!order) JudgeHindrances();
  } else if (!order && state_before != State::kSwitching) {
    Break("it moved without an order");  // a planned one ends in a tick of its own
  }
  if (after.cause == Cause::kAutomatic && state_before == State::kSplitBrain &&
      !HasOneSteppedDown(before)) {
    Break("it moved by itself in a split brain");
  }
  if (is_planned && !is_asked) JudgePlanned(from, to);
  if (!is_asked && to == 0 && from != 0 && after.cause != Cause::kResolved) JudgeFailback(from);
  automatic_move_ = is_automatic ? std::optional(clock_.Now()) : std::nullopt;
  settled_.is_choice = !is_automatic && to != 0;
  claims_from_ = clock_.Now();
  if (is_planned) {
    claims_from_ += policy_.switch_hold + kFreshIntervals * policy_.status_interval;
  }
}

// Whatever may open a site must hold when it is asked about: from then on nothing is written.
void World::JudgeQuestion(const Question& question, bool is_in_order) {
  const auto durable = ReadRecord(storage_.durable().value_or(""));
  if (!durable || !durable->begun || durable->begun->to != question.to ||
      durable->begun->epoch != question.epoch) {
    return Break("a hook is asked about a move that the disk does not know");
  }
  const auto [given, is_new] = given_.emplace(question.epoch, question.to);
  if (given->second != question.to) return Break("one epoch was given to two sites");
  if (!is_new) return;
  const size_t from = places_.IndexOf(last_.active), to = places_.IndexOf(question.to);
  if (question.cause == Cause::kAutomatic) {
    JudgeAutomatic(from, to, last_);
    JudgeDeath(from, to);
    JudgeFreshest(from, to, last_.epoch);
    if (!is_in_order) JudgeHindrances();
  }
  if (question.is_planned) JudgePlanned(from, to);
  if (to == 0 && question.cause != Cause::kResolved) JudgeFailback(from);
}

void World::JudgeOpened(const Record& before) {
  if (last_.cause == Cause::kHigherEpoch) return Break("a claim came from an epoch nobody gave");
  if (!before.begun || before.begun->to != last_.active || before.begun->epoch != last_.epoch ||
      !given_.contains(last_.epoch)) {
    Break("it opened a site without asking");
  }
}

void World::JudgeHindrances() {
  if (settled_.is_choice) Break("it moved by itself away from an operator's choice");
  if (!settled_.is_on || !settled_.are_all_on) Break("automation was off");
  if (automatic_move_ && clock_.Now() - *automatic_move_ < policy_.cooldown) {
    Break("it moved by itself within the cooldown");
  }
}

void World::JudgeAutomatic(size_t from, size_t to, const Record& before) {
  if (last_.cause == Cause::kHigherEpoch) return Break("a claim came from an epoch nobody gave");
  const Told& target = told_[to];
  if (target.verdict != Verdict::kUp) Break("it chose a site that is not up");
  if (!IsFresh(target)) return Break("it chose a site whose status is stale");
  if (target.status->role != Role::kStandby) Break("it chose a site that is not a standby");
  if (!target.status->lag) return Break("it chose a site whose lag is unknown");
  if (*target.status->lag > policy_.max_lag) Break("it chose a site past max_lag");
  for (size_t i = 0; i < told_.size(); ++i) {
    const auto& refused = before.refused_claims;
    const bool is_refused =
        std::find(refused.begin(), refused.end(), places_.names()[i]) != refused.end();
    if (i != from && !is_refused && told_[i].status && told_[i].status->role == Role::kPrimary &&
        told_[i].status->at >= claims_from_) {
      Break(Format("it made a second primary beside {}", places_.names()[i]));
    }
  }
}

void World::JudgeDeath(size_t from, size_t to) {
  const Told& old = told_[from];
  if (old.verdict != Verdict::kDown) return Break("it left a site that is not down");
  if (clock_.Now() - std::max(old.down_since, watching_since_) < policy_.after) {
    Break("it left a site before `after`");
  }
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

// Of those that may open, by what was told since the failure, none has a longer log; where a length
// is not told, none has far less lag. And none was passed over that had yet to tell.
void World::JudgeFreshest(size_t from, size_t to, uint64_t epoch) {
  const ReplicationStatus& chosen = *told_[to].status;
  const Duration precision = kFreshIntervals * policy_.status_interval;
  bool is_out_of_order = false;
  for (size_t i = 0; i < told_.size(); ++i) {
    const Told& told = told_[i];
    if (i == from || i == to || told.verdict != Verdict::kUp || !IsFresh(told)) continue;
    const ReplicationStatus& other = *told.status;
    if (other.at < told_[from].down_since) {
      if (clock_.Now() - other.at < precision) Break("it chose before all had told what they have");
      continue;
    }
    const bool is_eligible = other.role == Role::kStandby && other.lag &&
                             *other.lag <= policy_.max_lag && other.epoch.value_or(epoch) >= epoch;
    if (!is_eligible) continue;
    is_out_of_order = is_out_of_order || i < to;
    const bool are_final = other.source_connected != true && chosen.source_connected != true;
    if (are_final && other.position_bytes && chosen.position_bytes) {
      if (*other.position_bytes <= *chosen.position_bytes) continue;
      Break(Format("it chose a log of {}, and {} has {}", *chosen.position_bytes,
                   places_.names()[i], *other.position_bytes));
    }
    if (!other.position_bytes && *chosen.lag > *other.lag + precision) {
      Break(Format("it chose a lag of {}, and that of {} is {}", FormatAge(*chosen.lag),
                   places_.names()[i], FormatAge(*other.lag)));
    }
  }
  if (is_out_of_order) ++coverage_.out_of_order;
}

// Nothing is lost, and nothing but what follows is moved to.
void World::JudgePlanned(size_t from, size_t to) {
  if (!sites_.Missing(from, to).empty()) Break("a planned move lost acknowledged writes");
  if (!IsFresh(told_[to]) || told_[to].status->lag != Duration(0)) {
    Break("a planned move to a site that had not caught up");
  }
}

// Back to the primary, whoever asked: only when it follows, or when nothing else is left.
void World::JudgeFailback(size_t from) {
  if (told_[from].verdict == Verdict::kDown) return;
  const Told& primary = told_[0];
  if (!IsFresh(primary) || primary.status->role != Role::kStandby || !primary.status->lag ||
      *primary.status->lag > policy_.max_lag) {
    Break("a failback before reconciliation");
  }
}

// The same site is active, or the move that the crash cut short is complete.
void World::JudgeRestart() {
  const Record& now = meridian_->controller->record();
  if (now.epoch < last_.epoch) Break("a restart went back to an older epoch");
  if (now.epoch == last_.epoch && now.active != last_.active) {
    Break("a restart found another active site in the same epoch");
  }
  if (now.epoch == last_.epoch && !is_order_in_doubt_) {
    if (now.is_operator_choice != settled_.is_choice) Break("an operator's choice was lost");
    if (now.is_automation_on != settled_.is_on) Break("the kill switch was lost");
    if (now.is_all_automation_on != settled_.are_all_on) Break("the kill switch of all was lost");
  }
  // One that a crash cut short after it was on record: it was judged by the controller of before,
  // and nothing was written since.
  if (now.begun) {
    const auto [given, is_new] = given_.emplace(now.begun->epoch, now.begun->to);
    if (given->second != now.begun->to) Break("one epoch was given to two sites");
  }
  is_order_in_doubt_ = false;
  settled_ = {now.is_operator_choice, now.is_automation_on, now.is_all_automation_on};
  last_ = now;
  JudgeLedger();
}

}  // namespace meridian::failover::sim
