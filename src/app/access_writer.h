// The writer thread: access log lines from the workers' queues into one file. It looks every few
// milliseconds, so workers never wake it; while the log is off there is no thread, or one that
// sleeps. Owned by the Engine; outlives the workers. Called on the control thread, but for what
// runs on the writer's own.
//
// A file is opened on the control thread, where a refusal can still be told, and given to the
// writer between two batches: what was queued before goes to the file of before. Batches end with a
// line's end, so no line is torn by that. What cannot be written is dropped and counted, and said
// once until writing succeeds again; traffic never waits.
#pragma once

#include <meridian/base/descriptor.h>
#include <meridian/base/metrics.h>
#include <meridian/config/config.h>
#include <meridian/proxy/access_queue.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "loop_thread.h"

namespace meridian::app {

class AccessWriter final : private net::TimerHandler {
 public:
  explicit AccessWriter(size_t workers);
  ~AccessWriter() { Stop(); }

  proxy::AccessQueue& queue(size_t worker) { return *queues_[worker]; }

  // Opens what `config` names, if it is not open already. Error: the key, the file, errno's text.
  // Commit, once every worker has that configuration, makes it what is written to; another Prepare
  // drops it.
  tl::expected<void, std::string> Prepare(const config::AccessLog& config);
  void Commit();
  // The same file by its name anew, after it was renamed. If that fails, the old one goes on.
  void Reopen();
  // Writes what is queued, and ends. The workers have ended.
  void Stop();

  void Collect(MetricSink& sink) const;

 private:
  void Give(int file);
  // On the writer's thread from here on.
  void OnTimer(net::Timer& timer) override;
  void Flush();
  bool FlushOnce();
  bool Write(std::string_view bytes);
  size_t WriteSome(std::string_view bytes);
  bool WaitForRoom() const;
  void Lose(std::string_view bytes);

  std::vector<std::unique_ptr<proxy::AccessQueue>> queues_;
  std::unique_ptr<LoopThread> thread_;  // made when first needed
  std::string path_;                    // in force; "" for off
  std::string next_path_;               // prepared
  std::unique_ptr<Descriptor> next_;    // prepared, where it is another file
  std::atomic<bool> stopping_{false};
  std::atomic<uint64_t> lost_{0};

  // The writer's.
  net::Timer timer_;
  int file_ = -1;
  bool in_pieces_ = false;  // not a regular file: it may take only so much without waiting
  bool failing_ = false;
  bool in_line_ = false;  // the last line stands there in part
};

}  // namespace meridian::app
