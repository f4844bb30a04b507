// See datagrams.h.
#include "uvio/datagrams.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "uvio/system_error.h"

namespace meridian::uvio {
namespace {

// One socket at a time takes as much as this before the others have their turn.
constexpr unsigned kBackendBatch = 16;
constexpr int kBatchesPerTurn = 4;
// Bursts wait in the kernel; it grants what its own bound (rmem_max, wmem_max) allows.
constexpr int kKernelBuffer = 4 * 1024 * 1024;

bool Set(int fd, int level, int option, int value = 1) {
  return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

bool IsWildcard(const net::IpAddress& ip) {
  const auto& bytes = ip.bytes();
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t b) { return b == 0; });
}

// SO_REUSEADDR is not among them: for UDP it would let others take over the address.
bool SetOptions(int fd, const net::Address& at, const net::DatagramListenOptions& options) {
  const bool v6 = at.ip().family() == net::Family::kIpv6;
  Set(fd, SOL_SOCKET, SO_RCVBUF, kKernelBuffer);
  Set(fd, SOL_SOCKET, SO_SNDBUF, kKernelBuffer);
  if (v6 && !Set(fd, IPPROTO_IPV6, IPV6_V6ONLY)) return false;
  if (options.reuse_port && !Set(fd, SOL_SOCKET, SO_REUSEPORT)) return false;
  if (options.freebind &&
      !(v6 ? Set(fd, IPPROTO_IPV6, IPV6_FREEBIND) : Set(fd, IPPROTO_IP, IP_FREEBIND)))
    return false;
  if (!IsWildcard(at.ip())) return true;
  return v6 ? Set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO) : Set(fd, IPPROTO_IP, IP_PKTINFO);
}

template <class Info>
void PutControl(msghdr& message, int level, int type, const Info& info) {
  cmsghdr* const control = CMSG_FIRSTHDR(&message);
  control->cmsg_level = level;
  control->cmsg_type = type;
  control->cmsg_len = CMSG_LEN(sizeof info);
  std::memcpy(CMSG_DATA(control), &info, sizeof info);
  message.msg_controllen = CMSG_SPACE(sizeof info);
}

void PutSource(msghdr& message, const net::IpAddress& from) {
  if (from.family() == net::Family::kIpv4) {
    in_pktinfo info{};
    info.ipi_spec_dst.s_addr = htonl(from.v4());
    return PutControl(message, IPPROTO_IP, IP_PKTINFO, info);
  }
  in6_pktinfo info{};
  std::memcpy(&info.ipi6_addr, from.bytes().data(), from.bytes().size());
  PutControl(message, IPPROTO_IPV6, IPV6_PKTINFO, info);
}

// Whether trying the peer again would be in vain for now, rather than us being short of something.
bool IsUnreachable(int number) {
  return number == ECONNREFUSED || number == EHOSTUNREACH || number == ENETUNREACH ||
         number == EHOSTDOWN || number == ENETDOWN || number == ENOPROTOOPT;
}

Error PeerError(int number, const char* context) {
  ErrorCode code = CodeOf(number);
  if (number == EAGAIN) code = ErrorCode::kOverloaded;  // no room, or no free port
  if (number == EMSGSIZE) code = ErrorCode::kTooLarge;
  if (number == ENOPROTOOPT) code = ErrorCode::kUnreachable;
  return {code, IsUnreachable(number) ? Side::kBackend : Side::kSelf, Retry::kSafe, number,
          context};
}

// On loopback, whoever connects to a port that nobody listens on may be given that very port.
bool IsConnectedToItself(int fd, const net::Address& to) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  return getsockname(fd, address, &length) == 0 && net::Address::FromSockaddr(address) == to;
}

}  // namespace

Outbox::Outbox() : memory_(std::make_unique_for_overwrite<char[]>(kBytes)) {
  static_assert(kBytes >= net::kMaxDatagram);
  for (unsigned i = 0; i < kBatch; ++i) {
    messages_[i].msg_hdr.msg_name = &peers_[i];
    messages_[i].msg_hdr.msg_iov = &slots_[i];
    messages_[i].msg_hdr.msg_iovlen = 1;
  }
}

bool Outbox::HasRoom(size_t bytes) const {
  return count_ < kBatch && bytes <= kBytes - used_;
}

void Outbox::Put(const net::Flow& flow, std::string_view bytes, bool from) {
  msghdr& message = messages_[count_].msg_hdr;
  sockaddr_in6& v6 = peers_[count_];
  if (flow.peer.family() == net::Family::kIpv4) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(v6);
    v4 = {};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(flow.peer_port);
    v4.sin_addr.s_addr = htonl(flow.peer.v4());
    message.msg_namelen = sizeof v4;
  } else {
    v6 = {};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(flow.peer_port);
    std::memcpy(&v6.sin6_addr, flow.peer.bytes().data(), sizeof v6.sin6_addr);
    message.msg_namelen = sizeof v6;
  }
  message.msg_control = nullptr;
  message.msg_controllen = 0;
  if (from && flow.local.ok()) {
    message.msg_control = controls_[count_].data();
    message.msg_controllen = kControlBytes;
    PutSource(message, flow.local);
  }
  slots_[count_] = {memory_.get() + used_, bytes.size()};
  if (!bytes.empty()) std::memcpy(memory_.get() + used_, bytes.data(), bytes.size());
  used_ += bytes.size();
  ++count_;
}

size_t Outbox::Flush(int fd) {
  size_t unsent = 0;
  for (unsigned done = 0; done < count_;) {
    const int sent = sendmmsg(fd, &messages_[done], count_ - done, MSG_DONTWAIT);
    if (sent > 0) {
      done += static_cast<unsigned>(sent);
    } else if (errno == EAGAIN) {  // whoever waits for it asks again
      unsent += count_ - done;
      break;
    } else if (errno != EINTR) {
      ++unsent;
      ++done;
    }
  }
  used_ = 0;
  count_ = 0;
  return unsent;
}

Result<std::unique_ptr<net::DatagramListener>> UdpListener::Open(
    Core& core, const net::Address& at, const net::DatagramListenOptions& options,
    net::DatagramHandler& handler) {
  MERIDIAN_CHECK(at.ip().ok());
  if (const auto open = core.datagram_watch().Open(core.loop()); !open) {
    return tl::unexpected(open.error());
  }
  sockaddr_storage storage;
  const auto length = static_cast<socklen_t>(at.ToSockaddr(&storage));
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  Descriptor fd(::socket(storage.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.ok() || !SetOptions(fd.get(), at, options)) return FailBySystem("listen", errno);
  if (bind(fd.get(), address, length) != 0) return FailBySystem("bind", errno);
  socklen_t filled = sizeof storage;
  if (getsockname(fd.get(), address, &filled) != 0) return FailBySystem("listen", errno);
  auto listener = std::make_unique<UdpListener>(core, fd.Release(), handler);
  listener->address_ = net::Address::FromSockaddr(address);
  listener->wildcard_ = IsWildcard(at.ip());
  listener->Resume();
  if (!listener->watched_) return FailBySystem("listen", ENOMEM);
  return listener;
}

UdpListener::UdpListener(Core& core, int fd, net::DatagramHandler& handler)
    : core_(core), fd_(fd), handler_(handler) {
  ++core_.held;
}

UdpListener::~UdpListener() {
  if (!outbox_.empty()) outbox_.Flush(fd_.get());
  if (gone_ != nullptr) *gone_ = true;
  core_.datagram_watch().Forget(*this);
  --core_.held;
}

void UdpListener::Pause() {
  if (std::exchange(watched_, false)) core_.datagram_watch().Remove(fd_.get(), *this);
}

void UdpListener::Resume() {
  if (!watched_) watched_ = core_.datagram_watch().Add(fd_.get(), *this).has_value();
}

void UdpListener::Answer(const net::Flow& flow, std::string_view bytes) {
  if (bytes.size() > net::kMaxDatagram) {
    ++unsent_;
    return;
  }
  if (!outbox_.HasRoom(bytes.size())) unsent_ += outbox_.Flush(fd_.get());
  outbox_.Put(flow, bytes, wildcard_);
  core_.AtTurnEnd(*this);
}

// The handler may pause or destroy the listener at any datagram; what the batch had besides is then
// lost.
void UdpListener::OnReady() {
  bool gone = false;
  gone_ = &gone;
  for (int batch = 0; batch < kBatchesPerTurn; ++batch) {
    Inbox& inbox = core_.datagram_watch().inbox();
    const int count = inbox.Receive(fd_.get(), Inbox::kBatch, true);
    for (int i = 0; i < count; ++i) {
      handler_.OnDatagram(inbox.flow(i), inbox.bytes(i));
      if (gone) return;
    }
    if (count < static_cast<int>(Inbox::kBatch) || !watched_) break;
  }
  gone_ = nullptr;
}

Result<std::unique_ptr<net::DatagramSocket>> UdpSocket::Open(Core& core, const net::Address& to,
                                                             net::DatagramHandler& handler) {
  MERIDIAN_CHECK(to.ip().ok());
  if (const auto open = core.datagram_watch().Open(core.loop()); !open) {
    return tl::unexpected(open.error());
  }
  sockaddr_storage storage;
  const auto length = static_cast<socklen_t>(to.ToSockaddr(&storage));
  Descriptor fd(::socket(storage.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.ok()) return FailBySystem("socket", errno);
  // Else only the peer's own host is heard (port unreachable), and not a router that knows no way.
  const bool v6 = to.ip().family() == net::Family::kIpv6;
  v6 ? Set(fd.get(), IPPROTO_IPV6, IPV6_RECVERR) : Set(fd.get(), IPPROTO_IP, IP_RECVERR);
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&storage), length) != 0) {
    return tl::unexpected(PeerError(errno, "connect"));
  }
  if (to.ip().IsLoopback() && IsConnectedToItself(fd.get(), to)) {
    return tl::unexpected(PeerError(ECONNREFUSED, "connect"));
  }
  auto socket = std::make_unique<UdpSocket>(core, fd.Release(), to, handler);
  if (const auto watched = core.datagram_watch().Add(socket->fd_.get(), *socket); !watched) {
    return tl::unexpected(watched.error());
  }
  return socket;
}

UdpSocket::UdpSocket(Core& core, int fd, const net::Address& to, net::DatagramHandler& handler)
    : core_(core), fd_(fd), handler_(handler) {
  flow_.peer = to.ip();
  flow_.peer_port = to.port();
  ++core_.held;
}

UdpSocket::~UdpSocket() {
  if (gone_ != nullptr) *gone_ = true;
  core_.datagram_watch().Forget(*this);
  --core_.held;
}

Result<> UdpSocket::Send(std::string_view bytes) {
  while (send(fd_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT) < 0) {
    if (errno == EINTR) continue;
    const int number = errno;
    ForgetErrors();
    return tl::unexpected(PeerError(number, "send"));
  }
  return {};
}

// What was told by an error number stands in a queue besides, and is ready until it is taken.
void UdpSocket::ForgetErrors() {
  constexpr int kMost = 64;
  for (int i = 0; i < kMost; ++i) {
    msghdr nothing{};
    if (recvmsg(fd_.get(), &nothing, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return;
  }
}

// One batch a turn: there may be thousands of sockets besides.
void UdpSocket::OnReady() {
  bool gone = false;
  gone_ = &gone;
  Inbox& inbox = core_.datagram_watch().inbox();
  const int count = inbox.Receive(fd_.get(), kBackendBatch, false);
  for (int i = 0; i < count; ++i) {
    handler_.OnDatagram(flow_, inbox.bytes(i));
    if (gone) return;
  }
  gone_ = nullptr;
  if (count >= 0) return;
  ForgetErrors();
  if (IsUnreachable(-count)) handler_.OnUnreachable(PeerError(-count, "datagram"));
}

}  // namespace meridian::uvio
