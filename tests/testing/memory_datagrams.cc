// See memory_datagrams.h.
#include "testing/memory_datagrams.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "testing/allocations.h"

namespace meridian::fakes {
namespace {

constexpr size_t kMostWaiting = 1000;

// What the family carries.
size_t MostOf(const net::Address& address) {
  return address.ip().family() == net::Family::kIpv4 ? 65507 : net::kMaxDatagram;
}

bool IsWildcard(const net::IpAddress& ip) {
  return ip == net::IpAddress::V4(0) || ip == net::IpAddress::V6({});
}

}  // namespace

MemoryDatagramListener::MemoryDatagramListener(MemoryLoop& loop, MemoryNet& net,
                                               const net::Address& at,
                                               const net::DatagramListenOptions& options,
                                               net::DatagramHandler& handler)
    : net_(net),
      address_(at),
      host_(loop.host()),
      handler_(handler),
      wildcard_(IsWildcard(at.ip())),
      reuse_port_(options.reuse_port) {
  net_.datagram_listeners_.emplace(address_, this);
}

MemoryDatagramListener::~MemoryDatagramListener() {
  const Excluded excluded;
  *alive_ = false;
  std::erase_if(net_.datagram_listeners_,
                [this](const auto& entry) { return entry.second == this; });
}

void MemoryDatagramListener::Resume() {
  const Excluded excluded;
  paused_ = false;
  net_.After(Duration(0), [this, alive = alive_] {
    while (*alive && !paused_ && !waiting_.empty()) {
      const auto [flow, bytes] = std::move(waiting_.front());
      waiting_.pop_front();
      const Included included;
      handler_.OnDatagram(flow, bytes);
    }
  });
}

void MemoryDatagramListener::Arrive(net::Flow flow, const net::IpAddress& to,
                                    std::string_view bytes) {
  if (wildcard_) flow.local = to;
  if (paused_ || !waiting_.empty()) {
    if (waiting_.size() < kMostWaiting) waiting_.emplace_back(flow, bytes);
    return;
  }
  const Included included;
  handler_.OnDatagram(flow, bytes);
}

void MemoryDatagramListener::Answer(const net::Flow& flow, std::string_view bytes) {
  const Excluded excluded;
  if (bytes.size() > MostOf(address_)) {
    ++unsent_;
    return;
  }
  const net::IpAddress ip = !wildcard_ ? address_.ip() : flow.local.ok() ? flow.local : host_;
  const net::Address from(ip, address_.port());
  const net::Address to(flow.peer, flow.peer_port);
  MemoryNet& net = net_;
  net.SendDatagram([&net, from, to, bytes = std::string(bytes)] {
    if (net.FaultOf(from).black_hole) return;
    const auto found = net.datagram_sockets_.find(to);
    if (found == net.datagram_sockets_.end() || found->second->peer_ != from) return;
    const net::Flow back{from.ip(), {}, from.port()};
    const Included included;
    found->second->handler_.OnDatagram(back, bytes);
  });
}

MemoryDatagramSocket::MemoryDatagramSocket(MemoryNet& net, const net::Address& local,
                                           const net::Address& peer, net::DatagramHandler& handler)
    : net_(net), local_(local), peer_(peer), handler_(handler) {
  MERIDIAN_CHECK(net_.datagram_sockets_.emplace(local_, this).second);
}

MemoryDatagramSocket::~MemoryDatagramSocket() {
  const Excluded excluded;
  net_.datagram_sockets_.erase(local_);
}

Result<> MemoryDatagramSocket::Send(std::string_view bytes) {
  const Excluded excluded;
  if (bytes.size() > MostOf(peer_)) return Fail(ErrorCode::kTooLarge, "send", EMSGSIZE);
  MemoryNet& net = net_;
  net.SendDatagram([&net, local = local_, peer = peer_, bytes = std::string(bytes)] {
    const MemoryNet::Fault fault = net.FaultOf(peer);
    if (fault.black_hole) return;
    const net::Flow flow{local.ip(), {}, local.port()};
    MemoryDatagramListener* const listener =
        fault.refuse ? nullptr : net.FindDatagramListener(peer, flow);
    if (listener != nullptr) return listener->Arrive(flow, peer.ip(), bytes);
    net.After(net.options_.latency, [&net, local, peer] {
      const auto found = net.datagram_sockets_.find(local);
      if (found != net.datagram_sockets_.end() && found->second->peer_ == peer) {
        found->second->Refused();
      }
    });
  });
  return {};
}

void MemoryDatagramSocket::Refused() {
  const Included included;
  handler_.OnUnreachable(
      {ErrorCode::kRefused, Side::kBackend, Retry::kSafe, ECONNREFUSED, "datagram"});
}

}  // namespace meridian::fakes
