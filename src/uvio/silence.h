// A peer that has fallen silent is noticed by the kernel: an idle connection is probed
// (SO_KEEPALIVE), and what is sent must be acknowledged in time (TCP_USER_TIMEOUT, RFC 5482); else
// the connection ends with a timeout. What a listener accepts inherits both from it, without a
// system call of its own.
#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace meridian::uvio {

// Of a TCP socket. False: the kernel refuses, errno says why.
inline bool NoticeSilence(int fd) {
  constexpr int kOn = 1, kIdleS = 60, kProbeEveryS = 10, kUnacknowledgedMs = 30'000;
  const auto set = [fd](int level, int option, int value) {
    return setsockopt(fd, level, option, &value, sizeof value) == 0;
  };
  return set(SOL_SOCKET, SO_KEEPALIVE, kOn) && set(IPPROTO_TCP, TCP_KEEPIDLE, kIdleS) &&
         set(IPPROTO_TCP, TCP_KEEPINTVL, kProbeEveryS) &&
         set(IPPROTO_TCP, TCP_USER_TIMEOUT, kUnacknowledgedMs);
}

}  // namespace meridian::uvio
