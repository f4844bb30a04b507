// The outside world as the data path sees it: a loop with clock and timers, streams, listeners and
// datagrams (net/datagram.h). Two implementations: uvio (libuv, real sockets) and tests/testing (in
// memory, virtual time, faults on demand).
//
// Thread rule: a Loop and all made by it belong to one thread; only Post may be called from
// another. Re-entrance rule: no method of a Stream calls its handler; what happens is told from the
// loop, later. Inside a handler call anything may be done to any stream, its own destruction
// included.
#pragma once

#include <meridian/base/list.h>
#include <meridian/base/result.h>
#include <meridian/base/time.h>
#include <meridian/net/address.h>
#include <meridian/net/datagram.h>
#include <meridian/net/timer.h>

#include <functional>
#include <memory>
#include <span>
#include <string_view>

namespace meridian::net {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual MonotonicTime Now() const = 0;  // a Loop's is read once at the top of each turn
  virtual WallTime WallNow() const = 0;
};

// Uniform 64-bit values. Seeded where a run must be reproducible.
class Random {
 public:
  virtual ~Random() = default;
  virtual uint64_t Next() = 0;
};

class Stream;

// What a stream tells its owner.
class StreamHandler {
 public:
  // A stream from Loop::Connect is established. Reading is off until StartReading.
  virtual void OnConnected() {}
  // Bytes from the peer, valid only during the call; never empty. At most one read's worth (64
  // KiB).
  virtual void OnRead(std::string_view bytes) = 0;
  // Where all that comes next may go unread; null: nowhere. Asked whenever much comes at once,
  // where the two streams can do that: then `bytes` of it have been written there, and not told.
  virtual Stream* MovesTo() { return nullptr; }
  virtual void OnMoved([[maybe_unused]] size_t bytes) {}
  // The peer has finished sending (half-close). Writing may go on.
  virtual void OnEnd() = 0;
  // pending_bytes() has come down to zero after having been above it.
  virtual void OnDrained() = 0;
  // The stream is dead: connect failed, reset, or a write failed. Nothing more will be told.
  virtual void OnError(const Error& error) = 0;

 protected:
  ~StreamHandler() = default;
};

// What the kernel knows of a connection's path (TCP_INFO); zero where it is not TCP.
struct PathInfo {
  uint32_t unacknowledged_bytes = 0;  // sent by us and not yet acknowledged
  uint32_t retransmits = 0;           // of the segment now outstanding
  Duration round_trip{};              // smoothed
};

// A connected byte stream. Destroying it closes it: what is pending is still sent, then FIN; Reset
// sends RST.
class Stream {
 public:
  virtual ~Stream() = default;

  // Who is told from now on; null: nobody (errors are then dropped). May change at any time.
  virtual void SetHandler(StreamHandler* handler) = 0;

  // Reading is level-triggered: while on, whatever is there is told. Off is backpressure. Errors
  // and, while reading is on, the end are told either way. Idempotent and cheap (no system call by
  // itself while data flows).
  virtual void StartReading() = 0;
  virtual void StopReading() = 0;

  // Sends all of `slices` in order. What the kernel does not take now is copied and sent as it can
  // be; then pending_bytes() > 0, and the caller should not write more before OnDrained: that is
  // what bounds memory. A failure is told by OnError later. At most 64 slices.
  virtual void Write(std::span<const std::string_view> slices) = 0;
  void Write(std::string_view bytes) { Write(std::span<const std::string_view>(&bytes, 1)); }
  virtual size_t pending_bytes() const = 0;

  // FIN after what is pending. Reading may go on.
  virtual void FinishWriting() = 0;
  // Drops what is pending and sends RST (where the transport has one). Then destroy it.
  virtual void Reset() = 0;

  // Not ok() where it is not known any more. `local` may ask the kernel.
  virtual Address peer() const = 0;
  virtual Address local() const = 0;
  virtual PathInfo path_info() const { return {}; }
};

using StreamPtr = std::unique_ptr<Stream>;

class AcceptHandler {
 public:
  // A new connection. Reading is off.
  virtual void OnAccept(StreamPtr stream) = 0;

 protected:
  ~AcceptHandler() = default;
};

struct ListenOptions {
  int backlog = 4096;
  bool reuse_port =
      false;             // several listeners, one per worker, share the load by the kernel's hash
  int unix_mode = 0660;  // permissions of a Unix socket's file
  // Of TCP alone:
  bool freebind = false;      // the address may be one that this machine does not have yet
  bool fast_open = false;     // bytes may come with the SYN (RFC 7413)
  bool defer_accept = false;  // told when the first bytes are there, or after some time
};

// Accepts until destroyed. Destruction closes the socket; accepted streams live on.
class Listener {
 public:
  virtual ~Listener() = default;
  virtual const Address& address() const = 0;  // with the real port, if 0 was asked for
  virtual void Pause() = 0;                    // connections wait in the backlog
  virtual void Resume() = 0;
  // From now on: backlog, fast_open and defer_accept. The others are as they were at Listen.
  virtual Result<> Adjust(const ListenOptions&) { return {}; }
};

struct ConnectOptions {
  Address source;  // bind to it first; not ok(): any
};

// What waits for the end of its loop's turn, so that what one turn brings is done in one go. Leaves
// the list when it is unlinked or destroyed.
class TurnTask : public ListNode {
 public:
  virtual void OnTurnEnd() = 0;

 protected:
  ~TurnTask() = default;
};

class Loop : public Clock {
 public:
  // Starts to connect. The handler hears OnConnected or OnError from the loop. Fails at once only
  // for what no peer is to blame for (out of descriptors, an unusable source address).
  virtual Result<StreamPtr> Connect(const Address& to, const ConnectOptions& options,
                                    StreamHandler& handler) = 0;
  virtual Result<std::unique_ptr<Listener>> Listen(const Address& at, const ListenOptions& options,
                                                   AcceptHandler& handler) = 0;
  // Precondition of both: an IP address. Error: out of descriptors, an address that is taken or not
  // ours, no route.
  virtual Result<std::unique_ptr<DatagramListener>> ListenDatagrams(
      const Address& at, const DatagramListenOptions& options, DatagramHandler& handler) = 0;
  virtual Result<std::unique_ptr<DatagramSocket>> ConnectDatagrams(const Address& to,
                                                                   DatagramHandler& handler) = 0;
  virtual void Arm(Timer& timer, Duration delay) = 0;
  // Runs `task` once before the loop waits again; asked for inside of one, a turn later. Nothing
  // happens if it waits already. No allocation, no system call.
  virtual void AtTurnEnd(TurnTask& task) = 0;

  // Runs `task` on the loop's thread at its next turn, in order of posting. The only call for other
  // threads; they never wait for it. Allocates: for control, not for the request path.
  virtual void Post(std::function<void()> task) = 0;
};

}  // namespace meridian::net
