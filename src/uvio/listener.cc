// See listener.h.
#include "uvio/listener.h"

#include <meridian/base/descriptor.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "uvio/silence.h"
#include "uvio/socket.h"
#include "uvio/system_error.h"

namespace meridian::uvio {
namespace {

constexpr int kBatch = 64;
// Out of descriptors: others have to close first. Connections wait in the backlog meanwhile.
constexpr Duration kRestTime = std::chrono::milliseconds(50);

bool Set(int fd, int level, int option, int value) {
  return setsockopt(fd, level, option, &value, sizeof value) == 0;
}
bool Enable(int fd, int level, int option) {
  return Set(fd, level, option, 1);
}

// What may change while the socket listens.
bool Tune(int fd, const net::ListenOptions& options) {
  const int queue = options.fast_open ? options.backlog : 0;
  const int wait_s = options.defer_accept ? 1 : 0;
  return Set(fd, IPPROTO_TCP, TCP_FASTOPEN, queue) &&
         Set(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, wait_s);
}

bool BindFreely(int fd, const net::Address& at) {
  const bool v6 = at.ip().family() == net::Family::kIpv6;
  return v6 ? Enable(fd, IPPROTO_IPV6, IPV6_FREEBIND) : Enable(fd, IPPROTO_IP, IP_FREEBIND);
}

bool SetOptions(int fd, const net::Address& at, const net::ListenOptions& options) {
  if (at.is_unix()) return true;
  // Linux hands TCP_NODELAY on to what is accepted: one call here saves one for each connection.
  return Enable(fd, SOL_SOCKET, SO_REUSEADDR) && Enable(fd, IPPROTO_TCP, TCP_NODELAY) &&
         NoticeSilence(fd) && (!options.reuse_port || Enable(fd, SOL_SOCKET, SO_REUSEPORT)) &&
         (at.ip().family() != net::Family::kIpv6 || Enable(fd, IPPROTO_IPV6, IPV6_V6ONLY)) &&
         (!options.freebind || BindFreely(fd, at)) &&
         ((!options.fast_open && !options.defer_accept) || Tune(fd, options));
}

uint64_t FileId(const std::string& path) {
  struct stat info {};
  return lstat(path.c_str(), &info) == 0 && S_ISSOCK(info.st_mode) ? info.st_ino : 0;
}

// A socket's file outlives the process that made it: it is stale when nobody answers there.
void RemoveStale(const net::Address& at, const sockaddr* address, socklen_t length) {
  if (FileId(at.path()) == 0) return;
  const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (probe.get() < 0) return;
  if (connect(probe.get(), address, length) != 0 && errno == ECONNREFUSED) {
    unlink(at.path().c_str());
  }
}

}  // namespace

Result<std::unique_ptr<net::Listener>> SocketListener::Open(Core& core, const net::Address& at,
                                                            const net::ListenOptions& options,
                                                            net::AcceptHandler& handler) {
  MERIDIAN_CHECK(at.ok());
  sockaddr_storage storage;
  const auto length = static_cast<socklen_t>(at.ToSockaddr(&storage));
  if (length == 0) return Fail(ErrorCode::kInvalid, "listen", ENAMETOOLONG);
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  Descriptor fd(::socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return FailBySystem("listen", errno);
  if (!SetOptions(fd.get(), at, options)) return FailBySystem("listen", errno);
  if (at.is_unix()) RemoveStale(at, address, length);
  if (bind(fd.get(), address, length) != 0) return FailBySystem("bind", errno);
  auto listener = std::make_unique<SocketListener>(core, fd.Release(), handler);
  listener->address_ = at;
  if (at.is_unix()) {
    listener->file_id_ = FileId(at.path());
    if (chmod(at.path().c_str(), static_cast<mode_t>(options.unix_mode)) != 0) {
      return FailBySystem("listen", errno);
    }
  }
  if (listen(listener->fd_, options.backlog) != 0) return FailBySystem("listen", errno);
  socklen_t filled = sizeof storage;
  if (!at.is_unix() && getsockname(listener->fd_, address, &filled) == 0) {
    listener->address_ = net::Address::FromSockaddr(address);
  }
  if (const int status = listener->StartPolling(); status < 0) {
    return FailBySystem("listen", -status);
  }
  return listener;
}

SocketListener::SocketListener(Core& core, int fd, net::AcceptHandler& handler)
    : core_(core), fd_(fd), handler_(handler), rest_(*this) {
  ++core_.held;
}

SocketListener::~SocketListener() {
  --core_.held;
  if (poll_ != nullptr) {
    poll_->owner = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(&poll_->handle),
             [](uv_handle_t* handle) { delete static_cast<Poll*>(handle->data); });
  }
  close(fd_);
  // Not the file of a successor that has taken the path over.
  if (file_id_ != 0 && FileId(address_.path()) == file_id_) unlink(address_.path().c_str());
}

int SocketListener::StartPolling() {
  auto poll = std::make_unique<Poll>();
  if (const int status = uv_poll_init(core_.loop(), &poll->handle, fd_); status < 0) return status;
  poll_ = poll.release();
  poll_->owner = this;
  poll_->handle.data = poll_;
  Resume();
  return 0;
}

Result<> SocketListener::Adjust(const net::ListenOptions& options) {
  if (!address_.is_unix() && !Tune(fd_, options)) return FailBySystem("listen", errno);
  // Again on a socket that listens already: it changes the backlog.
  if (listen(fd_, options.backlog) != 0) return FailBySystem("listen", errno);
  return {};
}

void SocketListener::Pause() {
  paused_ = true;
  uv_poll_stop(&poll_->handle);
}

void SocketListener::Resume() {
  paused_ = false;
  if (rest_.armed()) return;
  uv_poll_start(&poll_->handle, UV_READABLE, [](uv_poll_t* handle, int, int) {
    static_cast<Poll*>(handle->data)->owner->AcceptBatch();
  });
}

// The handler may pause or destroy the listener at any connection.
void SocketListener::AcceptBatch() {
  Poll* poll = poll_;
  for (int i = 0; i < kBatch; ++i) {
    if (poll->owner == nullptr || poll->owner->paused_ || !poll->owner->AcceptOne()) return;
  }
}

bool SocketListener::AcceptOne() {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  const int fd = accept4(fd_, address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) {
    if (errno == EAGAIN) return false;
    core_.counters().accept_failures.Add();
    const bool scarce = CodeOf(errno) == ErrorCode::kOverloaded;
    if (scarce) Rest();
    return !scarce;
  }
  Socket& socket = core_.TakeSocket();
  const net::Address peer = net::Address::FromSockaddr(address);
  if (!socket.Adopt(fd, peer)) {
    socket.Close();
    core_.counters().accept_failures.Add();
    return true;
  }
  core_.counters().accepted.Add();
  handler_.OnAccept(socket.MakeStream());
  return true;
}

void SocketListener::Rest() {
  core_.counters().accept_pauses.Add();
  uv_poll_stop(&poll_->handle);
  core_.Arm(rest_, kRestTime);
}

void SocketListener::OnTimer(net::Timer&) {
  if (!paused_) Resume();
}

}  // namespace meridian::uvio
