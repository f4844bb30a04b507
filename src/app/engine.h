// The daemon: `meridian run`, and the heart of `meridian demo`. It owns workers, checks, the admin
// interface and the running configuration, and is what the admin room sees as Control. Lives on the
// control thread; everything it does there is driven by one loop.
//
//   Start ─► starting ── all checks answered, or startup_grace ──► serving
//               │ Stop                                                │ Stop (SIGTERM, SIGINT, API)
//               ▼                                                     ▼
//            stopped ◄── drained, or drain_timeout, or Stop again ── draining
#pragma once

#include <meridian/admin/control.h>
#include <meridian/admin/server.h>
#include <meridian/net/random.h>
#include <meridian/probe/prober.h>
#include <meridian/proxy/metrics.h>

#include <functional>
#include <memory>
#include <string>

#include "access_writer.h"
#include "drain_progress.h"
#include "fleet.h"
#include "geo_watch.h"
#include "hooks.h"
#include "intent_keeper.h"
#include "live_config.h"
#include "live_whatif.h"
#include "name_watch.h"
#include "recovery.h"

namespace meridian::app {

struct EngineOptions {
  std::string config_file;
  std::function<void()> on_serving;  // once; may be empty
  bool json_log = false;             // whatever log.format says
};

class Engine final : public admin::Control, private net::TimerHandler {
 public:
  Engine(uvio::UvLoop& loop, EngineOptions options);
  ~Engine() override;

  // False: why was said on standard error, nothing runs. True: run the loop; it ends when the
  // engine has stopped.
  bool Start();

  WallTime WallNow() const override { return loop_.WallNow(); }
  MonotonicTime Now() const override { return loop_.Now(); }
  uint64_t Draw() override { return random_.Next(); }
  snapshot::SnapshotPtr snapshot() const override { return config_.snapshot(); }
  health::Registry& registry() override { return registry_; }
  admin::ProcessStatus status() const override;
  uint64_t active(std::string_view service, std::string_view site) const override;
  admin::DrainState drain(const std::string& target) const override { return drains_.At(target); }
  void Collect(MetricSink& sink) override;
  admin::EventLog& events() override { return events_; }
  void Reload(bool force, std::function<void(admin::ReloadResult)> done) override;
  Result<void> SetIntent(const std::string& target, const health::IntentRecord& record) override;
  const failover::Controller* recovery(std::string_view service) const override {
    return recovery_.Find(service);
  }
  Result<void> Recover(std::string_view service, const admin::RecoveryCommand& command) override {
    return recovery_.Command(service, command);
  }
  void WhatIf(const admin::WhatIfRequest& request, admin::WhatIfDone done) override {
    whatif_.Ask(snapshot(), request, active("", ""), std::move(done));
  }
  void Stop(bool now) override;

 private:
  enum class State { kStarting, kServing, kDraining, kStopped };
  static constexpr uint32_t kMaxUntold = 1000;  // changes on their way to the log

  void WatchHealth();
  bool StartWorkers(const config::Config& config);
  bool StartProbe();
  bool StartRecovery(const config::Config& config);
  bool WatchSignals();
  bool OpenAdmin(const config::Admin& admin);
  bool ListenAdmin(const admin::ServerOptions& options, const char* key);
  // Requests and sessions in progress at a region, a site, or a site's endpoint.
  uint64_t SessionsAt(const std::string& target) const;
  void Happened(std::string_view kind, std::string text, bool grave = false);
  bool IsGone(const health::Change& change) const;
  void Tell(admin::Event event);  // to the log of events, and to hooks
  void LogChange(const health::Change& change);
  // What must know a new snapshot before any worker routes by it; an error refuses it.
  tl::expected<void, std::string> Accept(const snapshot::SnapshotPtr& snapshot);
  void Announce(const snapshot::SnapshotPtr& snapshot, std::function<void()> then);
  void Published(const snapshot::SnapshotPtr& snapshot);
  void SwapLocator(const config::Geo& geo, std::shared_ptr<const geo::Locator> locator,
                   GeoWatch::Done done);
  void SwapNames(NameWatch::Done done);
  void AwaitNames(const config::Config& config);
  void BeginServing();
  void Serving();
  void Finish();
  void OnTimer(net::Timer& timer) override;

  uvio::UvLoop& loop_;
  EngineOptions options_;
  State state_ = State::kStarting;
  bool begun_ = false;  // listeners were told to accept
  WallTime started_;
  admin::EventLog events_;
  net::Xoshiro random_;
  std::atomic<uint32_t> untold_{0};
  health::Registry registry_;
  std::unique_ptr<proxy::Metrics> metrics_;
  LiveConfig config_;
  GeoWatch geo_watch_;
  Hooks hooks_;
  DrainProgress drains_;
  IntentKeeper intents_;
  NameWatch names_;
  Recovery recovery_;
  LiveWhatIf whatif_;
  net::Timer grace_timer_, drain_timer_;
  // Threads use what stands above; the probe's ends first, then the workers', then the writer's.
  std::unique_ptr<AccessWriter> access_;
  std::unique_ptr<LoopThread> probe_thread_;
  std::unique_ptr<net::Random> probe_random_;
  std::unique_ptr<probe::Prober> prober_;
  std::unique_ptr<Fleet> fleet_;
  std::unique_ptr<admin::Server> admin_;
};

}  // namespace meridian::app
