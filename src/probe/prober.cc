// See prober.h. The bridge between threads and snapshots on one side and the Schedule, which knows
// neither, on the other; and the sweep that lets time pass in the health registry.
#include <meridian/probe/prober.h>

#include <deque>
#include <map>
#include <mutex>
#include <unordered_set>
#include <utility>
#include <vector>

#include "probe/schedule.h"
#include "probe/status_schedule.h"

namespace meridian::probe {
namespace {

constexpr Duration kSweepPeriod = std::chrono::milliseconds(100);
constexpr size_t kMaxAsked = 65536;

net::Address WithPort(const net::Address& address, uint16_t port) {
  return port == 0 || address.is_unix() ? address : net::Address(address.ip(), port);
}

// A definition with what belongs to it; `check` null: none.
struct Definition {
  const topology::HealthCheck* check = nullptr;
  std::shared_ptr<const tls::ClientContext> tls;
  const topology::HealthCheck* agent = nullptr;  // to ask besides
};

topology::HealthCheck AgentOf(const topology::HealthCheck& check) {
  topology::HealthCheck agent;
  agent.name = check.name + " agent";
  agent.type = topology::CheckType::kAgent;
  agent.port = check.agent_port;
  agent.interval = check.interval;
  agent.fast_interval = check.fast_interval;
  agent.timeout = check.timeout;
  return agent;
}

// Rechecks on their way from other threads: each endpoint once, one task however many.
class Inbox {
 public:
  // True if the first of a batch: a task has to be posted.
  bool Put(health::EndpointHealth& endpoint) {
    const std::lock_guard lock(mutex_);
    if (order_.size() >= kMaxAsked || !asked_.insert(&endpoint).second) return false;
    order_.push_back(&endpoint);
    return order_.size() == 1;
  }
  std::vector<health::EndpointHealth*> Take() {
    const std::lock_guard lock(mutex_);
    asked_.clear();
    return std::exchange(order_, {});
  }

  Schedule* schedule = nullptr;  // null once the Prober is gone; loop's thread

 private:
  std::mutex mutex_;
  std::unordered_set<health::EndpointHealth*> asked_;
  std::vector<health::EndpointHealth*> order_;
};

}  // namespace

class Prober::State final : public net::TimerHandler {
 public:
  State(net::Loop& loop, net::Random& random, health::Registry& registry,
        net::Descriptors* descriptors)
      : loop_(loop),
        registry_(registry),
        schedule_(loop, random, registry, descriptors),
        statuses_(schedule_.context()),
        sweep_timer_(*this) {
    inbox_->schedule = &schedule_;
    loop_.Arm(sweep_timer_, kSweepPeriod);
  }
  ~State() { inbox_->schedule = nullptr; }

  void Update(snapshot::SnapshotPtr snapshot);
  void Recheck(health::EndpointHealth& endpoint);
  Schedule& schedule() { return schedule_; }
  StatusSchedule& statuses() { return statuses_; }

 private:
  void OnTimer(net::Timer&) override {
    registry_.Sweep(loop_.Now());
    loop_.Arm(sweep_timer_, kSweepPeriod);
  }

  std::vector<Definition> Definitions(const snapshot::Snapshot& snapshot,
                                      std::deque<topology::HealthCheck>& agents) const;

  net::Loop& loop_;
  health::Registry& registry_;
  snapshot::SnapshotPtr snapshot_;            // what the schedule's targets point into
  std::deque<topology::HealthCheck> agents_;  // and what those of agents do
  Schedule schedule_;
  StatusSchedule statuses_;
  net::Timer sweep_timer_;
  // Shared with tasks that may run after the Prober is gone.
  std::shared_ptr<Inbox> inbox_ = std::make_shared<Inbox>();
};

// By ServiceId.
std::vector<Definition> Prober::State::Definitions(
    const snapshot::Snapshot& snapshot, std::deque<topology::HealthCheck>& agents) const {
  const auto& checks = snapshot.config.topology.health_checks;
  std::map<std::string_view, Definition> by_name;
  for (size_t i = 0; i < checks.size(); ++i) {
    Definition& made = by_name[checks[i].name];
    made.check = &checks[i];
    made.tls = snapshot.check_tls[i];
    if (checks[i].agent_port != 0) made.agent = &agents.emplace_back(AgentOf(checks[i]));
  }
  std::vector<Definition> of_services;
  for (const topology::Service& service : snapshot.table->services()) {
    const auto found = by_name.find(service.health_check);
    of_services.push_back(found == by_name.end() ? Definition() : found->second);
  }
  return of_services;
}

void Prober::State::Update(snapshot::SnapshotPtr snapshot) {
  const routing::Table& table = *snapshot->table;
  std::deque<topology::HealthCheck> agents;
  const std::vector<Definition> definitions = Definitions(*snapshot, agents);
  std::vector<Target> targets;
  targets.reserve(table.endpoints().size());
  for (const routing::Endpoint& endpoint : table.endpoints()) {
    const Definition& definition = definitions[endpoint.service.value];
    if (definition.check == nullptr) continue;
    if (definition.check->type == topology::CheckType::kNone) {
      registry_.SetProbe(*endpoint.health, health::Probe::kNotChecked, loop_.Now());
      continue;
    }
    Target target{.health = endpoint.health,
                  .site = table.site(endpoint.site).name,
                  .address_text = endpoint.address_text,
                  .address = WithPort(endpoint.address, definition.check->port),
                  .check = definition.check,
                  .tls = definition.tls};
    if (definition.agent != nullptr) {
      Target agent = target;
      agent.address = WithPort(endpoint.address, definition.agent->port);
      agent.check = definition.agent;
      agent.tls = nullptr;
      agent.beside = true;
      targets.push_back(std::move(agent));
    }
    targets.push_back(std::move(target));
  }
  schedule_.Update(targets);
  statuses_.Update(StatusTargets(*snapshot));
  agents_ = std::move(agents);
  snapshot_ = std::move(snapshot);
}

void Prober::State::Recheck(health::EndpointHealth& endpoint) {
  if (!inbox_->Put(endpoint)) return;
  loop_.Post([inbox = inbox_] {
    for (health::EndpointHealth* asked : inbox->Take()) {
      if (inbox->schedule != nullptr) inbox->schedule->Recheck(*asked);
    }
  });
}

Prober::Prober(net::Loop& loop, net::Random& random, health::Registry& registry,
               net::Descriptors* descriptors)
    : state_(std::make_unique<State>(loop, random, registry, descriptors)) {}
Prober::~Prober() = default;

void Prober::Update(snapshot::SnapshotPtr snapshot) {
  state_->Update(std::move(snapshot));
}
void Prober::Recheck(health::EndpointHealth& endpoint) {
  state_->Recheck(endpoint);
}
void Prober::OnStatus(std::function<void(const SiteStatus&)> tell) {
  state_->statuses().OnStatus(std::move(tell));
}
void Prober::WhenAllAnswered(std::function<void()> ready) {
  state_->schedule().WhenAllAnswered(std::move(ready));
}
void Prober::Collect(MetricSink& sink) const {
  state_->schedule().Collect(sink);
  state_->statuses().Collect(sink);
}

}  // namespace meridian::probe
