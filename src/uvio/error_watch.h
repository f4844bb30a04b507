// Tells of a reset on sockets that nobody reads at the moment. libuv watches a descriptor for
// reading or writing, or not at all; this is an epoll set of its own, itself watched by libuv,
// whose members ask for nothing: the kernel then reports errors only, once each (EPOLLET). A socket
// enters it when a turn ends with its reading off, and leaves with its descriptor: no system call
// per pause.
#pragma once

#include <meridian/base/result.h>

#include <uv.h>

namespace meridian::uvio {

class Socket;

class ErrorWatch {
 public:
  ErrorWatch() = default;
  ErrorWatch(const ErrorWatch&) = delete;
  ErrorWatch& operator=(const ErrorWatch&) = delete;
  // The loop has closed all handles by then.
  ~ErrorWatch();

  Result<> Open(uv_loop_t* loop);
  // False: the kernel is out of memory or watches; then a reset is told when reading starts.
  bool Add(int fd, Socket& socket);

 private:
  void Handle();

  int epoll_ = -1;
  uv_poll_t poll_{};
};

}  // namespace meridian::uvio
