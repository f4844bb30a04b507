// The question answered by a world of its own: sessions settle, what is asked for fails, the checks
// alone find it out, controllers decide, and then every session that lost its place asks again.
#include <meridian/base/format.h>
#include <meridian/base/text.h>
#include <meridian/failover/gate.h>
#include <meridian/simulate/simulate.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "simulate/population.h"
#include "simulate/world.h"

namespace meridian::simulate {
namespace {

constexpr Duration kStep = std::chrono::milliseconds(100);
constexpr Duration kPatience = std::chrono::minutes(15);  // for the checks and the controllers
constexpr uint64_t kMaxPlaced = 100'000;                  // beyond, sessions are placed in packs
constexpr uint64_t kDefaultSessions = 1000;
constexpr double kDefaultShare = 0.6;  // of the capacity
constexpr uint64_t kSeed = 1;

class Inquiry {
 public:
  Inquiry(World& world, const Question& question)
      : world_(world), question_(question), population_(PopulationOf(world.snapshot())) {
    for (size_t i = 0; i < world.table().services().size(); ++i) {
      const std::string& name = world.table().services()[i].name;
      if (!question.service.empty() && question.service != name) continue;
      services_.push_back(ServiceId{static_cast<uint32_t>(i)});
      report_.services.push_back(name);
    }
    report_.down = question.down;
    report_.population = population_.text;
    ChooseLoad();
  }

  WhatIfReport Run() {
    for (const auto& [site, lag] : question_.lag) world_.recovery().SetLag(site, lag);
    const Duration seated = std::chrono::seconds(-3);
    world_.RunUntil(seated);
    for (uint64_t i = 0; i < report_.sessions_before / pack_; ++i) Seat(i);
    world_.RunUntil(Duration(0));
    NoteBefore();
    for (const std::string& target : question_.down) world_.SetDown(target, true);
    Await();
    world_.crowd().StartCounting();
    Reseat();
    NoteAfter();
    return std::move(report_);
  }

 private:
  void ChooseLoad() {
    uint64_t capacity = 0, limited = 0;
    for (const routing::Site& site : world_.table().sites()) {
      const bool is_used = std::any_of(services_.begin(), services_.end(),
                                       [&](ServiceId service) { return Serves(service, site); });
      if (!is_used || site.capacity == UINT64_MAX) continue;
      capacity += site.capacity;
      ++limited;
    }
    if (question_.sessions) {
      report_.sessions_before = *question_.sessions;
      report_.load = "as asked for";
    } else if (limited > 0) {
      report_.sessions_before =
          static_cast<uint64_t>(kDefaultShare * static_cast<double>(capacity));
      report_.load = Format("60% of the capacity of {}, which is {}; --sessions says otherwise",
                            limited == 1 ? std::string("the one site in use that has one")
                                         : Format("{} sites in use", limited),
                            GroupThousands(capacity));
    } else {
      report_.sessions_before = kDefaultSessions;
      report_.load = "no site has a capacity; --sessions says otherwise";
    }
    pack_ = (report_.sessions_before + kMaxPlaced - 1) / kMaxPlaced;
    pack_ = std::max<uint64_t>(pack_, 1);
    report_.sessions_before = report_.sessions_before / pack_ * pack_;
  }

  // With nothing down: of a disaster-recovery service the primary alone.
  bool Serves(ServiceId service, const routing::Site& site) const {
    const auto* policy = world_.recovery().PolicyOf(world_.table().service(service).name);
    return policy != nullptr ? policy->primary == site.name
                             : !world_.table().Pool(service, site.id).empty();
  }

  void Seat(uint64_t index) {
    Placement placement;
    placement.service = static_cast<uint32_t>(index % services_.size());
    const uint64_t client = index / services_.size();
    placement.client = ClientIn(population_.networks[client % population_.networks.size()], client);
    placement.sessions = pack_;
    const size_t number =
        world_.crowd().Settle(services_[placement.service], placement.client, pack_);
    numbers_.push_back(number);
    placement.before = NameOf(world_.crowd().SiteOf(number));
    report_.placements.push_back(std::move(placement));
  }

  std::string NameOf(SiteId site) const {
    return site.ok() ? world_.table().site(site).name : std::string();
  }

  void NoteBefore() {
    for (const routing::Site& site : world_.table().sites()) {
      SiteLoad& load = report_.sites.emplace_back();
      load.name = site.name;
      load.region = site.region;
      if (site.capacity != UINT64_MAX) load.capacity = site.capacity;
      load.before = world_.crowd().SessionsAt(site.id);
    }
    for (const ServiceId service : services_) {
      const failover::Controller* controller =
          world_.recovery().Find(world_.table().service(service).name);
      if (controller == nullptr) continue;
      RecoveryOutlook& outlook = report_.recoveries.emplace_back();
      outlook.service = world_.table().service(service).name;
      outlook.active_before = controller->record().active;
      NoteGates(outlook);
    }
  }

  void NoteGates(RecoveryOutlook& outlook) {
    const failover::Controller& controller = *world_.recovery().Find(outlook.service);
    outlook.gates.clear();
    for (const failover::Gate& gate : controller.Foresee().gates) {
      outlook.gates.push_back(Describe(gate, *world_.recovery().PolicyOf(outlook.service)));
    }
  }

  // Until Meridian knows what is down and every controller rests.
  void Await() {
    Duration at{}, rests_since = kStep;
    bool is_known = question_.down.empty();
    do {
      world_.RunUntil(at += kStep);
      if (!is_known && (is_known = Knows())) report_.detected_after = at;
      for (RecoveryOutlook& outlook : report_.recoveries) {
        const failover::Controller& controller = *world_.recovery().Find(outlook.service);
        const bool is_moved = controller.record().active != outlook.active_before;
        const failover::Outlook next = controller.Foresee();
        if (!is_moved && next.life == failover::Life::kDead) NoteGates(outlook);
        outlook.next = next.text;
      }
      if (!is_known || !Rests()) rests_since = at;
    } while (at < kPatience && at - rests_since < Quiet());
  }

  // A witness's word of before the failure keeps a controller at rest as long as it counts as
  // fresh.
  Duration Quiet() const {
    Duration quiet = std::chrono::seconds(1);
    for (const RecoveryOutlook& outlook : report_.recoveries) {
      const Duration interval = world_.recovery().PolicyOf(outlook.service)->status_interval;
      quiet = std::max(quiet, (failover::kFreshIntervals + 1) * interval);
    }
    return quiet;
  }

  bool Knows() const {
    for (const routing::Endpoint& endpoint : world_.table().endpoints()) {
      if (!world_.nature().Answers(endpoint) && endpoint.health->state() == health::State::kUp)
        return false;
    }
    return true;
  }

  bool Rests() const {
    return std::all_of(
        report_.recoveries.begin(), report_.recoveries.end(), [&](const RecoveryOutlook& told) {
          const failover::Controller& controller = *world_.recovery().Find(told.service);
          const failover::State state = controller.state();
          if (state == failover::State::kSwitching || state == failover::State::kActivating)
            return false;
          return state == failover::State::kBlocked || state == failover::State::kReady ||
                 !controller.Foresee().due_in;
        });
  }

  void Reseat() {
    const auto total = static_cast<uint64_t>(
        std::llround(static_cast<double>(report_.sessions_before) * question_.rate));
    const uint64_t wanted = total / pack_;
    for (uint64_t i = wanted; i < numbers_.size(); ++i) world_.crowd().Dismiss(numbers_[i]);
    const uint64_t kept = std::min<uint64_t>(wanted, numbers_.size());
    for (uint64_t i = 0; i < kept; ++i) {
      const SiteId site = world_.crowd().SiteOf(numbers_[i]);
      if (!site.ok() || HasLost(i, site)) world_.crowd().Resettle(numbers_[i]);
      report_.placements[i].after = NameOf(world_.crowd().SiteOf(numbers_[i]));
    }
    report_.placements.resize(kept);
    for (uint64_t i = numbers_.size(); i < wanted; ++i) {
      Seat(i);
      report_.placements[i].after = std::exchange(report_.placements[i].before, {});
    }
    report_.sessions_after = wanted * pack_;
  }

  bool HasLost(uint64_t index, SiteId site) const {
    if (!world_.nature().Answers(world_.crowd().EndpointOf(numbers_[index]))) return true;
    const failover::Controller* controller =
        world_.recovery().Find(report_.services[report_.placements[index].service]);
    return controller != nullptr && controller->record().active != world_.table().site(site).name;
  }

  // What people call the place of a client.
  std::string PlaceOf(const net::IpAddress& client) const {
    const geo::Location place = world_.table().locator().Locate(client);
    if (!place.country.empty()) return std::string(place.country.view());
    if (!place.continent.empty()) return std::string(place.continent.view());
    if (place.has_coordinates)
      return Format("{:.1f}, {:.1f}", place.point.latitude, place.point.longitude);
    return "unknown place";
  }

  void NoteAfter() {
    for (size_t i = 0; i < report_.sites.size(); ++i) {
      const SiteId id{static_cast<uint32_t>(i)};
      SiteLoad& load = report_.sites[i];
      load.after = world_.crowd().SessionsAt(id);
      load.state = health::Name(world_.StateOf(id));
      if (load.capacity && load.after >= *load.capacity + pack_) {
        report_.over_capacity.push_back(load.name);
      }
    }
    std::map<std::string, uint64_t> unserved;
    for (const ServiceId service : services_) {
      for (const auto& [why, tries] : world_.crowd().tally(service).refused) unserved[why] += tries;
    }
    report_.unserved.assign(unserved.begin(), unserved.end());
    NoteFlows();
    for (RecoveryOutlook& outlook : report_.recoveries) {
      const failover::Controller& controller = *world_.recovery().Find(outlook.service);
      outlook.active_after = controller.record().active;
      outlook.state = failover::Name(controller.state());
      outlook.next = controller.Foresee().text;
      for (const MoveReport& move : world_.recovery().Moves()) {
        if (move.service != outlook.service) continue;
        outlook.moved_after = move.timeline.persisted->monotonic - Agenda::kStart;
        outlook.lag_at_risk = move.lag_at_risk;
        outlook.why = move.timeline.why;
      }
    }
  }

  void NoteFlows() {
    std::map<std::array<std::string, 4>, uint64_t> flows;
    for (const Placement& placement : report_.placements) {
      flows[{report_.services[placement.service], PlaceOf(placement.client), placement.before,
             placement.after}] += placement.sessions;
    }
    for (const auto& [key, sessions] : flows) {
      report_.flows.push_back({key[1], key[0], key[2], key[3], sessions});
    }
    std::stable_sort(report_.flows.begin(), report_.flows.end(),
                     [](const Flow& a, const Flow& b) { return a.sessions > b.sessions; });
  }

  World& world_;
  const Question& question_;
  const Population population_;
  std::vector<ServiceId> services_;
  std::vector<size_t> numbers_;  // of the sessions, in the crowd
  uint64_t pack_ = 1;
  WhatIfReport report_;
};

}  // namespace

Answer WhatIf(const config::Config& config, const Question& question) {
  Answer answer;
  const std::unique_ptr<World> world = World::Make(config, kSeed, answer.errors);
  if (world != nullptr) answer.report = Inquiry(*world, question).Run();
  return answer;
}

}  // namespace meridian::simulate
