// The backend behind every proxy that is compared: `backend http|http-close|echo [--listeners N]
// [--body BYTES]`. http answers every request head (no request bodies) with one constant response,
// http-close one head of each connection, which it then ends; echo sends back what it gets. Prints
// its ports, one a line, then serves until it is ended by a signal. One thread, level-triggered
// epoll, no allocation once a connection stands; a connection holds at most one buffer of input and
// one of output.
#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "socket.h"

namespace meridian::bench {
namespace {

constexpr size_t kBuffer = 64 * 1024;
constexpr size_t kMaxBody = 16 * 1024 * 1024;
constexpr int kMaxListeners = 64;

struct Options {
  bool echo = false, close = false;
  int listeners = 1;
  size_t body_bytes = 128;
};

struct Peer {
  int fd = -1;
  bool listening = false;
  bool wants_write = false;
  uint32_t matched = 0;  // of "\r\n\r\n", over reads
  std::string out;       // not yet taken by the kernel, from `sent` on
  size_t sent = 0;
};

// Counts request heads that end in `bytes`; a head may end over several calls.
size_t CountHeads(uint32_t* matched, std::string_view bytes) {
  constexpr std::string_view kEnd = "\r\n\r\n";
  size_t heads = 0;
  for (char c : bytes) {
    *matched = c == kEnd[*matched] ? *matched + 1 : (c == '\r' ? 1 : 0);
    if (*matched != kEnd.size()) continue;
    ++heads;
    *matched = 0;
  }
  return heads;
}

class Server {
 public:
  explicit Server(const Options& options)
      : options_(options), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    response_ = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " +
                std::to_string(options.body_bytes) +
                (options.close ? "\r\nConnection: close" : "") + "\r\n\r\n" +
                std::string(options.body_bytes, 'm');
    for (int i = 0; i < options.listeners; ++i) {
      uint16_t port = 0;
      Peer* peer = new Peer;  // lives as long as the process
      peer->listening = true;
      peer->fd = Listen(&port);
      Watch(epoll_, EPOLL_CTL_ADD, peer->fd, EPOLLIN, peer);
      std::printf("%u\n", port);
    }
    std::fflush(stdout);
  }

  [[noreturn]] void Run() {
    std::array<epoll_event, 256> events;
    for (;;) {
      const int count = epoll_wait(epoll_, events.data(), events.size(), -1);
      for (int i = 0; i < count; ++i)
        Serve(*static_cast<Peer*>(events[i].data.ptr), events[i].events);
    }
  }

 private:
  void Serve(Peer& peer, uint32_t events) {
    if (peer.listening) return Accept(peer);
    const bool open = (events & EPOLLOUT) != 0 ? Flush(peer) : Read(peer);
    if (open) return;
    close(peer.fd);
    delete &peer;
  }

  void Accept(const Peer& listener) {
    for (;;) {
      const int fd = accept4(listener.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      const int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      Peer* peer = new Peer;  // owned by epoll's registration until Serve deletes it
      peer->fd = fd;
      Watch(epoll_, EPOLL_CTL_ADD, fd, EPOLLIN, peer);
    }
  }

  bool Read(Peer& peer) {
    const ssize_t got = read(peer.fd, buffer_.data(), buffer_.size());
    if (got <= 0) return got < 0 && WouldBlock();
    const std::string_view bytes(buffer_.data(), static_cast<size_t>(got));
    if (options_.echo) return Send(peer, bytes);
    const size_t heads = CountHeads(&peer.matched, bytes);
    if (heads == 1) return Send(peer, response_) && (!options_.close || peer.wants_write);
    for (size_t i = 0; i < heads; ++i) peer.out += response_;
    return heads == 0 || Flush(peer);
  }

  bool Send(Peer& peer, std::string_view bytes) {
    const ssize_t sent = send(peer.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent == static_cast<ssize_t>(bytes.size())) return true;
    if (sent < 0 && !WouldBlock()) return false;
    peer.out.append(bytes.substr(sent < 0 ? 0 : static_cast<size_t>(sent)));
    return Arm(peer);
  }

  bool Flush(Peer& peer) {
    const std::string_view left = std::string_view(peer.out).substr(peer.sent);
    const ssize_t sent = send(peer.fd, left.data(), left.size(), MSG_NOSIGNAL);
    if (sent < 0 && !WouldBlock()) return false;
    if (sent > 0) peer.sent += static_cast<size_t>(sent);
    if (peer.sent == peer.out.size()) {
      if (options_.close) return false;
      peer.out.clear();
      peer.sent = 0;
    }
    return Arm(peer);
  }

  // Reads only while nothing waits to be written: that bounds the output.
  bool Arm(Peer& peer) {
    const bool wants_write = !peer.out.empty();
    if (wants_write == peer.wants_write) return true;
    peer.wants_write = wants_write;
    Watch(epoll_, EPOLL_CTL_MOD, peer.fd, wants_write ? EPOLLOUT : EPOLLIN, &peer);
    return true;
  }

  const Options options_;
  const int epoll_;
  std::string response_;
  std::array<char, kBuffer> buffer_;
};

bool Parse(int count, char** arguments, Options* options) {
  if (count < 2) return false;
  const std::string_view mode = arguments[1];
  if (mode != "http" && mode != "http-close" && mode != "echo") return false;
  options->echo = mode == "echo";
  options->close = mode == "http-close";
  for (int i = 2; i + 1 < count; i += 2) {
    const std::string_view name = arguments[i];
    const long value = std::atol(arguments[i + 1]);
    if (name == "--listeners" && value > 0 && value <= kMaxListeners) {
      options->listeners = static_cast<int>(value);
    } else if (name == "--body" && value >= 0 && value <= static_cast<long>(kMaxBody)) {
      options->body_bytes = static_cast<size_t>(value);
    } else {
      return false;
    }
  }
  return count % 2 == 0;
}

}  // namespace
}  // namespace meridian::bench

int main(int count, char** arguments) {
  meridian::bench::Options options;
  if (!meridian::bench::Parse(count, arguments, &options)) {
    std::fprintf(stderr, "usage: backend http|http-close|echo [--listeners 1…64] [--body BYTES]\n");
    return 2;
  }
  std::make_unique<meridian::bench::Server>(options)->Run();
}
