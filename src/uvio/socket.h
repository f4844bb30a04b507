// A connected (or connecting) TCP or Unix socket: libuv's handle and requests, what is still to be
// sent, and the state of both directions. Apart from the Stream that the owner holds, because libuv
// lets go of a handle only a turn after it was told to, and because a destroyed stream still sends.
//
//   kFree ──Connect──► kConnecting ──► kOpen ──(stream destroyed, more to send or to drain)──►
//   kLeaving
//     ▲  └──Adopt──────────────────────► │ │                                                  │
//     │                                  │ └─ error or Reset ─► kDead                         │
//     └── libuv has closed the handle ◄──┴── kClosing ◄───────────┴───────────────────────────┘
//
// Reading is stopped lazily: StopReading only notes it, and libuv hears of it when bytes arrive
// that nobody wants (OnAllocate then gives no buffer). A failure seen in Write is told one poll
// later, so that what the peer sent before it closed (an early response) is read first. Invariant:
// at most one uv_write is under way, from `sending`; what comes meanwhile is `waiting`. An idle
// socket is little more than libuv's handle: all that it can do without is in its Transit.
//
// Bulk is moved through a pipe where the owner names a socket that it all goes to: once reads come
// back full, OnAllocate gives libuv no buffer, and Move takes its place. What the other kernel does
// not take stays in the pipe; a little of it goes by uv_write, which tells when there is room.
#pragma once

#include <meridian/net/loop.h>

#include <uv.h>

#include <memory>
#include <string>

#include "uvio/core.h"

namespace meridian::uvio {

// What a socket needs only while it connects, has more to send than the kernel takes, has a failure
// to tell, or leaves. Recycled by Core.
struct Transit final : net::TimerHandler {
  void OnTimer(net::Timer& timer) override;

  Socket* socket = nullptr;
  uv_connect_t connect{};
  uv_write_t write{};
  Error error;
  std::string sending;
  std::unique_ptr<Pipe> pipe;  // goes on when `sending` has gone
  std::string waiting;         // and this behind it
  size_t drained_bytes = 0;    // read and thrown away while leaving
  net::Timer timer{*this};     // bounds kLeaving
};

class Socket final : public ListNode {
 public:
  explicit Socket(Core& core) : core_(core) {}

  // Starts to connect; failures that are the peer's or the path's are told later.
  Result<> Connect(const net::Address& to, const net::ConnectOptions& options);
  // Takes over an accepted, non-blocking descriptor; on failure it is closed. `local` may be not
  // ok().
  Result<> Adopt(int fd, const net::Address& peer);
  // The stream that the owner holds. The socket lives until that is destroyed, and recycles itself.
  net::StreamPtr MakeStream();
  // Without a stream: after Connect or Adopt failed, or when the loop ends.
  void Close();

  // The socket behind a stream; null: it has none.
  static Socket* Of(net::Stream* stream);

  // For SocketStream: net::Stream's methods.
  void SetHandler(net::StreamHandler* handler);
  void StartReading();
  void StopReading() { reading_ = false; }
  void Write(std::span<const std::string_view> slices);
  size_t pending_bytes() const;
  void FinishWriting();
  void Reset();
  void Leave();  // the stream is being destroyed
  net::Address peer() const;
  net::Address local() const;
  net::PathInfo path_info() const;

  // For Core, ErrorWatch and Transit.
  void TellFailure();
  void LeftTooLong();
  void WatchErrors();
  void ErrorSeen();

 private:
  enum class State : uint8_t { kFree, kConnecting, kOpen, kDead, kLeaving, kClosing };

  uv_stream_t* stream() { return &handle_.stream; }
  int fd() const;
  Transit& transit();
  void DropTransit();
  bool is_tcp() const { return ip_.ok(); }
  void Begin(const net::Address& peer);
  int StartTcpConnect(const net::Address& to, const net::ConnectOptions& options);
  bool ConnectedToItself() const;
  int PendingError() const;
  void WantRead();
  void Queue(std::span<const std::string_view> slices, size_t skip);
  void SendWaiting();
  void StartSending();
  bool TakesMoves() const;
  bool CanMove() const;
  void Move();
  void Take(std::unique_ptr<Pipe> pipe);
  bool SendPipe();
  void Fail(const Error& error);
  void Tell(const Error& error);
  Error StreamError(int number, const char* context) const;
  void SendFin();
  void LeaveQuietly();
  void AbortWithReset();
  void Closed();

  void OnConnect(int status);
  void OnAllocate(uv_buf_t* buffer);
  void OnReadable(ssize_t count, const uv_buf_t* buffer);
  void OnWritten(int status);

  Core& core_;
  net::StreamHandler* handler_ = nullptr;
  std::unique_ptr<Transit> transit_;
  net::IpAddress ip_;  // the peer's; none for a Unix socket
  uint16_t port_ = 0;
  State state_ : 4 = State::kFree;
  bool accepted_ : 1 = false;  // we are the server
  bool held_ : 1 = false;      // a stream points here
  bool reading_ : 1 = false;   // the owner wants to read
  bool polling_ : 1 = false;   // libuv polls for reading
  bool watched_ : 1 = false;   // in the error watch
  bool ended_ : 1 = false;     // the peer's FIN was read
  bool finish_wanted_ : 1 = false;
  bool finished_ : 1 = false;       // our FIN is sent
  bool failed_ : 1 = false;         // the transit's error is to be told
  bool writing_ : 1 = false;        // a uv_write is under way
  bool handle_closed_ : 1 = false;  // libuv has let go
  bool moving_ : 1 = false;         // libuv got no buffer because Move is next
  uint8_t full_reads_ : 2 = 0;      // in a row
  union {
    uv_handle_t any;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
  } handle_{};
};

}  // namespace meridian::uvio
