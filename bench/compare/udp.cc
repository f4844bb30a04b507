// Both ends of a comparison over UDP: `udp backend [--listeners N]` sends each datagram back and
// prints its ports, one a line; `udp load --port PORT [--connections 64] [--requests 20000]
// [--seconds 60] [--bytes 64] [--fresh] [--json]` keeps one datagram under way from each of its
// sockets, waits for its like to come back, and prints requests, failures and latency as `load`
// does. With --fresh each datagram comes from a socket of its own, as DNS queries do. A datagram
// without its answer within a second is a failure. One thread.
#include <algorithm>
#include <array>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "socket.h"

namespace meridian::bench {
namespace {

constexpr unsigned kBatch = 64;
constexpr size_t kMostBytes = 2048;
constexpr int64_t kPatienceNs = 1'000'000'000;

struct Options {
  bool backend = false, fresh = false, json = false;
  uint16_t port = 0;
  long listeners = 1, connections = 64, requests = 20'000, seconds = 60, bytes = 64;
};

int64_t NowNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * int64_t{1'000'000'000} + now.tv_nsec;
}

int DatagramSocket() {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) Die("socket");
  const int bytes = 4 * 1024 * 1024;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  return fd;
}

// In batches, so that the backend is not the limit.
class Backend {
 public:
  explicit Backend(long listeners) : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    for (long i = 0; i < listeners; ++i) {
      const int fd = DatagramSocket();
      sockaddr_in address = Loopback(0);
      socklen_t length = sizeof address;
      auto* bound = reinterpret_cast<sockaddr*>(&address);
      if (bind(fd, bound, length) != 0 || getsockname(fd, bound, &length) != 0) Die("bind");
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.fd = fd;
      if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) Die("epoll_ctl");
      std::printf("%u\n", ntohs(address.sin_port));
    }
    std::fflush(stdout);
  }

  [[noreturn]] void Run() {
    std::array<epoll_event, 16> events;
    for (;;) {
      const int count = epoll_wait(epoll_, events.data(), events.size(), -1);
      for (int i = 0; i < count; ++i) Echo(events[i].data.fd);
    }
  }

 private:
  void Echo(int fd) {
    for (unsigned i = 0; i < kBatch; ++i) {
      slots_[i] = {bytes_[i].data(), kMostBytes};
      messages_[i].msg_hdr = {};
      messages_[i].msg_hdr.msg_name = &peers_[i];
      messages_[i].msg_hdr.msg_namelen = sizeof peers_[i];
      messages_[i].msg_hdr.msg_iov = &slots_[i];
      messages_[i].msg_hdr.msg_iovlen = 1;
    }
    const int count = recvmmsg(fd, messages_.data(), kBatch, MSG_DONTWAIT, nullptr);
    for (int i = 0; i < count; ++i) slots_[i].iov_len = messages_[i].msg_len;
    for (int done = 0; done < count;) {
      const int sent = sendmmsg(fd, &messages_[done], static_cast<unsigned>(count - done), 0);
      done += std::max(sent, 1);  // what cannot be sent is lost, and counted at the other end
    }
  }

  const int epoll_;
  std::array<mmsghdr, kBatch> messages_;
  std::array<iovec, kBatch> slots_;
  std::array<sockaddr_in, kBatch> peers_;
  std::array<std::array<char, kMostBytes>, kBatch> bytes_;
};

struct Asker {
  int fd = -1;
  uint64_t number = 0;  // of the question under way; its first bytes
  int64_t asked_ns = 0;
};

class Load {
 public:
  explicit Load(const Options& options)
      : options_(options),
        epoll_(epoll_create1(EPOLL_CLOEXEC)),
        askers_(static_cast<size_t>(std::min(options.connections, options.requests))),
        question_(static_cast<size_t>(options.bytes), 'u') {
    latencies_us_.reserve(static_cast<size_t>(options.requests));
  }

  void Run() {
    const int64_t started_ns = NowNs();
    int64_t looked_ns = started_ns;
    const int64_t deadline_ns = started_ns + options_.seconds * 1'000'000'000;
    for (Asker& asker : askers_) Ask(asker);
    std::array<epoll_event, 256> events;
    for (int64_t now = started_ns; !Done() && now < deadline_ns; now = NowNs()) {
      const int count = epoll_wait(epoll_, events.data(), events.size(), 100);
      for (int i = 0; i < count && !Done(); ++i) Hear(*static_cast<Asker*>(events[i].data.ptr));
      if (now - looked_ns < kPatienceNs / 10) continue;
      looked_ns = now;
      for (Asker& asker : askers_) {
        if (!Done() && now - asker.asked_ns > kPatienceNs) Lose(asker);
      }
    }
    seconds_ = static_cast<double>(NowNs() - started_ns) / 1e9;
  }

  bool failed() const { return failures_ > 0 || !Done(); }

  void Print() {
    std::sort(latencies_us_.begin(), latencies_us_.end());
    const char* format =
        options_.json ? "{\"requests\": %zu, \"failures\": %ld, \"reconnects\": 0, \"seconds\": "
                        "%.6f, \"rate\": %.1f, \"p50_us\": %u, \"p99_us\": %u}\n"
                      : "requests    %zu\nfailures    %ld\nseconds     %.3f\nrate        %.0f/s\n"
                        "p50         %u µs\np99         %u µs\n";
    std::printf(format, latencies_us_.size(), failures_, seconds_,
                static_cast<double>(latencies_us_.size()) / seconds_, At(0.5), At(0.99));
  }

 private:
  bool Done() const {
    return static_cast<long>(latencies_us_.size()) + failures_ >= options_.requests;
  }

  uint32_t At(double share) const {
    if (latencies_us_.empty()) return 0;
    const double last = static_cast<double>(latencies_us_.size() - 1);
    return latencies_us_[static_cast<size_t>(share * last)];
  }

  void Ask(Asker& asker) {
    if (options_.fresh && asker.fd >= 0) {
      close(asker.fd);
      asker.fd = -1;
    }
    if (asker.fd < 0) {
      asker.fd = DatagramSocket();
      const sockaddr_in to = Loopback(options_.port);
      if (connect(asker.fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) Die("connect");
      Watch(epoll_, EPOLL_CTL_ADD, asker.fd, EPOLLIN, &asker);
    }
    asker.number = ++asked_;
    asker.asked_ns = NowNs();
    std::memcpy(question_.data(), &asker.number, sizeof asker.number);
    if (send(asker.fd, question_.data(), question_.size(), 0) < 0) ++failures_;
  }

  void Lose(Asker& asker) {
    ++failures_;
    if (!Done()) Ask(asker);
  }

  void Hear(Asker& asker) {
    const ssize_t got = recv(asker.fd, buffer_.data(), buffer_.size(), 0);
    if (got < 0) {
      if (!WouldBlock()) Lose(asker);
      return;
    }
    if (got != static_cast<ssize_t>(question_.size())) return Lose(asker);
    uint64_t number = 0;
    std::memcpy(&number, buffer_.data(), sizeof number);
    if (number != asker.number) return;  // of one that was given up
    latencies_us_.push_back(static_cast<uint32_t>((NowNs() - asker.asked_ns) / 1000));
    if (!Done()) Ask(asker);
  }

  const Options options_;
  const int epoll_;
  std::vector<Asker> askers_;
  std::string question_;
  uint64_t asked_ = 0;
  std::vector<uint32_t> latencies_us_;
  long failures_ = 0;
  double seconds_ = 0;
  std::array<char, kMostBytes> buffer_;
};

bool ParseNumber(const char* text, long low, long high, long* value) {
  char* end = nullptr;
  *value = std::strtol(text, &end, 10);
  return *text != '\0' && *end == '\0' && *value >= low && *value <= high;
}

bool ParseOption(std::string_view name, const char* value, Options* options) {
  long port = 0;
  if (name == "--port" && ParseNumber(value, 1, 65535, &port)) {
    options->port = static_cast<uint16_t>(port);
    return true;
  }
  return (name == "--listeners" && ParseNumber(value, 1, 64, &options->listeners)) ||
         (name == "--connections" && ParseNumber(value, 1, 10'000, &options->connections)) ||
         (name == "--requests" && ParseNumber(value, 1, 10'000'000, &options->requests)) ||
         (name == "--seconds" && ParseNumber(value, 1, 3600, &options->seconds)) ||
         (name == "--bytes" && ParseNumber(value, 8, long{kMostBytes}, &options->bytes));
}

std::optional<Options> Parse(int count, char** arguments) {
  Options options;
  if (count < 2) return std::nullopt;
  const std::string_view mode = arguments[1];
  if (mode != "backend" && mode != "load") return std::nullopt;
  options.backend = mode == "backend";
  for (int i = 2; i < count; ++i) {
    const std::string_view name = arguments[i];
    if (name == "--json") {
      options.json = true;
    } else if (name == "--fresh") {
      options.fresh = true;
    } else if (++i == count || !ParseOption(name, arguments[i], &options)) {
      return std::nullopt;
    }
  }
  if (!options.backend && options.port == 0) return std::nullopt;
  return options;
}

}  // namespace
}  // namespace meridian::bench

int main(int count, char** arguments) {
  const auto options = meridian::bench::Parse(count, arguments);
  if (!options) {
    std::fprintf(
        stderr,
        "usage: udp backend [--listeners N]\n       udp load --port PORT [--connections N] "
        "[--requests N] [--seconds N] [--bytes N] [--fresh] [--json]\n");
    return 2;
  }
  if (options->backend) std::make_unique<meridian::bench::Backend>(options->listeners)->Run();
  meridian::bench::Load load(*options);
  load.Run();
  load.Print();
  return load.failed() ? 1 : 0;
}
