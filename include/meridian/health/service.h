// The live view of one disaster-recovery service: where its sessions go, under which epoch, and
// which sites take its reads. Found by name in a Registry, so it outlives snapshots and reloads.
// The control thread publishes what it has decided and made durable; a worker reads a direction
// with one atomic load, so that it never meets half of one. Until something was published, nothing
// is routed.
#pragma once

#include <meridian/base/counter.h>
#include <meridian/base/time.h>
#include <meridian/topology/disaster_recovery.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <span>

namespace meridian::health {

// Numbers a site for the life of its Registry, whatever the configuration.
using SiteOrdinal = uint32_t;
inline constexpr SiteOrdinal kNoSite = (1u << 20) - 1;

enum class Admission : uint8_t {
  kRefuse,  // nowhere: it is not sure which site is active
  kHold,    // new sessions wait
  kRoute,   // to the active site
};

struct ServiceDirection {
  static constexpr uint64_t kMaxEpoch = (uint64_t{1} << 42) - 1;

  Admission admission = Admission::kRefuse;
  SiteOrdinal site = kNoSite;  // the active one
  uint64_t epoch = 0;

  bool operator==(const ServiceDirection&) const = default;
};

class alignas(kCacheLine) ServiceHealth {
 public:
  ServiceHealth() = default;
  ServiceHealth(const ServiceHealth&) = delete;

  // Any thread.
  ServiceDirection direction() const {
    const uint64_t word = word_.load(std::memory_order_acquire);
    return {.admission = static_cast<Admission>(word & 3),
            .site = static_cast<SiteOrdinal>(word >> 2 & kNoSite),
            .epoch = word >> 22};
  }
  // Why not kRoute, and when a hold ends (zero: not known). Each may be that of a direction just
  // before or after: for messages and waiting, not for decisions.
  const char* reason() const { return reason_.load(std::memory_order_relaxed); }
  MonotonicTime hold_until() const {
    return MonotonicTime(Duration(hold_until_ns_.load(std::memory_order_relaxed)));
  }
  // Whether GET and HEAD may go there (reads: nearest).
  bool TakesReads(SiteOrdinal site) const {
    for (const std::atomic<SiteOrdinal>& reader : readers_) {
      const SiteOrdinal one = reader.load(std::memory_order_relaxed);
      if (one == site) return site != kNoSite;
      if (one == kNoSite) return false;
    }
    return false;
  }

  // Control thread. A site or epoch that has no room in the word is refused, whatever `admission`
  // says. `reason` is static text.
  void Publish(const ServiceDirection& direction, const char* reason = "",
               MonotonicTime hold_until = {});
  // At most kMaxRecoverySites of them. Control thread.
  void PublishReaders(std::span<const SiteOrdinal> sites);

 private:
  // admission 0–1 · site 2–21 · epoch 22–63
  std::atomic<uint64_t> word_{uint64_t{kNoSite} << 2};
  std::atomic<const char*> reason_{"no site was declared active yet"};
  std::atomic<int64_t> hold_until_ns_{0};
  std::array<std::atomic<SiteOrdinal>, topology::kMaxRecoverySites> readers_{
      kNoSite, kNoSite, kNoSite, kNoSite, kNoSite, kNoSite, kNoSite, kNoSite,
      kNoSite, kNoSite, kNoSite, kNoSite, kNoSite, kNoSite, kNoSite, kNoSite};
};

}  // namespace meridian::health
