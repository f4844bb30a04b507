// Datagrams on a MemoryNet. Each is an event at the other end one latency later, looked up there by
// its addresses, so that nothing on its way refers to a socket. A fault of the address that is
// listened on acts on both directions; where nobody listens the sender is told, as by ICMP.
// Private to the fakes.
#pragma once

#include <meridian/net/datagram.h>

#include <deque>
#include <memory>
#include <string>

#include "testing/memory_net.h"

namespace meridian::fakes {

class MemoryDatagramListener final : public net::DatagramListener {
 public:
  MemoryDatagramListener(MemoryLoop& loop, MemoryNet& net, const net::Address& at,
                         const net::DatagramListenOptions& options, net::DatagramHandler& handler);
  ~MemoryDatagramListener() override;

  const net::Address& address() const override { return address_; }
  void Pause() override { paused_ = true; }
  void Resume() override;
  void Answer(const net::Flow& flow, std::string_view bytes) override;
  size_t TakeUnsent() override { return std::exchange(unsent_, 0); }

  // A datagram has arrived at `to`.
  void Arrive(net::Flow flow, const net::IpAddress& to, std::string_view bytes);
  bool reuse_port() const { return reuse_port_; }

 private:
  MemoryNet& net_;
  net::Address address_;
  net::IpAddress host_;
  net::DatagramHandler& handler_;
  bool wildcard_;
  bool reuse_port_;
  bool paused_ = false;
  size_t unsent_ = 0;
  std::deque<std::pair<net::Flow, std::string>> waiting_;  // while paused
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

class MemoryDatagramSocket final : public net::DatagramSocket {
 public:
  MemoryDatagramSocket(MemoryNet& net, const net::Address& local, const net::Address& peer,
                       net::DatagramHandler& handler);
  ~MemoryDatagramSocket() override;

  Result<> Send(std::string_view bytes) override;

 private:
  friend class MemoryDatagramListener;
  void Refused();

  MemoryNet& net_;
  net::Address local_, peer_;
  net::DatagramHandler& handler_;
};

}  // namespace meridian::fakes
