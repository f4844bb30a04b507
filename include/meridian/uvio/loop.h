// net::Loop on libuv: real sockets, real time. One per thread; each worker, the probe thread and
// the control thread own theirs. Besides net's interfaces: running, stopping, signals, counters.
//
// Thread: all calls on the thread that runs it, except Post and Stop, which any thread may make.
// Lifetime: streams, listeners and armed timers end before the loop does (a CHECK). What destroyed
// streams had left to send is lost when the loop itself is destroyed.
// The process ignores SIGPIPE once a loop exists.
#pragma once

#include <meridian/base/counter.h>
#include <meridian/net/descriptor.h>
#include <meridian/net/loop.h>
#include <meridian/net/program.h>

#include <functional>
#include <memory>

namespace meridian::uvio {

// Written by the loop's thread, readable by any.
struct alignas(kCacheLine) LoopCounters {
  Counter turns;
  Counter accepted;
  Counter accept_failures;  // the peer was gone before it was accepted, or the kernel refused
  Counter accept_pauses;    // out of descriptors or memory: accepting rested for a moment
  Counter connects;         // started
  Counter copied_bytes;     // the kernel did not take them at once
  Counter moved_bytes;      // from socket to socket, unread
  Counter flushes_cut;      // a destroyed stream's peer did not take the rest within its bound
  Counter orphans_refused;  // more destroyed streams than may linger: reset at once
};

class Core;

class UvLoop final : public net::Loop, public net::Descriptors, public net::Programs {
 public:
  // Error: the process is out of descriptors or memory.
  static Result<std::unique_ptr<UvLoop>> Create();
  ~UvLoop() override;

  // Until Stop. May be called again afterwards.
  void Run();
  // One turn: waits until something is there, then handles what is.
  void RunTurn();
  // Any thread: Run returns after the turn in which this arrives.
  void Stop();

  // `handler` runs on this loop, in a turn, each time the process gets `signal` (several at once
  // may be told as one). For the control thread; for the life of the loop.
  Result<> WatchSignal(int signal, std::function<void()> handler);

  MonotonicTime Now() const override;
  WallTime WallNow() const override;
  Result<net::StreamPtr> Connect(const net::Address& to, const net::ConnectOptions& options,
                                 net::StreamHandler& handler) override;
  Result<std::unique_ptr<net::Listener>> Listen(const net::Address& at,
                                                const net::ListenOptions& options,
                                                net::AcceptHandler& handler) override;
  Result<std::unique_ptr<net::DatagramListener>> ListenDatagrams(
      const net::Address& at, const net::DatagramListenOptions& options,
      net::DatagramHandler& handler) override;
  Result<std::unique_ptr<net::DatagramSocket>> ConnectDatagrams(
      const net::Address& to, net::DatagramHandler& handler) override;
  void Arm(net::Timer& timer, Duration delay) override;
  void AtTurnEnd(net::TurnTask& task) override;
  void Post(std::function<void()> task) override;
  Result<std::unique_ptr<net::DescriptorWatch>> Watch(int descriptor, bool write,
                                                      net::DescriptorHandler& handler) override;
  // One thread of the process alone may run programs: no descriptor that is open then passes to
  // them.
  Result<std::unique_ptr<net::Program>> StartProgram(const net::ProgramOptions& options,
                                                     net::ProgramHandler& handler) override;

  const LoopCounters& counters() const;

 private:
  explicit UvLoop(std::unique_ptr<Core> core);
  std::unique_ptr<Core> core_;
};

}  // namespace meridian::uvio
