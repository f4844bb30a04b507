// See expect.h.
#include "simulate/expect.h"

#include <meridian/base/format.h>
#include <meridian/base/text.h>

namespace meridian::simulate {
namespace {

class Judge {
 public:
  Judge(World& world, const config::Expectation& expected)
      : world_(world),
        expected_(expected),
        service_(world.table().FindService(expected.service)),
        site_(world.table().FindSite(expected.site)) {}

  std::string Run() {
    JudgeRecovery();
    if (!expected_.state.empty() && site_.ok()) JudgeState();
    const auto sessions = static_cast<double>(Sessions(site_));
    Number("sessions", expected_.sessions, sessions);
    Share("share", expected_.share, sessions, static_cast<double>(Sessions(SiteId{})));
    if (expected_.peak) {
      const routing::Site& site = world_.table().site(site_);
      Share("peak", expected_.peak, static_cast<double>(world_.crowd().peak(site_)),
            static_cast<double>(site.capacity));
    }
    uint64_t refused = 0, lost = 0;
    for (size_t i = 0; i < world_.table().services().size(); ++i) {
      const ServiceId id{static_cast<uint32_t>(i)};
      if (service_.ok() && id != service_) continue;
      refused += world_.crowd().tally(id).refusals();
      lost += world_.crowd().tally(id).lost;
    }
    Number("refused", expected_.refused, static_cast<double>(refused));
    Number("lost", expected_.lost, static_cast<double>(lost));
    return text_;
  }

 private:
  void Is(const char* what, const std::string& value) {
    text_ += Format("{}{} is {}", text_.empty() ? "" : ", ", what, value);
  }
  void Number(const char* what, const std::optional<config::Range>& range, double value) {
    if (range && !range->Holds(value)) Is(what, GroupThousands(static_cast<uint64_t>(value)));
  }
  void Share(const char* what, const std::optional<config::Range>& range, double part,
             double whole) {
    const double share = whole == 0 ? 0 : part / whole;
    if (range && !range->Holds(share)) Is(what, Format("{:.1f}%", share * 100));
  }

  void JudgeRecovery() {
    const failover::Controller* controller = world_.recovery().Find(expected_.service);
    if (controller == nullptr) return;
    const failover::Record& record = controller->record();
    if (!expected_.active.empty() && record.active != expected_.active) {
      Is("active", record.active);
    }
    if (!expected_.state.empty() && !site_.ok() &&
        failover::Name(controller->state()) != expected_.state) {
      Is("state", failover::Name(controller->state()));
    }
    Number("epoch", expected_.epoch, static_cast<double>(record.epoch));
    if (!expected_.at_risk) return;
    double at_risk = 0;
    for (const MoveReport& move : world_.recovery().Moves()) {
      if (move.service != expected_.service) continue;
      at_risk = std::chrono::duration<double>(move.lag_at_risk).count();
    }
    if (!expected_.at_risk->Holds(at_risk)) Is("at risk", Format("{:.1f}s", at_risk));
  }

  void JudgeState() {
    const health::State state =
        service_.ok() ? world_.table().SiteState(service_, site_) : world_.StateOf(site_);
    if (health::Name(state) != expected_.state) Is("state", health::Name(state));
  }

  // Of the service or all, at the site or all.
  uint64_t Sessions(SiteId at) {
    uint64_t sum = 0;
    for (const routing::Site& site : world_.table().sites()) {
      if (at.ok() && site.id != at) continue;
      sum += service_.ok() ? world_.crowd().Sessions(service_, site.id)
                           : world_.crowd().SessionsAt(site.id);
    }
    return sum;
  }

  World& world_;
  const config::Expectation& expected_;
  const ServiceId service_;
  const SiteId site_;
  std::string text_;
};

}  // namespace

std::string Mismatch(World& world, const config::Expectation& expected) {
  return Judge(world, expected).Run();
}

}  // namespace meridian::simulate
