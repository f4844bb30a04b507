// One data-path thread: its listeners, its clients' sessions, its pools of backend connections. It
// owns all of them and shares only what ARCHITECTURE.md lists: the snapshot, the health view, the
// counters. Several workers listen on the same addresses by SO_REUSEPORT. Everything here runs on
// the loop's thread, except the constructor, Prepare and Commit before that thread runs.
//
// A reload is two steps, so that it can be refused: Prepare opens what the new snapshot adds,
// Commit swaps (or Abandon drops what Prepare opened). No established connection is touched by
// either.
#pragma once

#include <meridian/health/health.h>
#include <meridian/net/loop.h>
#include <meridian/proxy/access_queue.h>
#include <meridian/proxy/metrics.h>
#include <meridian/snapshot/snapshot.h>

#include <functional>
#include <map>
#include <memory>
#include <string>

namespace meridian::proxy {

// The real address of each listener's binds ("name/0", "name/1" …), so that all workers share the
// port that the first one was given for port 0.
using Bound = std::map<std::string, net::Address>;

struct WorkerInput {
  net::Loop* loop = nullptr;
  net::Random* random = nullptr;
  health::Registry* registry = nullptr;
  Metrics* metrics = nullptr;
  AccessQueue* access = nullptr;  // for the access log's lines; null: there is none
  size_t index = 0;
  size_t worker_count = 1;
  uint64_t max_connections = UINT64_MAX;  // of this worker, clients only
};

class Worker {
 public:
  explicit Worker(const WorkerInput& input);
  ~Worker();

  // Opens the listeners that `next` has and the running snapshot has not (paused until Commit).
  // `bound` is read for what other workers or the running snapshot already chose, and extended.
  // Error: the address and errno's text.
  tl::expected<void, std::string> Prepare(snapshot::SnapshotPtr next, Bound& bound);
  void Commit();
  void Abandon();

  // Stops accepting, closes idle clients, asks the others to finish. `done` runs once when the last
  // has gone.
  void Drain(std::function<void()> done);
  // Resets all that is left.
  void Close();

  // An endpoint's state, or the direction of a disaster-recovery service, changed: idle connections
  // and, under on_down: close, sessions may have to go, and those held may go on. Once it has
  // returned, nothing new goes by a direction of before.
  void HealthChanged();
  // A planned switch: ends what is still at the site.
  void LeaveSite(std::string_view service, std::string_view site);

  size_t clients() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace meridian::proxy
