// A loop and the thread that runs it: for a worker, for the checks, for the demo's sites. Made and
// stopped by the control thread; the loop's users live and die on the loop's thread, or while it
// does not run.
#pragma once

#include <meridian/uvio/loop.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>

namespace meridian::app {

class LoopThread {
 public:
  static Result<std::unique_ptr<LoopThread>> Create();
  ~LoopThread() { Stop(); }

  uvio::UvLoop& loop() { return *loop_; }
  // `name` is what the system shows, at most 15 bytes. `at_end` runs on the thread after the loop's
  // last turn: destroys what was made on it.
  void Start(const std::string& name, std::function<void()> at_end);
  // After what was posted before; waits for the thread..
  void Stop();

 private:
  explicit LoopThread(std::unique_ptr<uvio::UvLoop> loop) : loop_(std::move(loop)) {}

  std::unique_ptr<uvio::UvLoop> loop_;
  std::thread thread_;
};

}  // namespace meridian::app
