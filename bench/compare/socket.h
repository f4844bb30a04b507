// What load and backend share: non-blocking TCP sockets on loopback, and one epoll instance. Plain
// system calls, so that what is measured does not depend on the code that is measured. One thread;
// what cannot work ends the program.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace meridian::bench {

[[noreturn]] inline void Die(const char* what) {
  std::fprintf(stderr, "%s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

inline sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

inline int Socket() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) Die("socket");
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

// Port 0: any free one. Returns the socket; *port is what it got.
inline int Listen(uint16_t* port) {
  const int fd = Socket();
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address = Loopback(*port);
  socklen_t length = sizeof address;
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), length) != 0) Die("bind");
  if (listen(fd, 4096) != 0) Die("listen");
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) Die("getsockname");
  *port = ntohs(address.sin_port);
  return fd;
}

// A connection under way; writable once it stands. Below zero: refused at once.
inline int Connect(uint16_t port) {
  const int fd = Socket();
  const sockaddr_in address = Loopback(port);
  const int done = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  if (done == 0 || errno == EINPROGRESS) return fd;
  close(fd);
  return -1;
}

inline bool WouldBlock() {
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

inline void Watch(int epoll, int operation, int fd, uint32_t events, void* owner) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = owner;
  if (epoll_ctl(epoll, operation, fd, &event) != 0) Die("epoll_ctl");
}

}  // namespace meridian::bench
