// What is so at this moment: pure questions over what was observed. Nothing here changes anything.
#include <meridian/failover/controller.h>

#include <algorithm>

namespace meridian::failover {

size_t Controller::Find(std::string_view name) const {
  for (size_t i = 0; i < sites_.size(); ++i) {
    if (sites_[i].name == name) return i;
  }
  return kNowhere;
}

bool Controller::IsFresh(const Site& site) const {
  return site.seen.replication && failover::IsFresh(*site.seen.replication, policy_, clock_.Now());
}

bool Controller::IsOlderEpoch(const Site& site) const {
  return IsFresh(site) && site.seen.replication->epoch &&
         *site.seen.replication->epoch < record_.epoch;
}

// One with an older epoch may still receive from a former active site: it testifies for the primary
// only.
bool Controller::IsWitness(const Site& site) const {
  return &site != &active() && IsFresh(site) && site.seen.replication->role != Role::kPrimary &&
         site.seen.replication->source_connected == true &&
         (active_ == kPrimary || !IsOlderEpoch(site));
}

bool Controller::Claims(const Site& site) const {
  return IsFresh(site) && site.seen.replication->role == Role::kPrimary &&
         site.seen.replication->at >= claims_from_;
}

bool Controller::IsRefused(const Site& site) const {
  return std::find(record_.refused_claims.begin(), record_.refused_claims.end(), site.name) !=
         record_.refused_claims.end();
}

// Heard or not: one that merely falls silent has not stepped down.
bool Controller::ClaimedLast(const Site& site) const {
  return &site != &active() && site.seen.replication &&
         site.seen.replication->role == Role::kPrimary &&
         site.seen.replication->at >= claims_from_ && !IsRefused(site) && !IsBeingOpened(site);
}

bool Controller::DoesAnotherClaim() const {
  return std::any_of(sites_.begin(), sites_.end(),
                     [&](const Site& site) { return ClaimedLast(site); });
}

// What a begun move was given is no later decision of somebody else's.
size_t Controller::HigherClaim() const {
  size_t highest = kNowhere;
  uint64_t epoch = std::max(record_.epoch, record_.given_epoch);
  for (size_t i = 0; i < sites_.size(); ++i) {
    if (i == active_ || !Claims(sites_[i])) continue;
    const uint64_t announced = sites_[i].seen.replication->epoch.value_or(0);
    if (announced <= epoch) continue;
    highest = i;
    epoch = announced;
  }
  return highest;
}

bool Controller::AreTwoClaiming() const {
  if (HigherClaim() != kNowhere) return true;
  if (!Claims(active())) return false;
  return std::any_of(sites_.begin(), sites_.end(), [&](const Site& site) {
    return &site != &active() && Claims(site) && !IsRefused(site) && !IsBeingOpened(site);
  });
}

// A higher claim once made in a split brain stands until it is withdrawn, heard or not.
bool Controller::IsHigherClaimPending() const {
  if (HigherClaim() != kNowhere) return true;
  if (state_ != State::kSplitBrain) return false;
  return std::any_of(record_.claims.begin(), record_.claims.end(), [&](const std::string& name) {
    const size_t site = Find(name);
    return site != kNowhere &&
           sites_[site].announced_epoch > std::max(record_.epoch, record_.given_epoch) &&
           !IsSteppedDown(sites_[site]);
  });
}

bool Controller::IsSteppedDown(const Site& site) const {
  return IsFresh(site) && site.seen.replication->role == Role::kStandby;
}

bool Controller::IsReconciled() const {
  const Site& primary = sites_[kPrimary];
  if (!IsFresh(primary) || IsOlderEpoch(primary)) return false;
  const ReplicationStatus& status = *primary.seen.replication;
  if (status.role == Role::kPrimary) return false;
  return status.reconciled ||
         (status.role == Role::kStandby && status.lag && *status.lag <= policy_.max_lag);
}

bool Controller::IsCaughtUp(const Site& site, MonotonicTime since) const {
  if (!IsFresh(site)) return false;
  const ReplicationStatus& status = *site.seen.replication;
  return status.at > since && status.lag == Duration(0) && status.backlog_bytes.value_or(0) == 0;
}

bool Controller::TakesReads(const Site& site) const {
  if (site.seen.verdict != Verdict::kUp) return false;
  if (&site == &active()) return true;
  if (policy_.reads != topology::Reads::kNearest || !IsFresh(site) || IsOlderEpoch(site)) {
    return false;
  }
  const ReplicationStatus& status = *site.seen.replication;
  return status.role == Role::kStandby && status.lag && *status.lag <= policy_.max_lag;
}

// It knew of a later epoch than it tells now: set back, or another machine under its name.
bool Controller::IsFenced() const {
  return IsFresh(active()) && active().seen.replication->epoch &&
         *active().seen.replication->epoch < std::min(active().announced_epoch, record_.epoch);
}

Life Controller::Judge() const {
  switch (active().seen.verdict) {
    case Verdict::kUnknown:
      return Life::kUnknown;
    case Verdict::kUp:
      return Life::kAlive;
    case Verdict::kOut:
      return Life::kOut;
    case Verdict::kDown:
      break;
  }
  const bool has_witness =
      std::any_of(sites_.begin(), sites_.end(), [&](const Site& site) { return IsWitness(site); });
  return has_witness ? Life::kUnreachable : Life::kDead;
}

// Counted from the verdict, from the last witness's word, or from the end of a gap in watching,
// whichever is the latest.
Duration Controller::DeadFor() const {
  if (Judge() != Life::kDead) return Duration(0);
  return clock_.Now() - std::max({active().down_since, last_witness_, watching_since_});
}

bool Controller::IsConfirmedDead() const {
  return Judge() == Life::kDead && DeadFor() >= policy_.after;
}

Gate Controller::GateOf(const Site& site) const {
  GateQuestion question{policy_, record_.epoch, clock_.Now(), std::nullopt};
  if (active().seen.verdict == Verdict::kDown) question.failed_at = active().down_since;
  return EvaluateGate(site.name, site.seen, question);
}

// Of every site but the active, in configured order.
std::vector<Gate> Controller::Gates() const {
  std::vector<Gate> gates;
  for (const Site& site : sites_) {
    if (&site != &active()) gates.push_back(GateOf(site));
  }
  return gates;
}

// One that has not told since the failure may have the most: how long it is waited for, which is as
// long as what it told before is fresh; zero: all have told.
Duration Controller::LeftToTell() const {
  Duration left{};
  for (const Site& site : sites_) {
    const bool is_candidate = &site != &active() && site.seen.verdict == Verdict::kUp;
    if (!is_candidate || !GateOf(site).Has(Obstacle::kBeforeFailure)) continue;
    const Duration age = clock_.Now() - site.seen.replication->at;
    left = std::max(left, kFreshIntervals * policy_.status_interval - age);
  }
  return left;
}

std::vector<Hindrance> Controller::Hindrances(bool failback) const {
  std::vector<Hindrance> found;
  if (!failback && !policy_.automatic) found.push_back(Hindrance::kNotAutomatic);
  if (!record_.is_automation_on) found.push_back(Hindrance::kAutomationOff);
  if (!record_.is_all_automation_on) found.push_back(Hindrance::kAllAutomationOff);
  if (record_.is_operator_choice) found.push_back(Hindrance::kOperatorChoice);
  if (CooldownLeft() > Duration(0)) found.push_back(Hindrance::kCooldown);
  if (DoesAnotherClaim()) found.push_back(Hindrance::kOtherClaims);
  if (veto_ && veto_->is_of_switch == failback && clock_.Now() < veto_->until) {
    found.push_back(Hindrance::kVetoed);
  }
  return found;
}

Duration Controller::CooldownLeft() const {
  if (record_.cooldown_from == WallTime{}) return Duration(0);
  return std::max(Duration(0), cooldown_until_ - clock_.Now());
}

}  // namespace meridian::failover
