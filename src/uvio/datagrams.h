// UDP sockets: a listener that receives and answers in batches (recvmmsg, sendmmsg), and a socket
// connected to one peer. On a wildcard address the listener has the kernel tell which of ours was
// asked (IP_PKTINFO, IPV6_RECVPKTINFO), and answers from that one.
#pragma once

#include <meridian/base/descriptor.h>
#include <meridian/net/datagram.h>
#include <meridian/net/loop.h>

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <memory>
#include <string_view>

#include "uvio/core.h"
#include "uvio/datagram_watch.h"

namespace meridian::uvio {

// Answers of one turn, copied, until one sendmmsg takes them.
class Outbox {
 public:
  Outbox();
  // Whether one more of this size has room; an empty outbox has for any datagram.
  bool HasRoom(size_t bytes) const;
  // `from`: whether the answer says where it comes from. Precondition: HasRoom.
  void Put(const net::Flow& flow, std::string_view bytes, bool from);
  bool empty() const { return count_ == 0; }
  // Sends all; gives how many could not be sent.
  size_t Flush(int fd);

 private:
  static constexpr unsigned kBatch = 64;
  static constexpr size_t kBytes = 128 * 1024;
  static constexpr size_t kControlBytes = CMSG_SPACE(sizeof(in6_pktinfo));

  std::unique_ptr<char[]> memory_;
  size_t used_ = 0;
  unsigned count_ = 0;
  std::array<mmsghdr, kBatch> messages_{};
  std::array<iovec, kBatch> slots_;
  std::array<sockaddr_in6, kBatch> peers_;  // or sockaddr_in
  alignas(cmsghdr) std::array<std::array<char, kControlBytes>, kBatch> controls_;
};

class UdpListener final : public net::DatagramListener,
                          private DatagramWatch::Watched,
                          private net::TurnTask {
 public:
  static Result<std::unique_ptr<net::DatagramListener>> Open(
      Core& core, const net::Address& at, const net::DatagramListenOptions& options,
      net::DatagramHandler& handler);
  UdpListener(Core& core, int fd, net::DatagramHandler& handler);
  ~UdpListener() override;

  const net::Address& address() const override { return address_; }
  void Pause() override;
  void Resume() override;
  void Answer(const net::Flow& flow, std::string_view bytes) override;
  size_t TakeUnsent() override { return std::exchange(unsent_, 0); }

 private:
  void OnReady() override;
  void OnTurnEnd() override { unsent_ += outbox_.Flush(fd_.get()); }

  Core& core_;
  Descriptor fd_;
  net::DatagramHandler& handler_;
  net::Address address_;
  bool wildcard_ = false;
  bool watched_ = false;
  bool* gone_ = nullptr;  // of OnReady, while a handler is called
  size_t unsent_ = 0;
  Outbox outbox_;
};

class UdpSocket final : public net::DatagramSocket, private DatagramWatch::Watched {
 public:
  static Result<std::unique_ptr<net::DatagramSocket>> Open(Core& core, const net::Address& to,
                                                           net::DatagramHandler& handler);
  UdpSocket(Core& core, int fd, const net::Address& to, net::DatagramHandler& handler);
  ~UdpSocket() override;

  Result<> Send(std::string_view bytes) override;

 private:
  void OnReady() override;
  void ForgetErrors();

  Core& core_;
  Descriptor fd_;
  net::DatagramHandler& handler_;
  net::Flow flow_;
  bool* gone_ = nullptr;
};

}  // namespace meridian::uvio
