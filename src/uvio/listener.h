// A listening socket, TCP or Unix. Accepts in batches by itself (libuv only says when), because
// libuv would close connections when descriptors run out, and does not tell who has come.
#pragma once

#include <meridian/net/loop.h>

#include <uv.h>

#include <memory>
#include <string>

#include "uvio/core.h"

namespace meridian::uvio {

class SocketListener final : public net::Listener, private net::TimerHandler {
 public:
  static Result<std::unique_ptr<net::Listener>> Open(Core& core, const net::Address& at,
                                                     const net::ListenOptions& options,
                                                     net::AcceptHandler& handler);
  SocketListener(Core& core, int fd, net::AcceptHandler& handler);
  ~SocketListener() override;

  const net::Address& address() const override { return address_; }
  void Pause() override;
  void Resume() override;
  Result<> Adjust(const net::ListenOptions& options) override;

 private:
  // libuv's handle, which outlives the listener by a turn.
  struct Poll {
    uv_poll_t handle;
    SocketListener* owner;  // null: the listener is gone
  };

  int StartPolling();
  void AcceptBatch();
  // Takes one connection; false: there is none now, or taking has to rest.
  bool AcceptOne();
  void Rest();
  void OnTimer(net::Timer& timer) override;

  Core& core_;
  int fd_;
  net::AcceptHandler& handler_;
  Poll* poll_ = nullptr;
  bool paused_ = false;
  net::Address address_;
  uint64_t file_id_ = 0;  // inode of the Unix socket's file
  net::Timer rest_;
};

}  // namespace meridian::uvio
