// Disaster recovery in the running process: one failover::Controller for each service that has it,
// fed with verdicts, replication statuses and traffic, and its direction told to the workers. Owned
// by the Engine; control thread.
//
//   registry (probe, intent) ─┐                          ┌─► health::ServiceHealth, then workers
//   replication statuses ─────┼─► Controller ─ direction ┤
//   proxy::Metrics ───────────┘        │  ▲              └─► at close_at: sessions of a switch end
//                              question│  │answer: Hooks
//                              state_directory/failover (durable before it is told)
//
// The verdict on a site is that of its checks and the operator's intent. What traffic showed makes
// checks faster and is dated as the first error, but moves no role by itself.
#pragma once

#include <meridian/admin/control.h>
#include <meridian/failover/controller.h>
#include <meridian/health/health.h>
#include <meridian/net/loop.h>
#include <meridian/probe/prober.h>
#include <meridian/proxy/metrics.h>
#include <meridian/snapshot/snapshot.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace meridian::app {

class Recovery final : private net::TimerHandler {
 public:
  struct Orders {
    // All workers look at the directions; `done` runs when the last of them has.
    std::function<void(std::function<void()> done)> look;
    std::function<void(const std::string& service, const std::string& site)> leave;
    std::function<void(admin::Event event)> tell;
    // Tells the event and asks the hook; `done` is called once, later.
    std::function<void(const std::string& hook, admin::Event event,
                       std::function<void(const failover::Answer&)> done)>
        ask = {};
  };

  Recovery(net::Loop& loop, health::Registry& registry, Orders orders);
  ~Recovery();

  // Before the first Adopt. `metrics` outlives this.
  void Open(std::string state_directory, const proxy::Metrics& metrics);
  // Before workers route by `next`: opens what is new, gives the others their new policy. An error
  // says why `next` cannot be had; then nothing has changed.
  tl::expected<void, std::string> Adopt(const snapshot::SnapshotPtr& next);
  // Once all workers route by it: lets go of what it no longer has.
  void Settle(const snapshot::SnapshotPtr& snapshot);
  void OnStatus(const probe::SiteStatus& status);
  // These are gone or not what they were: who waits for one of them asks again.
  void HooksChanged(const std::vector<std::string>& hooks);

  const failover::Controller* Find(std::string_view service) const;
  // Errors as the controller's; kNotFound for a service without disaster recovery.
  Result<> Command(std::string_view service, const admin::RecoveryCommand& command);

 private:
  struct Member;
  using Members = std::map<std::string, std::unique_ptr<Member>, std::less<>>;

  void OnTimer(net::Timer& timer) override;
  tl::expected<void, std::string> Start(const topology::Service& service);
  void Observe(Member& member);
  void Report(Member& member);
  // What the controller wants told and done, after any of its inputs.
  void Follow(Member& member);
  void Publish(Member& member, const failover::Direction& direction);
  void LogEvents(Member& member);
  void AskFor(Member& member);
  void Answered(const std::string& service, uint64_t number, const failover::Answer& answer);

  net::Loop& loop_;
  health::Registry& registry_;
  Orders orders_;
  const proxy::Metrics* metrics_ = nullptr;
  std::string directory_;
  snapshot::SnapshotPtr snapshot_;
  Members members_;
  net::Timer timer_;
};

}  // namespace meridian::app
