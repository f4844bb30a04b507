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
// at most one uv_write is under way, from `sending_`; what comes meanwhile is `waiting_`.
#pragma once

#include <meridian/net/loop.h>

#include <uv.h>

#include <string>

#include "uvio/core.h"

namespace meridian::uvio {

class Socket final : public ListNode, private net::TimerHandler {
 public:
  explicit Socket(Core& core) : core_(core), timer_(*this) {}

  // Starts to connect; failures that are the peer's or the path's are told later.
  Result<> Connect(const net::Address& to, const net::ConnectOptions& options);
  // Takes over an accepted, non-blocking descriptor; on failure it is closed. `local` may be not
  // ok().
  Result<> Adopt(int fd, const net::Address& peer, const net::Address& local);
  // The stream that the owner holds. The socket lives until that is destroyed, and recycles itself.
  net::StreamPtr MakeStream();
  // Without a stream: after Connect or Adopt failed, or when the loop ends.
  void Close();

  // For SocketStream: net::Stream's methods.
  void SetHandler(net::StreamHandler* handler);
  void StartReading();
  void StopReading() { reading_ = false; }
  void Write(std::span<const std::string_view> slices);
  size_t pending_bytes() const;
  void FinishWriting();
  void Reset();
  void Leave();  // the stream is being destroyed
  const net::Address& peer() const { return peer_; }
  const net::Address& local() const;
  net::PathInfo path_info() const;

  // For Core and ErrorWatch.
  void TellFailure();
  void WatchErrors();
  void ErrorSeen();

 private:
  enum class State : uint8_t { kFree, kConnecting, kOpen, kDead, kLeaving, kClosing };

  uv_stream_t* stream() { return &handle_.stream; }
  int fd() const;
  void Begin();
  int StartTcpConnect(const net::Address& to, const net::ConnectOptions& options);
  bool ConnectedToItself() const;
  int PendingError() const;
  void WantRead();
  void Queue(std::span<const std::string_view> slices, size_t skip);
  void SendWaiting();
  void Fail(const Error& error);
  void Tell(const Error& error);
  Error StreamError(int number, const char* context) const;
  void DropPending();
  void SendFin();
  void LeaveQuietly();
  void AbortWithReset();
  void Closed();

  void OnConnect(int status);
  void OnAllocate(uv_buf_t* buffer);
  void OnReadable(ssize_t count, const uv_buf_t* buffer);
  void OnWritten(int status);
  void OnTimer(net::Timer& timer) override;

  Core& core_;
  union {
    uv_handle_t any;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
  } handle_{};
  uv_connect_t connect_{};
  uv_write_t write_{};
  net::StreamHandler* handler_ = nullptr;
  State state_ = State::kFree;
  bool accepted_ = false;  // we are the server
  bool held_ = false;      // a stream points here
  bool reading_ = false;   // the owner wants to read
  bool polling_ = false;   // libuv polls for reading
  bool watched_ = false;   // in the error watch
  bool ended_ = false;     // the peer's FIN was read
  bool finish_wanted_ = false;
  bool finished_ = false;       // our FIN is sent
  bool failed_ = false;         // error_ is to be told
  bool writing_ = false;        // a uv_write is under way
  bool handle_closed_ = false;  // libuv has let go
  Error error_;
  std::string sending_;
  std::string waiting_;
  size_t drained_bytes_ = 0;  // read and thrown away while leaving
  net::Timer timer_;          // bounds kLeaving
  net::Address peer_;
  mutable net::Address local_;
};

}  // namespace meridian::uvio
