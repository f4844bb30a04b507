// See recovery.h.
#include "recovery.h"

#include <meridian/base/format.h>
#include <meridian/base/log.h>
#include <meridian/snapshot/observe.h>

#include <sys/stat.h>

#include <algorithm>
#include <utility>

namespace meridian::app {
namespace {

constexpr Duration kTick = std::chrono::milliseconds(100);

health::Admission AdmissionOf(failover::Traffic traffic) {
  switch (traffic) {
    case failover::Traffic::kRoute:
      return health::Admission::kRoute;
    case failover::Traffic::kHold:
      return health::Admission::kHold;
    case failover::Traffic::kRefuse:
      break;
  }
  return health::Admission::kRefuse;
}

std::vector<std::string> SiteNames(const failover::Policy& policy) {
  std::vector<std::string> names{policy.primary};
  names.insert(names.end(), policy.standby.begin(), policy.standby.end());
  return names;
}

}  // namespace

struct Recovery::Member {
  // What was counted at a site when it was last reported.
  using Counted = std::map<std::string, proxy::Metrics::Traffic>;

  std::string name;
  failover::Policy policy;
  std::unique_ptr<failover::FileStorage> storage;
  std::unique_ptr<failover::Controller> controller;
  std::optional<failover::Direction> published;
  std::vector<health::SiteOrdinal> readers;
  uint64_t told = 0;    // version of the direction that every worker has looked at
  uint64_t closed = 0;  // version of the hold whose sessions were ended
  uint64_t asked = 0;   // number of the question that its hook was asked last
  Counted counted;
};

Recovery::Recovery(net::Loop& loop, health::Registry& registry, Orders orders)
    : loop_(loop), registry_(registry), orders_(std::move(orders)), timer_(*this) {}

Recovery::~Recovery() = default;

void Recovery::Open(std::string state_directory, const proxy::Metrics& metrics) {
  directory_ = std::move(state_directory);
  metrics_ = &metrics;
}

tl::expected<void, std::string> Recovery::Adopt(const snapshot::SnapshotPtr& next) {
  std::vector<std::pair<Member*, failover::Policy>> changed;  // with the policy of before
  std::vector<std::string> opened;
  std::string error;
  for (const topology::Service& service : next->config.topology.services) {
    if (!service.disaster_recovery) continue;
    const auto known = members_.find(service.name);
    if (known == members_.end()) {
      auto started = Start(service);
      if (!started) error = started.error();
      if (started) opened.push_back(service.name);
    } else if (known->second->policy != *service.disaster_recovery) {
      Member& member = *known->second;
      if (auto done = member.controller->Reconfigure(*service.disaster_recovery); !done) {
        error = Format("services.{}: {}", service.name, Describe(done.error()));
      } else {
        changed.emplace_back(&member, std::exchange(member.policy, *service.disaster_recovery));
      }
    }
    if (!error.empty()) break;
  }
  if (!error.empty()) {
    for (auto& [member, before] : changed) {
      if (member->controller->Reconfigure(before)) member->policy = std::move(before);
    }
    for (const std::string& name : opened) members_.erase(name);
    return tl::unexpected(std::move(error));
  }
  if (!members_.empty() && !timer_.armed()) loop_.Arm(timer_, kTick);
  return {};
}

tl::expected<void, std::string> Recovery::Start(const topology::Service& service) {
  auto member = std::make_unique<Member>();
  member->name = service.name;
  member->policy = *service.disaster_recovery;
  ::mkdir(directory_.c_str(), 0750);  // what is wrong with it, the storage tells
  member->storage = std::make_unique<failover::FileStorage>(directory_ + "/failover", service.name);
  auto controller =
      failover::Controller::Open(service.name, member->policy, *member->storage, loop_);
  if (!controller) {
    return tl::unexpected(Format("services.{}: the failover record {}: {}", service.name,
                                 member->storage->path(), Describe(controller.error())));
  }
  member->controller = std::move(*controller);
  const failover::Record& record = member->controller->record();
  log::Info("{}: {} is active, epoch {}", service.name, record.active, record.epoch);
  Member& started = *members_.emplace(service.name, std::move(member)).first->second;
  Follow(started);
  return {};
}

void Recovery::Settle(const snapshot::SnapshotPtr& snapshot) {
  snapshot_ = snapshot;
  std::erase_if(members_, [&](const auto& member) {
    const ServiceId id = snapshot->table->FindService(member.first);
    return !id.ok() || !snapshot->table->service(id).disaster_recovery;
  });
}

void Recovery::OnStatus(const probe::SiteStatus& status) {
  const auto found = members_.find(status.service);
  if (found == members_.end() || snapshot_ == nullptr) return;
  Member& member = *found->second;
  const routing::Table& table = *snapshot_->table;
  const ServiceId service = table.FindService(member.name);
  const SiteId site = table.FindSite(status.site);
  if (!service.ok() || !site.ok()) return;
  failover::Observation seen = snapshot::ObserveSite(table, service, site);
  seen.replication = status.status;
  // A site that a reload has taken away meanwhile is not known: nothing to tell.
  if (member.controller->Observe(status.site, seen)) Follow(member);
}

void Recovery::OnTimer(net::Timer&) {
  for (auto& [name, member] : members_) {
    if (snapshot_ != nullptr) Observe(*member);
    Report(*member);
    member->controller->Tick();
    Follow(*member);
  }
  if (!members_.empty()) loop_.Arm(timer_, kTick);
}

void Recovery::Observe(Member& member) {
  const routing::Table& table = *snapshot_->table;
  const ServiceId service = table.FindService(member.name);
  if (!service.ok()) return;
  for (const std::string& name : SiteNames(member.policy)) {
    const SiteId site = table.FindSite(name);
    if (!site.ok()) continue;
    const auto seen = member.controller->Observe(name, snapshot::ObserveSite(table, service, site));
    if (!seen) log::Debug("{}: {}: {}", member.name, name, Describe(seen.error()));
  }
}

void Recovery::Report(Member& member) {
  const std::string active = member.controller->record().active;
  for (const std::string& name : SiteNames(member.policy)) {
    const proxy::Metrics::Traffic now = metrics_->traffic(member.name, name);
    const auto [at, is_new] = member.counted.try_emplace(name, now);
    const proxy::Metrics::Traffic before = std::exchange(at->second, now);
    failover::TrafficReport report;
    report.version = member.told;
    report.open_sessions = now.active;
    report.sessions_moved = now.moved - before.moved;
    report.requests_lost = name == active ? now.lost - before.lost : 0;
    report.has_success = now.answers > before.answers;
    const auto told = member.controller->Report(name, report);
    if (!told) log::Debug("{}: {}: {}", member.name, name, Describe(told.error()));
  }
}

void Recovery::Follow(Member& member) {
  LogEvents(member);
  const failover::Direction direction = member.controller->direction();
  std::vector<health::SiteOrdinal> readers;
  for (const std::string& name : SiteNames(member.policy)) {
    if (member.controller->TakesReads(name)) readers.push_back(registry_.Site(name).ordinal);
  }
  if (readers != member.readers) {
    registry_.Service(member.name).PublishReaders(readers);
    member.readers = std::move(readers);
  }
  const auto& last = member.published;
  const bool same = last && last->traffic == direction.traffic && last->site == direction.site &&
                    last->epoch == direction.epoch && last->version == direction.version;
  if (!same) Publish(member, direction);
  AskFor(member);
  const bool due = direction.traffic == failover::Traffic::kHold &&
                   loop_.Now() >= direction.close_at && member.closed != direction.version;
  if (!due) return;
  member.closed = direction.version;
  log::Info("{}: closing what is still open at {}, for the switch", member.name, direction.site);
  orders_.leave(member.name, direction.site);
}

// When every worker knows that nothing is routed: the program may promote a site.
void Recovery::AskFor(Member& member) {
  const auto& question = member.controller->question();
  const bool is_told = member.told >= member.controller->direction().version;
  if (!question || question->number == member.asked || !is_told) return;
  member.asked = question->number;
  admin::Event event;
  event.kind = "failover";
  event.what = "activation";
  event.service = member.name;
  event.site = event.to = question->to;
  event.from = question->from;
  event.epoch = question->epoch;
  event.cause = failover::Name(question->cause);
  event.author = question->author;
  event.planned = question->is_planned;
  event.lag = question->lag;
  event.backlog_bytes = question->backlog_bytes;
  event.text = Format("{}: hook {} is asked whether {} may open, epoch {} ({}){}{}", member.name,
                      question->hook, question->to, question->epoch, event.cause,
                      question->why.empty() ? "" : ": ", question->why);
  log::Info("{}", event.text);
  orders_.ask(question->hook, std::move(event),
              [this, name = member.name, number = question->number](
                  const failover::Answer& answer) { Answered(name, number, answer); });
}

// What is known of the sites now counts, not what was when it was asked.
void Recovery::Answered(const std::string& service, uint64_t number,
                        const failover::Answer& answer) {
  const auto found = members_.find(service);
  if (found == members_.end()) return;
  Member& member = *found->second;
  if (snapshot_ != nullptr) Observe(member);
  member.controller->Approve(number, answer);
  Follow(member);
}

void Recovery::HooksChanged(const std::vector<std::string>& hooks) {
  for (auto& [name, member] : members_) {
    const auto& question = member->controller->question();
    if (!question || std::find(hooks.begin(), hooks.end(), question->hook) == hooks.end()) continue;
    member->controller->AskAgain("a reload has changed it");
    Follow(*member);
  }
}

void Recovery::Publish(Member& member, const failover::Direction& direction) {
  member.published = direction;
  registry_.Service(member.name)
      .Publish({.admission = AdmissionOf(direction.traffic),
                .site = registry_.Site(direction.site).ordinal,
                .epoch = direction.epoch},
               direction.reason, direction.until);
  orders_.look([this, name = member.name, version = direction.version] {
    const auto found = members_.find(name);
    if (found == members_.end()) return;
    found->second->told = std::max(found->second->told, version);
    AskFor(*found->second);
  });
}

void Recovery::LogEvents(Member& member) {
  for (const failover::Event& event : member.controller->TakeEvents()) {
    const std::string change =
        event.kind == failover::EventKind::kState
            ? Format(" ({} → {})", failover::Name(event.before), failover::Name(event.after))
            : std::string();
    const std::string text =
        Format("{}: {}{}, epoch {}", member.name, event.text, change, event.epoch);
    const bool is_grave =
        event.kind == failover::EventKind::kAlarm || event.kind == failover::EventKind::kStorage ||
        event.kind == failover::EventKind::kMoved || event.kind == failover::EventKind::kApproval;
    admin::Event told;
    told.kind = "failover";
    told.grave = is_grave;
    told.service = member.name;
    told.site = event.site;
    told.text = text;
    told.what = failover::Name(event.kind);
    told.from = event.from;
    told.to = event.to;
    told.epoch = event.epoch;
    told.lag = event.lag;
    told.backlog_bytes = event.backlog_bytes;
    orders_.tell(std::move(told));
    if (is_grave) {
      log::Warn("{}", text);
    } else {
      log::Info("{}", text);
    }
  }
}

const failover::Controller* Recovery::Find(std::string_view service) const {
  const auto found = members_.find(service);
  return found == members_.end() ? nullptr : found->second->controller.get();
}

namespace {

Result<> Apply(failover::Controller& controller, const admin::RecoveryCommand& command,
               failover::AutomationScope scope) {
  using Order = admin::RecoveryCommand::Order;
  switch (command.order) {
    case Order::kFailover:
      return controller.Failover({command.to, command.force, command.author});
    case Order::kFailback:
      return controller.Failback(command.author);
    case Order::kAcknowledge:
      return controller.Acknowledge(command.author);
    case Order::kRelease:
      return controller.Release(command.author);
    case Order::kAutomationOn:
      return controller.SetAutomation(scope, true, command.author);
    case Order::kAutomationOff:
      return controller.SetAutomation(scope, false, command.author);
  }
  return Fail(ErrorCode::kInvalid, "no such order");
}

}  // namespace

Result<> Recovery::Command(std::string_view service, const admin::RecoveryCommand& command) {
  using failover::AutomationScope;
  if (service.empty()) {
    Result<> all;
    for (auto& [name, member] : members_) {
      if (auto done = Apply(*member->controller, command, AutomationScope::kAll); !done) all = done;
      Follow(*member);
    }
    return all;
  }
  const auto found = members_.find(service);
  if (found == members_.end()) {
    return Fail(ErrorCode::kNotFound, "the service has no disaster recovery");
  }
  Member& member = *found->second;
  const auto done = Apply(*member.controller, command, AutomationScope::kService);
  Follow(member);
  return done;
}

}  // namespace meridian::app
