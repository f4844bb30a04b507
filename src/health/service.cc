// Publishing the direction of a disaster-recovery service. Control thread.
#include <meridian/health/service.h>

#include <meridian/base/check.h>

namespace meridian::health {

void ServiceHealth::Publish(const ServiceDirection& direction, const char* reason,
                            MonotonicTime hold_until) {
  const bool fits = direction.site < kNoSite && direction.epoch <= ServiceDirection::kMaxEpoch;
  const ServiceDirection kept = fits ? direction : ServiceDirection{};
  reason_.store(fits ? reason : "the active site or its epoch is out of bounds",
                std::memory_order_relaxed);
  hold_until_ns_.store(hold_until.time_since_epoch().count(), std::memory_order_relaxed);
  word_.store(static_cast<uint64_t>(kept.admission) | uint64_t{kept.site} << 2 | kept.epoch << 22,
              std::memory_order_release);
}

// From the front, so that a reader meets a site of before or of now, never another.
void ServiceHealth::PublishReaders(std::span<const SiteOrdinal> sites) {
  MERIDIAN_CHECK(sites.size() <= readers_.size());
  for (size_t i = 0; i < readers_.size(); ++i) {
    readers_[i].store(i < sites.size() ? sites[i] : kNoSite, std::memory_order_relaxed);
  }
}

}  // namespace meridian::health
