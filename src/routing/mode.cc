// Step 4, for disaster-recovery services: which sites the direction of this moment leaves to a
// client. Writes go to the active site or nowhere; with reads: nearest, GET and HEAD go to any site
// that takes them, which a hold or a doubt about the active one does not change.
#include "routing/steps.h"

namespace meridian::routing {

bool Steps::GoesByReads() const {
  return walk_.is_read_ && walk_.internals_->recovery->reads_nearest;
}

uint16_t Steps::AllowedBy(const health::ServiceDirection& direction) const {
  const RecoverySites& recovery = *walk_.internals_->recovery;
  uint16_t allowed = 0;
  for (size_t i = 0; i < recovery.members.size(); ++i) {
    const health::SiteOrdinal ordinal = recovery.members[i].ordinal;
    const bool active = direction.admission == health::Admission::kRoute &&
                        direction.site == ordinal && ordinal != health::kNoSite;
    if (active || (GoesByReads() && recovery.live->TakesReads(ordinal))) {
      allowed = static_cast<uint16_t>(allowed | 1u << i);
    }
  }
  return allowed;
}

bool Steps::Holds(uint16_t allowed, SiteId site) const {
  const std::vector<RecoverySites::Member>& members = walk_.internals_->recovery->members;
  for (size_t i = 0; i < members.size(); ++i) {
    if (members[i].site == site) return (allowed >> i & 1) != 0;
  }
  return false;
}

void Steps::ReadDirection() {
  walk_.direction_ = walk_.internals_->recovery->live->direction();
  walk_.allowed_ = AllowedBy(walk_.direction_);
}

// Precondition: a disaster-recovery service.
bool Steps::IsCurrent(const Choice& choice) const {
  const health::ServiceDirection direction = walk_.internals_->recovery->live->direction();
  return direction.epoch == choice.epoch && Holds(AllowedBy(direction), choice.site);
}

// Goes on by the direction of now, from the start of the order if it has changed. False: nothing
// may be given.
bool Steps::FollowDirection() {
  const health::ServiceDirection before = walk_.direction_;
  ReadDirection();
  if (walk_.allowed_ == 0) {
    const bool held = walk_.direction_.admission == health::Admission::kHold;
    walk_.why_ = held ? NoChoice::kHeld : NoChoice::kRefused;
    return false;
  }
  if (walk_.direction_ == before) return true;
  walk_.current_ = SiteId{};
  walk_.pass_ = kHealthy;
  walk_.moved_by_ = Reason::kFailover;
  Restart(walk_.ranking_);
  if (walk_.phase_ != Walk::Phase::kSites && !IsAllowed(walk_.pinned_site_)) LeavePin();
  return true;
}

bool Walk::IsCurrent(const Choice& choice) const {
  if (!internals_->recovery) return true;
  Walk copy = *this;
  return Steps(copy).IsCurrent(choice);
}

void Walk::Resume() {
  if (why_ == NoChoice::kHeld || why_ == NoChoice::kRefused) why_ = NoChoice::kNone;
}

const health::ServiceHealth* Table::Recovery(ServiceId service) const {
  const std::optional<RecoverySites>& recovery = services_[service.value]->recovery;
  return recovery ? recovery->live : nullptr;
}

bool Table::Keeps(ServiceId service, SiteId id, bool is_read) const {
  const std::optional<RecoverySites>& recovery = services_[service.value]->recovery;
  if (!recovery) return true;
  const health::ServiceDirection direction = recovery->live->direction();
  const health::SiteOrdinal ordinal = site(id).health->ordinal;
  if (direction.admission != health::Admission::kRoute || direction.site == ordinal) return true;
  return is_read && recovery->reads_nearest && recovery->live->TakesReads(ordinal);
}

}  // namespace meridian::routing
