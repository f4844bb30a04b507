// See prober.h. The bridge between threads and snapshots on one side and the Schedule, which knows
// neither, on the other; and the sweep that lets time pass in the health registry.
#include <meridian/probe/prober.h>

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

const topology::HealthCheck* FindCheck(const topology::Topology& topology, std::string_view name) {
  for (const topology::HealthCheck& check : topology.health_checks) {
    if (check.name == name) return &check;
  }
  return nullptr;
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
  State(net::Loop& loop, net::Random& random, health::Registry& registry)
      : loop_(loop),
        registry_(registry),
        schedule_(loop, random, registry),
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

  net::Loop& loop_;
  health::Registry& registry_;
  snapshot::SnapshotPtr snapshot_;  // what the schedule's targets point into
  Schedule schedule_;
  StatusSchedule statuses_;
  net::Timer sweep_timer_;
  // Shared with tasks that may run after the Prober is gone.
  std::shared_ptr<Inbox> inbox_ = std::make_shared<Inbox>();
};

void Prober::State::Update(snapshot::SnapshotPtr snapshot) {
  const routing::Table& table = *snapshot->table;
  const topology::Topology& topology = snapshot->config.topology;
  std::vector<const topology::HealthCheck*> checks;  // by ServiceId
  for (const topology::Service& service : table.services()) {
    checks.push_back(FindCheck(topology, service.health_check));
  }
  std::vector<Target> targets;
  targets.reserve(table.endpoints().size());
  for (const routing::Endpoint& endpoint : table.endpoints()) {
    const topology::HealthCheck* check = checks[endpoint.service.value];
    if (check == nullptr) continue;
    if (check->type == topology::CheckType::kNone) {
      registry_.SetProbe(*endpoint.health, health::Probe::kNotChecked, loop_.Now());
      continue;
    }
    targets.push_back({.health = endpoint.health,
                       .site = table.site(endpoint.site).name,
                       .address_text = endpoint.address_text,
                       .address = WithPort(endpoint.address, check->port),
                       .check = check});
  }
  schedule_.Update(targets);
  statuses_.Update(StatusTargets(*snapshot));
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

Prober::Prober(net::Loop& loop, net::Random& random, health::Registry& registry)
    : state_(std::make_unique<State>(loop, random, registry)) {}
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
