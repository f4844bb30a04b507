// Faults: when they begin and end, and the truth they make. See model_world.h.
#include <algorithm>

#include "model_world.h"

namespace meridian::failover::sim {

const char* Name(Fault fault) {
  constexpr const char* kNames[kFaultCount] = {
      "endpoint loss", "site loss",    "region loss", "partition from Meridian",
      "partition",     "slow check",   "flapping",    "lying check",
      "lag growth",    "stale status", "promotion",   "wall jump",
      "suspension",    "disk fault",   "crash",       "crash in save"};
  return kNames[static_cast<size_t>(fault)];
}

bool World::Has(Fault fault, size_t site) const {
  return std::any_of(faults_.begin(), faults_.end(), [&](const Active& active) {
    return active.fault == fault && active.site == site;
  });
}

bool World::IsLost(size_t site) const {
  return std::any_of(faults_.begin(), faults_.end(), [&](const Active& active) {
    if (active.fault == Fault::kSiteLoss) return active.site == site;
    return active.fault == Fault::kRegionLoss &&
           places_.InRegion(site, places_.region(active.site));
  });
}

void World::Faults() {
  const size_t before = faults_.size();
  std::erase_if(faults_, [&](const Active& active) { return active.until <= step_; });
  if (faults_.size() != before) Settle();
  if (Chance(fault_rate_) && faults_.size() < 7) {
    Begin(static_cast<Fault>(Below(kLastingFaults)));
  }
  if (Chance(0.0005)) Promote();
  if (meridian_ == nullptr || step_ < resume_at_) return;
  if (Chance(0.002)) Jump();
  if (Chance(0.001)) {
    ++coverage_.faults[static_cast<size_t>(Fault::kSuspension)];
    resume_at_ = step_ + 10 + static_cast<int>(Below(Chance(0.5) ? 30 : 600));
  }
  if (Chance(0.002)) storage_.CrashAfter(static_cast<int>(Below(8)));
  if (Chance(0.002)) {
    ++coverage_.faults[static_cast<size_t>(Fault::kDiskFault)];
    storage_.FailStep(static_cast<fakes::MemoryStorage::Step>(Below(4)),
                      1 + static_cast<int>(Below(4)), Chance(0.5));
  }
}

void World::Begin(Fault kind) {
  Active fault;
  fault.fault = kind;
  fault.site = Chance(0.5) ? places_.IndexOf(last_.active) : Below(sites_.size());
  fault.other = (fault.site + 1 + Below(sites_.size() - 1)) % sites_.size();
  fault.endpoint = Below(places_.endpoints().size());
  fault.until = step_ + 5 + static_cast<int>(Below(Chance(0.3) ? 600 : 150));
  faults_.push_back(fault);
  ++coverage_.faults[static_cast<size_t>(kind)];
  Settle();
}

void World::Settle() {
  for (size_t i = 0; i < sites_.size(); ++i) {
    sites_[i].is_alive = !IsLost(i);
    sites_[i].is_applying = !Has(Fault::kLagGrowth, i);
    meridian_cut_[i] = Has(Fault::kMeridianCut, i);
    for (size_t j = 0; j < i; ++j) sites_.Cut(i, j, false);
  }
  for (ModelEndpoint& endpoint : places_.endpoints()) endpoint.is_lost = false;
  for (const Active& active : faults_) {
    if (active.fault == Fault::kSiteCut) sites_.Cut(active.site, active.other, true);
    if (active.fault == Fault::kEndpointLoss) places_.endpoints()[active.endpoint].is_lost = true;
  }
}

// Somebody at a site, who sees its source gone, makes it a primary by hand: no epoch comes with it.
void World::Promote() {
  const size_t site = Below(sites_.size());
  ModelSite& target = sites_[site];
  if (!target.is_alive || target.role != Role::kStandby || target.is_connected) return;
  target.role = Role::kPrimary;
  ++coverage_.faults[static_cast<size_t>(Fault::kPromotion)];
}

void World::Jump() {
  const auto hours = std::chrono::hours(static_cast<int>(Below(20000)) - 10000);
  clock_.SetWall(clock_.WallNow() + (Chance(0.5) ? Duration(hours) : Duration(hours) / 3600));
  ++coverage_.faults[static_cast<size_t>(Fault::kWallJump)];
}

bool World::Reaches(const ModelEndpoint& endpoint) const {
  return !endpoint.is_lost && !IsLost(endpoint.site) && !meridian_cut_[endpoint.site];
}

}  // namespace meridian::failover::sim
