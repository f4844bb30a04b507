// See error_watch.h.
#include "uvio/error_watch.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "uvio/socket.h"
#include "uvio/system_error.h"

namespace meridian::uvio {

ErrorWatch::~ErrorWatch() {
  if (epoll_ >= 0) close(epoll_);
}

Result<> ErrorWatch::Open(uv_loop_t* loop) {
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) return FailBySystem("epoll_create", errno);
  if (const int status = uv_poll_init(loop, &poll_, epoll_); status < 0) {
    return FailBySystem("watch for errors", -status);
  }
  poll_.data = this;
  uv_poll_start(&poll_, UV_READABLE,
                [](uv_poll_t* poll, int, int) { static_cast<ErrorWatch*>(poll->data)->Handle(); });
  return {};
}

bool ErrorWatch::Add(int fd, Socket& socket) {
  epoll_event event{};
  event.events = EPOLLET;
  event.data.ptr = &socket;
  return epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0;
}

void ErrorWatch::Handle() {
  std::array<epoll_event, 64> events;
  const int count = epoll_wait(epoll_, events.data(), events.size(), 0);
  // A socket that one of these calls destroys is not recycled before the turn ends.
  for (int i = 0; i < count; ++i) {
    if ((events[i].events & EPOLLERR) != 0) static_cast<Socket*>(events[i].data.ptr)->ErrorSeen();
  }
}

}  // namespace meridian::uvio
