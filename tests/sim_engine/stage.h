// A stage for stories: three sites in a compiled table, the health registry, and the controller of
// one disaster-recovery service, "web", put together as the daemon does it. A story moves time,
// kills and revives, and asks where clients are sent.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "unit/failover/drill.h"
#include "unit/routing/world.h"

namespace meridian::failover {

inline Policy WithReads(Policy policy) {
  policy.reads = topology::Reads::kNearest;
  return policy;
}

class Stage {
 public:
  explicit Stage(const Policy& policy, topology::Panic panic = topology::Panic::kReject)
      : drill(policy) {
    world.AddSite("atlanta", 33.749, -84.388);
    world.AddSite("dallas", 32.777, -96.797);
    world.AddSite("san-jose", 37.338, -121.886);
    world.web().mode = topology::Mode::kDisasterRecovery;
    world.web().disaster_recovery = policy;
    world.web().panic = panic;
    for (size_t i = 0; i < clients_.size(); ++i) {
      const topology::Site& near = world.topology.sites[i];
      clients_[i] = world.AddClient(near.latitude, near.longitude);
    }
    world.Build();
    Publish();
  }

  // Checks fail, and its status is not answered.
  void Kill(const std::string& site) {
    Check(site, false);
    drill.Kill(site);
  }
  void Revive(const std::string& site) { Check(site, true); }
  void Check(const std::string& site, bool is_good) { world.SetSiteUp(site, is_good); }
  void Forget(const std::string& site) {
    for (const routing::Endpoint& endpoint :
         world.table().Pool(world.service(), world.table().FindSite(site))) {
      world.registry.SetProbe(*endpoint.health, health::Probe::kUnknown, drill.clock.Now());
    }
  }

  void Pass(Duration duration) {
    for (Duration passed{}; passed < duration; passed += 100ms) {
      for (auto& [name, place] : drill.places) place.verdict = VerdictOf(name);
      drill.Pass(100ms);
      Publish();
    }
  }

  // Where a client near `from` is sent first: a site's name, or why nowhere.
  std::string Write(const std::string& from = "atlanta") { return Ask(from, false); }
  std::string Read(const std::string& from = "atlanta") { return Ask(from, true); }
  uint64_t epoch_of_writes() const { return epoch_; }  // under which the last was sent

  routing::World world;
  Drill drill;

 private:
  Verdict VerdictOf(const std::string& site) const {
    const SiteId id = world.table().FindSite(site);
    if (world.table().SiteState(world.service(), id) == health::State::kUp) return Verdict::kUp;
    for (const routing::Endpoint& endpoint : world.table().Pool(world.service(), id)) {
      if (endpoint.health->facts().probe != health::Probe::kUnknown) return Verdict::kDown;
    }
    return Verdict::kUnknown;
  }

  void Publish() {
    const Direction direction = drill.controller->direction();
    const auto admission = direction.traffic == Traffic::kRoute  ? health::Admission::kRoute
                           : direction.traffic == Traffic::kHold ? health::Admission::kHold
                                                                 : health::Admission::kRefuse;
    health::ServiceHealth& live = world.registry.Service("web");
    live.Publish({admission, world.registry.Site(direction.site).ordinal, direction.epoch},
                 direction.reason, direction.until);
    std::vector<health::SiteOrdinal> readers;
    for (const auto& [name, place] : drill.places) {
      if (drill.controller->TakesReads(name)) readers.push_back(world.registry.Site(name).ordinal);
    }
    live.PublishReaders(readers);
  }

  std::string Ask(const std::string& from, bool is_read) {
    routing::Query query = world.QueryOf(clients_[world.table().FindSite(from).value]);
    query.is_read = is_read;
    routing::Walk walk;
    walk.Start(world.table(), query);
    routing::Choice choice;
    if (!walk.Next(choice)) return routing::Name(walk.why());
    if (!is_read) epoch_ = choice.epoch;
    return world.SiteName(choice.site);
  }

  std::array<net::IpAddress, 3> clients_;
  uint64_t epoch_ = 0;
};

}  // namespace meridian::failover
