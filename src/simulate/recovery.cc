// See recovery.h.
#include "simulate/recovery.h"

#include <meridian/base/check.h>
#include <meridian/base/format.h>
#include <meridian/snapshot/observe.h>

#include <algorithm>

namespace meridian::simulate {
namespace {

using failover::Verdict;

constexpr double kCatchUp = 10;  // seconds of lag made good in a second
constexpr std::string_view kOperator = "the operator";

double Seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}
Duration ToDuration(double seconds) {
  return Duration(static_cast<int64_t>(seconds * 1e9));
}

}  // namespace

// A disk that never fails.
class Recovery::Record final : public failover::Storage {
 public:
  Result<std::optional<std::string>> Load() override { return seen_; }
  Result<> WriteTemporary(std::string_view bytes) override {
    temporary_ = bytes;
    return {};
  }
  Result<> SyncTemporary() override { return {}; }
  Result<> Publish() override {
    seen_ = temporary_;
    return {};
  }
  Result<> SyncDirectory() override { return {}; }

 private:
  std::string temporary_;
  std::optional<std::string> seen_;
};

struct Recovery::Service {
  ServiceId id;
  std::string name;
  failover::Policy policy;
  Record record;
  std::unique_ptr<failover::Controller> controller;
  std::vector<Replica> replicas;  // the primary first, then standbys
  size_t source = 0;              // of the replicas
  uint64_t version = 0;           // of the direction that is routed by
  std::vector<MoveReport> moves;
};

Recovery::Recovery(const Crowd::Context& context, Crowd& crowd)
    : context_(context), crowd_(crowd), last_tick_(context.agenda.Now()) {
  const auto& services = context_.table.services();
  for (size_t i = 0; i < services.size(); ++i) {
    if (services[i].mode != topology::Mode::kDisasterRecovery) continue;
    auto service = std::make_unique<Service>();
    service->id = ServiceId{static_cast<uint32_t>(i)};
    service->name = services[i].name;
    service->policy = *services[i].disaster_recovery;
    service->policy.max_backlog.reset();
    service->policy.approval.clear();
    auto opened = failover::Controller::Open(service->name, service->policy, service->record,
                                             context_.agenda);
    MERIDIAN_CHECK(opened.has_value());  // the configuration was validated
    service->controller = std::move(*opened);
    std::vector<std::string> names{service->policy.primary};
    names.insert(names.end(), service->policy.standby.begin(), service->policy.standby.end());
    for (const std::string& name : names) {
      service->replicas.push_back({context_.table.FindSite(name), name});
      service->replicas.back().epoch = service->controller->record().epoch;
    }
    services_.push_back(std::move(service));
    Direct(*services_.back());
  }
}

Recovery::~Recovery() = default;

Recovery::Service* Recovery::Of(std::string_view name) {
  for (const auto& service : services_) {
    if (service->name == name) return service.get();
  }
  return nullptr;
}

const failover::Controller* Recovery::Find(std::string_view name) const {
  for (const auto& service : services_) {
    if (service->name == name) return service->controller.get();
  }
  return nullptr;
}

const failover::Policy* Recovery::PolicyOf(std::string_view name) const {
  for (const auto& service : services_) {
    if (service->name == name) return &service->policy;
  }
  return nullptr;
}

void Recovery::Tick() {
  for (const auto& service : services_) {
    Replicate(*service);
    Observe(*service);
    service->controller->Tick();
    Direct(*service);
    Tell(*service);
  }
  last_tick_ = context_.agenda.Now();
}

// Whether something is written at the source: while a planned switch has
// drained it, nothing is.
bool Recovery::Writes(const Service& service) const {
  const bool is_held = service.controller->direction().traffic == failover::Traffic::kHold;
  return !is_held || crowd_.Sessions(service.id, service.replicas[service.source].site) > 0;
}

void Recovery::Replicate(Service& service) {
  const double passed = Seconds(context_.agenda.Now() - last_tick_);
  const Replica& source = service.replicas[service.source];
  const bool writes = Writes(service);
  for (Replica& replica : service.replicas) {
    if (&replica == &source) continue;
    replica.floor = std::max(0.0, replica.floor + replica.growth * passed);
    if (context_.nature.AreConnected(source.site, replica.site)) {
      const double floor = writes ? replica.floor : 0;
      replica.lag = std::max(floor, replica.lag - kCatchUp * passed);
      replica.epoch = std::max(replica.epoch, source.epoch);
    } else if (context_.nature.IsAlive(source.site) && writes) {
      replica.lag += passed;
    }
  }
}

std::optional<MonotonicTime> Recovery::FirstErrorAt(const Service& service, SiteId site) const {
  std::optional<MonotonicTime> first;
  for (const routing::Endpoint& endpoint : context_.table.Pool(service.id, site)) {
    const auto error = context_.checks.FirstError(*endpoint.health);
    if (error && (!first || *error < *first)) first = error;
  }
  return first;
}

failover::Observation Recovery::See(const Service& service, Replica& replica) {
  failover::Observation seen = snapshot::ObserveSite(context_.table, service.id, replica.site);
  if (seen.verdict == Verdict::kDown) seen.first_error = FirstErrorAt(service, replica.site);
  if (!service.policy.check) return seen;  // nobody asks
  const MonotonicTime now = context_.agenda.Now();
  if (now < replica.next_status) return seen;
  replica.next_status = now + service.policy.status_interval;
  if (!context_.nature.IsReached(replica.site)) return seen;
  const Replica& source = service.replicas[service.source];
  failover::ReplicationStatus status;
  status.at = now;
  if (&replica == &source) {
    replica.epoch = service.controller->record().epoch;
    status.role = failover::Role::kPrimary;
  } else {
    status.role = failover::Role::kStandby;
    status.lag = ToDuration(replica.lag);
    status.source_connected = context_.nature.AreConnected(source.site, replica.site);
  }
  status.epoch = replica.epoch;
  seen.replication = status;
  return seen;
}

void Recovery::Observe(Service& service) {
  const failover::Direction direction = service.controller->direction();
  for (Replica& replica : service.replicas) {
    (void)service.controller->Observe(replica.name, See(service, replica));
    const Crowd::Since since = crowd_.TakeSince(service.id, replica.site);
    (void)service.controller->Report(
        replica.name, {.version = service.version,
                       .open_sessions = crowd_.Sessions(service.id, replica.site),
                       .sessions_moved = since.moved,
                       .requests_lost = replica.name == direction.site ? since.refused : 0,
                       .has_success = since.has_success});
  }
}

// Events, and what a move put at risk: how far the new source was behind the
// old one's last write.
void Recovery::Tell(Service& service) {
  for (const failover::Event& event : service.controller->TakeEvents()) {
    const bool is_bad =
        event.kind == failover::EventKind::kAlarm ||
        event.kind == failover::EventKind::kSwitchAborted ||
        (event.kind == failover::EventKind::kState &&
         (event.after == failover::State::kBlocked || event.after == failover::State::kSplitBrain));
    context_.chronicle.Tell(Kind::kFailover, event.text, is_bad);
  }
}

// To routing; and what a new direction means for the sessions that are open.
void Recovery::Direct(Service& service) {
  const failover::Direction direction = service.controller->direction();
  Publish(service, direction);
  const bool is_held = direction.traffic == failover::Traffic::kHold;
  if (is_held && context_.agenda.Now() >= direction.close_at) BreakWrites(service, true);
  if (direction.version == service.version) return;
  service.version = direction.version;
  const auto to = std::find_if(service.replicas.begin(), service.replicas.end(),
                               [&](const Replica& r) { return r.name == direction.site; });
  const auto index = static_cast<size_t>(to - service.replicas.begin());
  if (index != service.source && !service.controller->timelines().empty()) {
    MoveReport& move = service.moves.emplace_back();
    move.service = service.name;
    move.timeline = service.controller->timelines().back();
    move.lag_at_risk = ToDuration(to->lag);
    service.source = index;
    to->lag = to->floor = to->growth = 0;
    BreakWrites(service, false);
  }
}

// Ends the writing sessions at the active site, or those at all others.
void Recovery::BreakWrites(const Service& service, bool at_active) {
  const SiteId active = service.replicas[service.source].site;
  crowd_.Break([&](const routing::Endpoint& endpoint, bool is_read) {
    const bool is_there = (endpoint.site == active) == at_active;
    const bool is_write = !is_read || service.policy.reads == topology::Reads::kActive;
    return endpoint.service == service.id && is_there && is_write;
  });
}

void Recovery::Publish(const Service& service, const failover::Direction& direction) {
  using health::Admission;
  std::vector<health::SiteOrdinal> readers;
  health::ServiceDirection told;
  for (const Replica& replica : service.replicas) {
    const health::SiteOrdinal ordinal = context_.table.site(replica.site).health->ordinal;
    if (replica.name == direction.site) told.site = ordinal;
    if (service.controller->TakesReads(replica.name)) readers.push_back(ordinal);
  }
  told.epoch = direction.epoch;
  told.admission = direction.traffic == failover::Traffic::kRoute  ? Admission::kRoute
                   : direction.traffic == failover::Traffic::kHold ? Admission::kHold
                                                                   : Admission::kRefuse;
  health::ServiceHealth& live = context_.registry.Service(service.name);
  live.PublishReaders(readers);
  live.Publish(told, direction.reason, direction.until);
}

void Recovery::SetLag(std::string_view site, Duration lag) {
  for (const auto& service : services_) {
    for (Replica& replica : service->replicas) {
      if (replica.name != site) continue;
      replica.floor = Seconds(lag);  // of the source: once it is one no more
      if (&replica != &service->replicas[service->source]) {
        replica.lag = std::max(replica.lag, replica.floor);
      }
      replica.growth = 0;
    }
  }
}

void Recovery::SetLagGrowth(std::string_view site, double seconds_a_second) {
  for (const auto& service : services_) {
    for (Replica& replica : service->replicas) {
      if (replica.name == site) replica.growth = seconds_a_second;
    }
  }
}

void Recovery::TellOrder(const Service& service, const std::string& what, const Result<>& result) {
  context_.chronicle.Tell(
      Kind::kStep,
      result ? Format("{}: {}", service.name, what)
             : Format("{}: {}: refused: {}", service.name, what, result.error().context),
      !result);
}

void Recovery::Failover(const config::FailoverStep& order) {
  Service& service = *Of(order.service);
  std::string what = Format("{} orders a failover{}{}{}", kOperator, order.to.empty() ? "" : " to ",
                            order.to, order.force ? ", with force" : "");
  if (!order.to.empty()) {
    const auto assessment = service.controller->Assess(order.to);
    if (assessment) what += "; " + assessment->text;
  }
  context_.chronicle.Tell(Kind::kStep, Format("{}: {}", service.name, what));
  const auto result = service.controller->Failover(
      {.to = order.to, .force = order.force, .author = std::string(kOperator)});
  if (!result) TellOrder(service, "the failover", result);
  Direct(service);
  Tell(service);
}

void Recovery::Failback(const std::string& name) {
  Service& service = *Of(name);
  TellOrder(service, Format("{} orders the failback", kOperator),
            service.controller->Failback(kOperator));
  Direct(service);
  Tell(service);
}

void Recovery::Acknowledge(const std::string& name) {
  Service& service = *Of(name);
  TellOrder(service, Format("{} acknowledges the last move", kOperator),
            service.controller->Acknowledge(kOperator));
}

void Recovery::SetAutomation(const config::AutomationStep& order) {
  for (const auto& service : services_) {
    if (!order.service.empty() && service->name != order.service) continue;
    TellOrder(*service, Format("{} switches automation {}", kOperator, order.on ? "on" : "off"),
              service->controller->SetAutomation(order.service.empty()
                                                     ? failover::AutomationScope::kAll
                                                     : failover::AutomationScope::kService,
                                                 order.on, kOperator));
  }
}

// The controller goes on writing a move's timeline after it was made.
std::vector<MoveReport> Recovery::Moves() const {
  std::vector<MoveReport> moves;
  for (const auto& service : services_) {
    for (MoveReport move : service->moves) {
      for (const failover::Timeline& timeline : service->controller->timelines()) {
        if (timeline.epoch == move.timeline.epoch) move.timeline = timeline;
      }
      moves.push_back(std::move(move));
    }
  }
  std::stable_sort(moves.begin(), moves.end(), [](const MoveReport& a, const MoveReport& b) {
    return a.timeline.decided->monotonic < b.timeline.decided->monotonic;
  });
  return moves;
}

}  // namespace meridian::simulate
