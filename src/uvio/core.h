// What UvLoop is made of: the libuv loop, the timer wheel that one uv_timer wakes, the mailbox, the
// read buffer that all streams share, and the sockets, recycled through a free list.
//
// A turn: BeforePoll (run what waits for the turn's end, watch what nobody reads, set the timer) →
// libuv polls and calls back → AfterPoll (tell what failed, fire timers) → libuv calls back what
// has closed. Now() is read once a turn, at the first question after the poll. One thread, except
// Post.
#pragma once

#include <meridian/uvio/loop.h>

#include <uv.h>

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "uvio/datagram_watch.h"
#include "uvio/error_watch.h"
#include "uvio/mailbox.h"
#include "uvio/pipe.h"

namespace meridian::uvio {

class Socket;
struct Transit;

class Core {
 public:
  static constexpr size_t kReadBytes = 64 * 1024;
  static constexpr size_t kMostPipes = 32;

  Core() = default;
  ~Core();
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  // Once, first. On failure the object may only be destroyed.
  Result<> Open();

  uv_loop_t* loop() { return &loop_; }
  char* read_buffer() { return read_buffer_.get(); }
  LoopCounters& counters() { return counters_; }
  ErrorWatch& error_watch() { return error_watch_; }
  DatagramWatch& datagram_watch() { return datagram_watch_; }

  void Run(uv_run_mode mode);
  void Stop();
  void Post(std::function<void()> task);
  Result<> WatchSignal(int signal, std::function<void()> handler);
  MonotonicTime Now();
  void Arm(net::Timer& timer, Duration delay);
  void AtTurnEnd(net::TurnTask& task);

  // A fresh or recycled socket, bound to no descriptor yet.
  Socket& TakeSocket();
  // Called by the socket itself, when libuv has let go of its handle.
  void Recycle(Socket& socket);
  // AfterPoll of the next poll, which does not wait, calls socket.TellFailure().
  void TellLater(Socket& socket);
  // BeforePoll calls socket.WatchErrors(), unless it has left the list by then.
  void WatchLater(Socket& socket);

  std::unique_ptr<Transit> TakeTransit();
  void GiveTransit(std::unique_ptr<Transit> transit);

  // Buffers for what the kernel did not take. Given back ones are kept, up to a bound.
  std::string TakeBuffer();
  void GiveBuffer(std::string buffer);

  // An empty pipe; null: there is none to be had, and none was before. Given back ones are kept if
  // they are empty.
  std::unique_ptr<Pipe> TakePipe();
  void GivePipe(std::unique_ptr<Pipe> pipe);
  bool has_pipe() const { return !spare_pipes_.empty() || pipes_ < most_pipes_; }

  // Streams and listeners that their owners hold; destroyed streams that still have to send.
  size_t held = 0;
  size_t orphans = 0;

 private:
  struct SignalWatch {
    uv_signal_t handle;
    std::function<void()> handler;
  };

  void RunTurnTasks();
  void BeforePoll();
  void AfterPoll();

  uv_loop_t loop_{};
  uv_timer_t timer_{};
  uv_prepare_t prepare_{};
  uv_check_t check_{};
  uv_async_t async_{};
  bool open_ = false;
  bool running_ = false;
  bool now_known_ = false;
  MonotonicTime now_{};
  MonotonicTime timer_due_{};
  std::unique_ptr<net::TimerWheel> wheel_;
  std::unique_ptr<char[]> read_buffer_;
  LoopCounters counters_;
  Mailbox mailbox_;
  ErrorWatch error_watch_;
  DatagramWatch datagram_watch_;
  List<Socket> failed_;
  List<Socket> unwatched_;
  List<net::TurnTask> turn_tasks_;
  std::vector<std::unique_ptr<Socket>> free_;
  std::vector<std::unique_ptr<Transit>> spare_transits_;
  std::vector<std::string> spare_buffers_;
  std::vector<std::unique_ptr<Pipe>> spare_pipes_;
  size_t pipes_ = 0;                // in use or spare
  size_t most_pipes_ = kMostPipes;  // down to what there are, once the system gives no more
  std::vector<std::unique_ptr<SignalWatch>> signals_;
};

}  // namespace meridian::uvio
