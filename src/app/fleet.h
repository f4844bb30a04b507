// All workers as one: their threads, and every order that goes to each of them. Owned by the
// Engine, called on the control thread; answers come back there. HealthChanged alone may be called
// by any thread.
//
// A reload is Prepare on one worker after the other (the first chooses a port where 0 was asked
// for, the others share it), then Commit on all, or Abandon on those that had prepared.
#pragma once

#include <meridian/proxy/worker.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "access_writer.h"
#include "loop_thread.h"

namespace meridian::app {

class Fleet {
 public:
  struct Input {
    net::Loop* control = nullptr;
    health::Registry* registry = nullptr;
    proxy::Metrics* metrics = nullptr;
    AccessWriter* access = nullptr;
    size_t workers = 1;
    uint64_t max_connections = UINT64_MAX;  // of all workers together
  };
  using Prepared = tl::expected<proxy::Bound, std::string>;

  static Result<std::unique_ptr<Fleet>> Create(const Input& input);
  ~Fleet();

  // Before Start: opens the first snapshot's listeners.
  Prepared PrepareFirst(const snapshot::SnapshotPtr& snapshot);
  void Start();
  // Stops all threads and waits for them; what is established is reset.
  void Stop();

  // One at a time. An error leaves every worker as it was.
  void Prepare(snapshot::SnapshotPtr next, proxy::Bound bound, std::function<void(Prepared)> done);
  void Commit(std::function<void()> done);
  void Abandon();

  void Drain(std::function<void()> done);
  void Close();
  void HealthChanged();
  // The same at once on each; `done` runs when all have.
  void Look(std::function<void()> done);
  void LeaveSite(std::string service, std::string site);

  size_t size() const { return members_.size(); }

 private:
  struct Member {
    std::unique_ptr<LoopThread> thread;
    std::unique_ptr<net::Random> random;
    std::unique_ptr<proxy::Worker> worker;
    std::atomic<bool> health_pending{false};
  };
  struct Preparation;

  explicit Fleet(const Input& input) : control_(*input.control) {}
  void PrepareNext(std::shared_ptr<Preparation> preparation);
  void FinishPreparation(const Preparation& preparation);
  // Runs `order` on every worker's thread, then `done` on the control thread.
  void OrderAll(std::function<void(proxy::Worker&)> order, std::function<void()> done);

  net::Loop& control_;
  std::vector<std::unique_ptr<Member>> members_;
};

}  // namespace meridian::app
