// A whole network in one thread and in virtual time: hosts (each a net::Loop), listeners, byte
// streams with latency, bounded windows and arbitrary segmentation, datagrams that may be lost or
// overtaken, and faults on demand. The same seed gives the same run, event by event.
//
//   host A                            wire                             host B
//   Write ─► unsent ──window──► bytes in flight (latency, in order) ─► arrived ─► OnRead
//            (pending_bytes)    `capacity` bounds in flight + arrived             (1…segment each)
//
// Faults belong to the address that is (or was) listened on, and act on both directions of its
// streams. Semantics are those of uvio; tests/unit/uvio runs one conformance suite over both.
// Thread: one. Post is not for other threads here.
#pragma once

#include <meridian/net/loop.h>
#include <meridian/net/random.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

namespace meridian::fakes {

class MemoryNet;
class MemoryDatagramListener;
class MemoryDatagramSocket;
class MemoryListener;
class Wire;

struct MemoryNetOptions {
  uint64_t seed = 1;
  Duration latency = std::chrono::milliseconds(1);  // one way
  size_t capacity = 64 * 1024;                      // of one direction of a stream, in bytes
  size_t segment = 16 * 1024;                       // the most that one OnRead tells
  double datagram_loss = 0;                         // share of datagrams that never arrive
  Duration datagram_jitter{};                       // what each may take beyond the latency
  bool cuts_reads = true;                           // it tells a random part of that
};

// One host on the net. What it connects to sees it under its address.
class MemoryLoop final : public net::Loop {
 public:
  MemoryLoop(MemoryNet& net, const net::IpAddress& host);

  MonotonicTime Now() const override;
  WallTime WallNow() const override;  // 2026-01-01T00:00:00Z when the net begins
  Result<net::StreamPtr> Connect(const net::Address& to, const net::ConnectOptions& options,
                                 net::StreamHandler& handler) override;
  // A wildcard address (0.0.0.0, ::) answers on every address of the net.
  Result<std::unique_ptr<net::Listener>> Listen(const net::Address& at,
                                                const net::ListenOptions& options,
                                                net::AcceptHandler& handler) override;
  Result<std::unique_ptr<net::DatagramListener>> ListenDatagrams(
      const net::Address& at, const net::DatagramListenOptions& options,
      net::DatagramHandler& handler) override;
  Result<std::unique_ptr<net::DatagramSocket>> ConnectDatagrams(
      const net::Address& to, net::DatagramHandler& handler) override;
  void Arm(net::Timer& timer, Duration delay) override;
  // At the end of the instant, behind what is due in it.
  void AtTurnEnd(net::TurnTask& task) override;
  void Post(std::function<void()> task) override;

  const net::IpAddress& host() const { return host_; }

 private:
  friend class MemoryNet;
  MemoryNet& net_;
  net::IpAddress host_;
  net::TimerWheel wheel_;
  List<net::TurnTask> turn_tasks_;
};

class MemoryNet {
 public:
  explicit MemoryNet(const MemoryNetOptions& options = {});
  // Streams and listeners must be gone; what destroyed streams had left to send is lost.
  ~MemoryNet();
  MemoryNet(const MemoryNet&) = delete;
  MemoryNet& operator=(const MemoryNet&) = delete;

  // A loop for `host`; several may share one (workers). It lives as long as the net.
  MemoryLoop& AddLoop(const net::IpAddress& host);

  // Everything due until then happens, then the time is `time`.
  void RunUntil(MonotonicTime time);
  void RunFor(Duration duration);
  // Runs until `condition` holds (checked after each instant); false: it did not within `bound`.
  bool RunUntil(const std::function<bool()>& condition, Duration bound);
  // Runs until nothing moves: no packet on its way, no task posted. Armed timers don't count, but
  // those that come due meanwhile fire. False: still moving after `bound`.
  bool RunUntilIdle(Duration bound);
  MonotonicTime Now() const { return now_; }

  // New connects are refused; established streams go on. Datagrams to it are told unreachable.
  void Refuse(const net::Address& at);
  // Packets vanish: connects hang (127 s, then kTimeout), streams go silent.
  void BlackHole(const net::Address& at);
  // The process there dies: its streams are reset, connects refused until Heal.
  void Kill(const net::Address& at);
  // Ends all faults of `at`; what was lost in a black hole is retransmitted.
  void Heal(const net::Address& at);

  // Draws from the net's seed, for tests that want one.
  net::Random& random() { return random_; }
  // Streams that are open on either side.
  size_t open_streams() const { return open_streams_; }

 private:
  friend class MemoryLoop;
  friend class MemoryDatagramListener;
  friend class MemoryDatagramSocket;
  friend class MemoryListener;
  friend class MemoryStream;
  friend class Wire;

  struct Fault {
    bool refuse = false;
    bool black_hole = false;
  };
  using Event = std::function<void()>;

  // Events of one instant run in the order in which they were asked for.
  void After(Duration delay, Event event);
  std::vector<std::shared_ptr<Wire>> WiresTo(const net::Address& at);
  void ForgetClosed();
  MemoryListener* FindListener(const net::Address& at);
  Fault FaultOf(const net::Address& at) const;
  // One datagram's way: `arrive` after the latency, unless it is lost.
  void SendDatagram(Event arrive);
  MemoryDatagramListener* FindDatagramListener(const net::Address& at, const net::Flow& flow);
  void Step(MonotonicTime time);
  MonotonicTime NextTime();
  uint16_t NextPort();

  MemoryNetOptions options_;
  net::Xoshiro random_;
  MonotonicTime now_{};
  uint64_t sequence_ = 0;
  uint16_t next_port_ = 20000;
  size_t open_streams_ = 0;
  std::map<std::pair<MonotonicTime, uint64_t>, Event> events_;
  std::map<net::Address, Fault> faults_;
  std::multimap<net::Address, MemoryListener*> listeners_;
  std::multimap<net::Address, MemoryDatagramListener*> datagram_listeners_;
  std::map<net::Address, MemoryDatagramSocket*> datagram_sockets_;  // by their own address
  std::vector<std::weak_ptr<Wire>> wires_;
  std::vector<std::unique_ptr<MemoryLoop>> loops_;
};

}  // namespace meridian::fakes
