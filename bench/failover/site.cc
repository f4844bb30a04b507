// One site of bench/failover: `site NAME PORT…`. Answers every request head (no request bodies) on
// any of its ports with 200 and its name, GET /healthz with 200, and GET /replication with how its
// data stands (atlanta is the primary). Signals make it fail: SIGUSR1
// has it answer 503 to all but /healthz, SIGUSR2 to all, SIGHUP ends that. Prints "ready" once it
// listens, then serves until it is ended. One thread, level-triggered epoll; an answer that the
// kernel does not take at once ends its connection.
#include <sys/signalfd.h>

#include <array>
#include <csignal>
#include <memory>
#include <string>
#include <string_view>

#include "compare/socket.h"

namespace meridian::bench {
namespace {

constexpr size_t kMaxHead = 16 * 1024;
constexpr std::string_view kHealth = "GET /healthz ";
constexpr std::string_view kReplication = "GET /replication ";
constexpr std::string_view kPrimary = "atlanta";

struct Peer {
  int fd = -1;
  bool listening = false;
  std::string in;  // of a head that is not whole yet
};

// A standby receives from nobody: it is no witness that the primary lives.
std::string_view ReplicationStatus(std::string_view site) {
  return site == kPrimary
             ? R"({"role":"primary"})"
             : R"({"role":"standby","lag_seconds":0,"backlog_bytes":0,"source_connected":false})";
}

std::string Answer(std::string_view status, std::string_view body) {
  return "HTTP/1.1 " + std::string(status) +
         "\r\nContent-Type: text/plain\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + std::string(body);
}

class Site {
 public:
  Site(std::string_view name, int ports, char** first)
      : epoll_(epoll_create1(EPOLL_CLOEXEC)),
        good_(Answer("200 OK", name)),
        replication_(Answer("200 OK", ReplicationStatus(name))),
        bad_(Answer("503 Service Unavailable", "failing")) {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGUSR1, SIGUSR2, SIGHUP}) sigaddset(&set, number);
    sigprocmask(SIG_BLOCK, &set, nullptr);
    signals_.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (signals_.fd < 0) Die("signalfd");
    Watch(epoll_, EPOLL_CTL_ADD, signals_.fd, EPOLLIN, &signals_);
    for (int i = 0; i < ports; ++i) {
      auto port = static_cast<uint16_t>(std::atoi(first[i]));
      Peer* const peer = new Peer;  // lives as long as the process
      peer->listening = true;
      peer->fd = Listen(&port);
      Watch(epoll_, EPOLL_CTL_ADD, peer->fd, EPOLLIN, peer);
    }
    std::puts("ready");
    std::fflush(stdout);
  }

  [[noreturn]] void Run() {
    std::array<epoll_event, 256> events;
    for (;;) {
      const int count = epoll_wait(epoll_, events.data(), events.size(), -1);
      for (int i = 0; i < count; ++i) {
        Peer& peer = *static_cast<Peer*>(events[i].data.ptr);
        if (&peer == &signals_) {
          TakeSignal();
        } else if (peer.listening) {
          Accept(peer);
        } else if (!Read(peer)) {
          close(peer.fd);
          delete &peer;
        }
      }
    }
  }

 private:
  void TakeSignal() {
    signalfd_siginfo info;
    while (read(signals_.fd, &info, sizeof info) == sizeof info) {
      failing_ = info.ssi_signo != SIGHUP;
      unhealthy_ = info.ssi_signo == SIGUSR2;
    }
  }

  void Accept(const Peer& listener) {
    for (;;) {
      const int fd = accept4(listener.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      const int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      Peer* const peer = new Peer;  // owned by epoll's registration until Run deletes it
      peer->fd = fd;
      Watch(epoll_, EPOLL_CTL_ADD, fd, EPOLLIN, peer);
    }
  }

  bool Read(Peer& peer) {
    const ssize_t got = read(peer.fd, buffer_.data(), buffer_.size());
    if (got <= 0) return got < 0 && WouldBlock();
    peer.in.append(buffer_.data(), static_cast<size_t>(got));
    for (size_t end; (end = peer.in.find("\r\n\r\n")) != std::string::npos;) {
      const bool is_status = peer.in.starts_with(kReplication);
      const bool is_check = is_status || peer.in.starts_with(kHealth);
      const std::string& answer = (is_check ? unhealthy_ : failing_) ? bad_
                                  : is_status                        ? replication_
                                                                     : good_;
      const ssize_t sent = send(peer.fd, answer.data(), answer.size(), MSG_NOSIGNAL);
      if (sent != static_cast<ssize_t>(answer.size())) return false;
      peer.in.erase(0, end + 4);
    }
    return peer.in.size() <= kMaxHead;
  }

  const int epoll_;
  const std::string good_, replication_, bad_;
  Peer signals_;
  bool failing_ = false, unhealthy_ = false;
  std::array<char, kMaxHead> buffer_;
};

}  // namespace
}  // namespace meridian::bench

int main(int count, char** arguments) {
  if (count < 3) {
    std::fprintf(stderr, "usage: site NAME PORT…\n");
    return 2;
  }
  std::make_unique<meridian::bench::Site>(arguments[1], count - 2, arguments + 2)->Run();
}
