// See datagram_watch.h.
#include "uvio/datagram_watch.h"

#include <netinet/in.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "uvio/system_error.h"

namespace meridian::uvio {
namespace {

net::IpAddress Ip(const in_addr& address) {
  return net::IpAddress::V4(ntohl(address.s_addr));
}

// The address that a datagram was sent to, as an answer may come from it: none for a group's.
net::IpAddress LocalOf(const msghdr& message) {
  for (cmsghdr* control = CMSG_FIRSTHDR(&message); control != nullptr;
       control = CMSG_NXTHDR(const_cast<msghdr*>(&message), control)) {
    if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
      in_pktinfo info;
      std::memcpy(&info, CMSG_DATA(control), sizeof info);
      return Ip(info.ipi_spec_dst);
    }
    if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info;
      std::memcpy(&info, CMSG_DATA(control), sizeof info);
      if (IN6_IS_ADDR_MULTICAST(&info.ipi6_addr)) return {};
      std::array<uint8_t, 16> bytes;
      std::memcpy(bytes.data(), &info.ipi6_addr, bytes.size());
      return net::IpAddress::V6(bytes);
    }
  }
  return {};
}

}  // namespace

Inbox::Inbox() : memory_(std::make_unique_for_overwrite<char[]>(kBatch * kStride)) {
  for (unsigned i = 0; i < kBatch; ++i) {
    slots_[i] = {memory_.get() + i * kStride, 65536};
    named_[i].msg_hdr.msg_iov = plain_[i].msg_hdr.msg_iov = &slots_[i];
    named_[i].msg_hdr.msg_iovlen = plain_[i].msg_hdr.msg_iovlen = 1;
    named_[i].msg_hdr.msg_name = &peers_[i];
    named_[i].msg_hdr.msg_control = controls_[i].data();
  }
}

int Inbox::Receive(int fd, unsigned most, bool named) {
  mmsghdr* const messages = named ? named_.data() : plain_.data();
  received_ = messages;
  for (unsigned i = 0; named && i < most; ++i) {
    messages[i].msg_hdr.msg_namelen = sizeof peers_[i];
    messages[i].msg_hdr.msg_controllen = kControlBytes;
  }
  int count;
  do {
    count = recvmmsg(fd, messages, most, MSG_DONTWAIT, nullptr);
  } while (count < 0 && errno == EINTR);
  return count < 0 ? -errno : count;
}

std::string_view Inbox::bytes(unsigned i) const {
  return {static_cast<const char*>(slots_[i].iov_base), received_[i].msg_len};
}

net::Flow Inbox::flow(unsigned i) const {
  net::Flow flow;
  const sockaddr_storage& peer = peers_[i];
  if (peer.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(peer);
    flow.peer = Ip(v4.sin_addr);
    flow.peer_port = ntohs(v4.sin_port);
  } else {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(peer);
    std::array<uint8_t, 16> bytes;
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    flow.peer = net::IpAddress::V6(bytes);
    flow.peer_port = ntohs(v6.sin6_port);
  }
  if (named_[i].msg_hdr.msg_controllen > 0) flow.local = LocalOf(named_[i].msg_hdr);
  return flow;
}

DatagramWatch::~DatagramWatch() {
  if (epoll_ >= 0) close(epoll_);
}

Result<> DatagramWatch::Open(uv_loop_t* loop) {
  if (inbox_) return {};
  if (epoll_ < 0) epoll_ = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) return FailBySystem("epoll_create", errno);
  if (const int status = uv_poll_init(loop, &poll_, epoll_); status < 0) {
    return FailBySystem("watch datagrams", -status);
  }
  poll_.data = this;
  uv_poll_start(&poll_, UV_READABLE, [](uv_poll_t* poll, int, int) {
    static_cast<DatagramWatch*>(poll->data)->Handle();
  });
  inbox_ = std::make_unique<Inbox>();
  return {};
}

Result<> DatagramWatch::Add(int fd, Watched& watched) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = &watched;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) return FailBySystem("watch", errno);
  return {};
}

void DatagramWatch::Remove(int fd, Watched& watched) {
  epoll_event unused{};
  epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, &unused);
  Forget(watched);
}

void DatagramWatch::Forget(const Watched& watched) {
  for (int i = next_; i < count_; ++i) {
    if (events_[i].data.ptr == &watched) events_[i].data.ptr = nullptr;
  }
}

void DatagramWatch::Handle() {
  count_ = epoll_wait(epoll_, events_.data(), kEvents, 0);
  for (next_ = 0; next_ < count_;) {
    void* const watched = events_[next_++].data.ptr;
    if (watched != nullptr) static_cast<Watched*>(watched)->OnReady();
  }
  next_ = count_ = 0;
}

}  // namespace meridian::uvio
