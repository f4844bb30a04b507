// The configuration that runs, and how another takes its place. Owned by the Engine; control
// thread.
//
//   Reload ─► load ─► drastic? ─► compile ─► Fleet::Prepare ─► accepted? ─► announced ─►
//               │        │           │            │               │   Fleet::Commit ─► published
//               └────────┴───────────┴────────────┴───────────────┴─► refused: logged, counted,
//                                                                     nothing changed
//
// One at a time: a second Reload waits for the first, and at most kMaxWaiting wait.
#pragma once

#include <meridian/admin/control.h>
#include <meridian/config/load.h>
#include <meridian/snapshot/snapshot.h>

#include <deque>
#include <functional>
#include <string>

#include "fleet.h"

namespace meridian::app {

class LiveConfig {
 public:
  static constexpr size_t kMaxWaiting = 16;
  using Done = std::function<void(admin::ReloadResult)>;

  using Announce = std::function<void(const snapshot::SnapshotPtr&, std::function<void()> then)>;
  using Accept = std::function<tl::expected<void, std::string>(const snapshot::SnapshotPtr&)>;
  using Published = std::function<void(const snapshot::SnapshotPtr&)>;

  // `accept` takes a new snapshot for what must know it before anyone else, or says why not.
  // `announce` lets the checks take a new snapshot before any worker routes by it, so that an
  // endpoint under a renamed check keeps its verdict; it calls `then` on this thread. `published`
  // runs each time one has taken over, after all workers have it.
  LiveConfig(std::string file, health::Registry& registry, Accept accept, Announce announce,
             Published published)
      : file_(std::move(file)),
        registry_(registry),
        accept_(std::move(accept)),
        announce_(std::move(announce)),
        published_(std::move(published)) {}

  // Endpoints that are names: `foresee` runs `then` on this thread when those of a configuration
  // are known as far as may be; `fill` puts in what they stand for. Set before anything is loaded.
  struct Names {
    std::function<void(const config::Config&, std::function<void()> then)> foresee;
    std::function<void(config::Config&)> fill;
  };
  void SetNames(Names names) { names_ = std::move(names); }

  // The first load: reads the file, configures the log by it (as JSON also if `json_log`) and logs
  // its warnings. Empty: it has errors, which went to standard error.
  std::optional<config::Config> LoadFirst(bool json_log) const;
  // Compiles what LoadFirst gave as generation 1. False: why was logged.
  bool CompileFirst(config::Config config);
  void SetBound(proxy::Bound bound) { bound_ = std::move(bound); }

  // From now on nothing takes over: a reload under way is given up, later ones are refused.
  void Stop() { stopping_ = true; }

  void Reload(Fleet& fleet, WallTime now, bool force, Done done);
  // The running configuration with another locator, made of this `geo`: a generation of its own,
  // published like a reload. Not taken if another `geo` runs by then.
  void SwapLocator(Fleet& fleet, const config::Geo& geo,
                   std::shared_ptr<const geo::Locator> locator, Done done);

  // The running configuration with what its names stand for by now: likewise.
  void SwapNames(Fleet& fleet, Done done);

  const snapshot::SnapshotPtr& snapshot() const { return snapshot_; }
  const std::string& file() const { return file_; }
  const proxy::Bound& bound() const { return bound_; }
  WallTime loaded() const { return loaded_; }
  void set_loaded(WallTime time) { loaded_ = time; }
  uint64_t reloads() const { return reloads_; }
  uint64_t refused() const { return refused_; }

 private:
  struct Request {
    Fleet* fleet = nullptr;
    WallTime now{};
    bool force = false;
    Done done;
    std::shared_ptr<const geo::Locator> locator = nullptr;  // set: only this changes
    config::Geo geo = {};                                   // that it was made of
    bool names = false;                                     // only what they stand for changes

    bool is_reload() const { return locator == nullptr && !names; }
  };

  void Enqueue(Request request);
  void StartNext();
  void StartReload(Request request);
  void Prepare(Request request, snapshot::SnapshotPtr next, admin::ReloadResult result);
  // Each adds what is wrong to `result`; empty if anything is.
  std::optional<config::Config> Load(bool force, admin::ReloadResult& result);
  snapshot::SnapshotPtr Build(config::Config config, bool force, admin::ReloadResult& result);
  snapshot::SnapshotPtr BuildWith(const Request& request, admin::ReloadResult& result);
  void Take(Request request, snapshot::SnapshotPtr next, Fleet::Prepared prepared,
            admin::ReloadResult result);
  void Swap(Request request, snapshot::SnapshotPtr next, proxy::Bound bound,
            admin::ReloadResult result);
  void Finish(const Request& request, admin::ReloadResult result);
  void Report(const admin::ReloadResult& result);
  void Adopt(const snapshot::SnapshotPtr& next);

  std::string file_;
  health::Registry& registry_;
  Accept accept_;
  Announce announce_;
  Published published_;
  Names names_;
  snapshot::SnapshotPtr snapshot_;
  snapshot::Keys keys_;
  proxy::Bound bound_;
  WallTime loaded_{};
  uint64_t reloads_ = 0, refused_ = 0;
  std::deque<Request> waiting_;
  bool busy_ = false, stopping_ = false;
};

}  // namespace meridian::app
