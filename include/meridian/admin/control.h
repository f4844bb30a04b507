// What the admin interface needs of the process it administers. Implemented by app, and by fakes in
// tests. All calls are made on the control thread.
#pragma once

#include <meridian/admin/events.h>
#include <meridian/base/metrics.h>
#include <meridian/config/load.h>
#include <meridian/failover/controller.h>
#include <meridian/health/health.h>
#include <meridian/snapshot/snapshot.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace meridian::admin {

struct ProcessStatus {
  std::string version;
  int pid = 0;
  WallTime started{};
  std::string state;  // starting | serving | draining
  uint64_t generation = 0;
  WallTime loaded{};  // of the running configuration
  std::string config_file;
  uint64_t workers = 0, clients = 0;
  uint64_t reloads = 0, reloads_refused = 0;
  std::vector<std::pair<std::string, std::string>>
      listeners;  // name, real address ("web", "0.0.0.0:80")
};

struct ReloadResult {
  bool accepted = false;
  uint64_t generation = 0;  // that runs now
  std::vector<config::Diagnostic> diagnostics;
  std::vector<std::string> errors;  // beyond the file: a database, a bind, too drastic a change
};

// How far a drain has come.
struct DrainState {
  uint64_t sessions = 0;          // requests and sessions left
  double leaving_per_second = 0;  // over the last ten seconds
};

// An operator's order to disaster recovery.
struct RecoveryCommand {
  enum class Order : uint8_t {
    kFailover,
    kFailback,
    kAcknowledge,  // ends the cooldown of the last automatic move
    kRelease,      // automation may move an operator's choice again
    kAutomationOn,
    kAutomationOff,
  };
  Order order = Order::kFailover;
  std::string to;      // kFailover: the site; empty: the first whose gate is open
  bool force = false;  // kFailover: past a closed gate
  std::string author;
};

// What would happen if: as the command's options, in words.
struct WhatIfRequest {
  std::vector<std::string> down, lag;  // "dallas"; "dallas=45s"
  std::string service, rate, sessions;
};
struct WhatIfResult {
  int status = 200;
  std::string text;  // JSON, or what is wrong
};
using WhatIfDone = std::function<void(WhatIfResult)>;

class Control {
 public:
  virtual ~Control() = default;
  virtual WallTime WallNow() const = 0;
  virtual MonotonicTime Now() const = 0;
  virtual uint64_t Draw() = 0;  // a random value, for explain
  virtual snapshot::SnapshotPtr snapshot() const = 0;
  virtual health::Registry& registry() = 0;
  virtual ProcessStatus status() const = 0;
  // Requests and sessions in progress for a service and site; empty: all.
  virtual uint64_t active(std::string_view service, std::string_view site) const = 0;
  // Of a target that is drained or out.
  virtual DrainState drain(const std::string& target) const = 0;
  virtual void Collect(MetricSink& sink) = 0;
  virtual EventLog& events() = 0;
  // `done` is called once, maybe later.
  virtual void Reload(bool force, std::function<void(ReloadResult)> done) = 0;
  // Records the intent, persists it, makes it effective. The target was checked to exist.
  virtual Result<void> SetIntent(const std::string& target, const health::IntentRecord& record) = 0;
  // The disaster recovery of a service; null if it has none.
  virtual const failover::Controller* recovery(std::string_view service) const = 0;
  // Errors as the controller's, kNotFound for a service without. An empty service: all of them,
  // for automation alone.
  virtual Result<void> Recover(std::string_view service, const RecoveryCommand& command) = 0;
  // `done` is called once, maybe later.
  virtual void WhatIf(const WhatIfRequest& request, WhatIfDone done) = 0;
  virtual void Stop(bool now) = 0;
};

}  // namespace meridian::admin
