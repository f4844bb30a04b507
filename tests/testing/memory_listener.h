// A listener on a MemoryNet: a bounded backlog, taken from in events of its loop. Private to the
// fakes.
#pragma once

#include <meridian/net/loop.h>

#include <deque>
#include <memory>

#include "testing/memory_net.h"

namespace meridian::fakes {

class MemoryListener final : public net::Listener {
 public:
  MemoryListener(MemoryLoop& loop, MemoryNet& net, const net::Address& at,
                 const net::ListenOptions& options, net::AcceptHandler& handler);
  ~MemoryListener() override;

  const net::Address& address() const override { return address_; }
  void Pause() override { paused_ = true; }
  void Resume() override;

  // A client's connect. False: the backlog is full.
  bool Offer(std::shared_ptr<Wire> wire);
  bool reuse_port() const { return reuse_port_; }

 private:
  void AcceptLater();
  void AcceptNext();

  MemoryLoop& loop_;
  MemoryNet& net_;
  net::Address address_;
  net::AcceptHandler& handler_;
  size_t backlog_;
  bool reuse_port_;
  bool paused_ = false;
  std::deque<std::shared_ptr<Wire>> waiting_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace meridian::fakes
