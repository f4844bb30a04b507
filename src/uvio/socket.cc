// A socket's life: opening, leaving, closing. The directions' data is in socket_io.cc.
#include "uvio/socket.h"

#include <arpa/inet.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "uvio/path_info.h"
#include "uvio/silence.h"
#include "uvio/system_error.h"

namespace meridian::uvio {
namespace {

// A destroyed stream may still send for this long; then it is reset.
constexpr Duration kFlushBound = std::chrono::seconds(30);
// After the FIN of a stream that was destroyed with its reading off, arriving bytes are thrown away
// for a moment: closing at once would send RST, which can destroy the answer that the peer has not
// read yet (RFC 9112 section 9.6).
constexpr Duration kLingerBound = std::chrono::seconds(2);
constexpr size_t kMaxOrphans = 4096;

// What keeps a connect from starting and is no peer's fault.
bool IsOurs(int number) {
  return number == EMFILE || number == ENFILE || number == ENOBUFS || number == ENOMEM ||
         number == EADDRNOTAVAIL || number == EADDRINUSE || number == EINVAL ||
         number == EAFNOSUPPORT;
}

// What the kernel says; not ok() if it does not know.
net::Address NameOf(int fd, int (*ask)(int, sockaddr*, socklen_t*)) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (ask(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return {};
  return net::Address::FromSockaddr(reinterpret_cast<const sockaddr*>(&storage));
}

class SocketStream final : public net::Stream {
 public:
  explicit SocketStream(Socket& socket) : socket_(socket) {}
  ~SocketStream() override { socket_.Leave(); }

  void SetHandler(net::StreamHandler* handler) override { socket_.SetHandler(handler); }
  void StartReading() override { socket_.StartReading(); }
  void StopReading() override { socket_.StopReading(); }
  void Write(std::span<const std::string_view> slices) override { socket_.Write(slices); }
  size_t pending_bytes() const override { return socket_.pending_bytes(); }
  void FinishWriting() override { socket_.FinishWriting(); }
  void Reset() override { socket_.Reset(); }
  net::Address peer() const override { return socket_.peer(); }
  net::Address local() const override { return socket_.local(); }
  net::PathInfo path_info() const override { return socket_.path_info(); }

  Socket& socket() { return socket_; }

 private:
  Socket& socket_;
};

}  // namespace

Socket* Socket::Of(net::Stream* stream) {
  auto* of_socket = dynamic_cast<SocketStream*>(stream);
  return of_socket != nullptr ? &of_socket->socket() : nullptr;
}

int Socket::fd() const {
  uv_os_fd_t fd = -1;
  return uv_fileno(&handle_.any, &fd) == 0 ? fd : -1;
}

// From a recycled state to a clean one. Its transit was given back when it closed.
void Socket::Begin(const net::Address& peer) {
  handler_ = nullptr;
  accepted_ = held_ = reading_ = polling_ = watched_ = ended_ = false;
  finish_wanted_ = finished_ = failed_ = writing_ = handle_closed_ = moving_ = false;
  full_reads_ = 0;
  ip_ = peer.ip();
  port_ = peer.port();
}

Transit& Socket::transit() {
  if (!transit_) {
    transit_ = core_.TakeTransit();
    transit_->socket = this;
  }
  return *transit_;
}

// Precondition: libuv holds none of its requests.
void Socket::DropTransit() {
  if (!transit_) return;
  transit_->sending.clear();
  transit_->waiting.clear();
  if (transit_->pipe) core_.GivePipe(std::move(transit_->pipe));
  core_.GiveBuffer(std::exchange(transit_->sending, {}));
  core_.GiveBuffer(std::exchange(transit_->waiting, {}));
  transit_->timer.Disarm();
  transit_->drained_bytes = 0;
  core_.GiveTransit(std::move(transit_));
}

void Transit::OnTimer(net::Timer&) {
  socket->LeftTooLong();
}

Result<> Socket::Connect(const net::Address& to, const net::ConnectOptions& options) {
  Begin(to);
  state_ = State::kConnecting;
  uv_connect_t& request = transit().connect;
  request.data = this;
  int status = 0;
  if (to.is_unix()) {
    uv_pipe_init(core_.loop(), &handle_.pipe, 0);
    handle_.any.data = this;
    uv_pipe_connect(&request, &handle_.pipe, to.path().c_str(), [](uv_connect_t* done, int s) {
      static_cast<Socket*>(done->data)->OnConnect(s);
    });
  } else {
    uv_tcp_init(core_.loop(), &handle_.tcp);
    handle_.any.data = this;
    uv_tcp_nodelay(&handle_.tcp, 1);
    status = StartTcpConnect(to, options);
  }
  core_.counters().connects.Add();
  if (status == 0) return {};
  if (IsOurs(-status)) return FailBySystem("connect", -status);
  Fail(ConnectError(-status));
  return {};
}

int Socket::StartTcpConnect(const net::Address& to, const net::ConnectOptions& options) {
  sockaddr_storage storage;
  if (options.source.ok()) {
    const int length = options.source.ToSockaddr(&storage);
    const int fd = ::socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    // The port is chosen when the peer is known: else a source would have only one range of ports
    // for all of its peers.
    const int on = 1;
    if (options.source.port() == 0) {
      setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    }
    int status = bind(fd, reinterpret_cast<const sockaddr*>(&storage), length) == 0 ? 0 : -errno;
    if (status == 0) status = uv_tcp_open(&handle_.tcp, fd);
    if (status != 0) {
      close(fd);
      return status;
    }
  }
  to.ToSockaddr(&storage);
  const int status =
      uv_tcp_connect(&transit().connect, &handle_.tcp, reinterpret_cast<const sockaddr*>(&storage),
                     [](uv_connect_t* request, int told) {
                       static_cast<Socket*>(request->data)->OnConnect(told);
                     });
  if (status == 0) NoticeSilence(fd());
  return status;
}

Result<> Socket::Adopt(int fd, const net::Address& peer) {
  Begin(peer);
  accepted_ = true;
  state_ = State::kOpen;
  int status = 0;
  if (is_tcp()) {
    uv_tcp_init(core_.loop(), &handle_.tcp);
    status = uv_tcp_open(&handle_.tcp, fd);
  } else {
    uv_pipe_init(core_.loop(), &handle_.pipe, 0);
    status = uv_pipe_open(&handle_.pipe, fd);
  }
  handle_.any.data = this;
  if (status != 0) {
    ::close(fd);
    return FailBySystem("accept", -status);
  }
  core_.WatchLater(*this);
  return {};
}

net::StreamPtr Socket::MakeStream() {
  held_ = true;
  ++core_.held;
  return std::make_unique<SocketStream>(*this);
}

// On loopback, a connect to a port that nobody listens on may be given that very port as its own,
// and TCP then connects it to itself (simultaneous open, RFC 9293 section 3.5).
bool Socket::ConnectedToItself() const {
  return ip_.IsLoopback() && local() == peer();
}

void Socket::OnConnect(int status) {
  if (state_ != State::kConnecting || failed_) return;
  if (status < 0) return Tell(ConnectError(-status));
  if (ConnectedToItself()) return Tell(ConnectError(ECONNREFUSED));
  state_ = State::kOpen;
  if (!writing_) DropTransit();
  if (reading_) {
    WantRead();
  } else {
    core_.WatchLater(*this);
  }
  if (finish_wanted_ && pending_bytes() == 0) SendFin();
  if (handler_ != nullptr) handler_->OnConnected();
}

void Socket::Reset() {
  if (state_ == State::kOpen || state_ == State::kConnecting) AbortWithReset();
}

void Socket::AbortWithReset() {
  if (is_tcp()) {
    const linger at_once{1, 0};
    setsockopt(fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  Close();
}

void Socket::Leave() {
  held_ = false;
  --core_.held;
  handler_ = nullptr;
  if (state_ == State::kClosing) {
    if (handle_closed_) core_.Recycle(*this);
    return;
  }
  if (state_ != State::kOpen || failed_) return Close();
  const bool unread = !reading_ && !ended_ && is_tcp();
  if (pending_bytes() == 0 && !unread) return Close();
  if (core_.orphans >= kMaxOrphans) {
    core_.counters().orphans_refused.Add();
    return AbortWithReset();
  }
  ++core_.orphans;
  Unlink();
  state_ = State::kLeaving;
  reading_ = false;
  if (pending_bytes() == 0) return LeaveQuietly();
  core_.Arm(transit().timer, kFlushBound);
}

// All is sent: FIN, and where the peer may still be sending, a moment for it to hear of that.
void Socket::LeaveQuietly() {
  if (ended_ || !is_tcp()) return Close();
  SendFin();
  core_.Arm(transit().timer, kLingerBound);
  WantRead();
}

void Socket::LeftTooLong() {
  if (pending_bytes() > 0) core_.counters().flushes_cut.Add();
  AbortWithReset();
}

void Socket::Close() {
  if (state_ == State::kLeaving) --core_.orphans;
  state_ = State::kClosing;
  handler_ = nullptr;
  if (transit_) transit_->timer.Disarm();
  Unlink();
  uv_close(&handle_.any, [](uv_handle_t* handle) { static_cast<Socket*>(handle->data)->Closed(); });
}

void Socket::Closed() {
  DropTransit();
  handle_closed_ = true;
  if (!held_) core_.Recycle(*this);
}

net::Address Socket::peer() const {
  return is_tcp() ? net::Address(ip_, port_) : NameOf(fd(), getpeername);
}

net::Address Socket::local() const {
  return NameOf(fd(), getsockname);
}

net::PathInfo Socket::path_info() const {
  return state_ == State::kOpen && is_tcp() ? ReadPathInfo(fd()) : net::PathInfo{};
}

}  // namespace meridian::uvio
