// A closed-loop load generator: `load http|echo --port PORT [--connections 64] [--requests 20000]
// [--seconds 60] [--bytes 64] [--host NAME] [--path /] [--close] [--json]`. One request is under
// way on every connection: an HTTP/1.1 GET on a kept connection, or with --close on one of its own,
// or a message of --bytes that must come back as it went. Ends when --requests are answered or
// --seconds have passed, and prints requests, failures and latency. One thread; latencies are kept,
// one of 4 bytes per request. A failure is a request without its right answer (another status,
// other bytes, a broken connection); a connection closed between requests is a reconnect.
#include <meridian/base/text.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "socket.h"

namespace meridian::bench {
namespace {

constexpr long kMaxRequests = 10'000'000;
constexpr long kMaxConnections = 10'000;
constexpr size_t kBuffer = 64 * 1024;

struct Options {
  bool echo = false, json = false, close = false;
  uint16_t port = 0;
  long connections = 64, requests = 20'000, seconds = 60, bytes = 64;
  std::string host = "bench.example", path = "/";
};

int64_t NowNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * int64_t{1'000'000'000} + now.tv_nsec;
}

// How far an answer has come.
enum class Answer { kMore, kRight, kWrong };

struct Connection {
  int fd = -1;
  bool connecting = true;
  bool busy = false;       // a request is under way
  bool last = false;       // the answer said that it closes
  int64_t started_ns = 0;  // of the request under way
  std::string head;        // of the answer, until it is complete; echo: nothing
  size_t body_left = 0;    // of the answer, once the head is complete
};

// The value of a header in a head, compared without case; empty if absent.
std::string_view Field(std::string_view head, std::string_view name) {
  for (size_t at = head.find("\r\n"); at != std::string_view::npos;
       at = head.find("\r\n", at + 2)) {
    const std::string_view line = head.substr(at + 2, head.find("\r\n", at + 2) - at - 2);
    if (line.size() <= name.size() || line[name.size()] != ':') continue;
    if (!EqualIgnoringCase(line.substr(0, name.size()), name)) continue;
    const size_t value = line.find_first_not_of(" \t", name.size() + 1);
    return value == std::string_view::npos ? std::string_view() : line.substr(value);
  }
  return {};
}

class Load {
 public:
  explicit Load(const Options& options)
      : options_(options),
        epoll_(epoll_create1(EPOLL_CLOEXEC)),
        connections_(static_cast<size_t>(std::min(options.connections, options.requests))) {
    if (options.echo) {
      for (long i = 0; i < options.bytes; ++i) request_ += static_cast<char>('a' + i % 26);
    } else {
      request_ = "GET " + options.path + " HTTP/1.1\r\nHost: " + options.host +
                 "\r\nUser-Agent: load\r\nAccept: */*\r\n" +
                 (options.close ? "Connection: close\r\n\r\n" : "\r\n");
    }
    latencies_us_.reserve(static_cast<size_t>(options.requests));
  }

  void Run() {
    started_ns_ = NowNs();
    const int64_t deadline_ns = started_ns_ + options_.seconds * 1'000'000'000;
    for (Connection& connection : connections_) Open(connection);
    std::array<epoll_event, 256> events;
    while (!Done() && NowNs() < deadline_ns) {
      const int count = epoll_wait(epoll_, events.data(), events.size(), 100);
      for (int i = 0; i < count && !Done(); ++i) {
        Serve(*static_cast<Connection*>(events[i].data.ptr), events[i].events);
      }
    }
    seconds_ = static_cast<double>(NowNs() - started_ns_) / 1e9;
    for (const Connection& connection : connections_) {
      if (connection.fd >= 0) close(connection.fd);
    }
  }

  bool failed() const { return failures_ > 0 || !Done(); }

  void Print() {
    std::sort(latencies_us_.begin(), latencies_us_.end());
    const char* format =
        options_.json
            ? "{\"requests\": %zu, \"failures\": %ld, \"reconnects\": %ld, \"seconds\": %.6f, "
              "\"rate\": %.1f, \"p50_us\": %u, \"p90_us\": %u, \"p99_us\": %u, \"p999_us\": %u, "
              "\"max_us\": %u}\n"
            : "requests    %zu\nfailures    %ld\nreconnects  %ld\nseconds     %.3f\n"
              "rate        %.0f/s\np50         %u µs\np90         %u µs\np99         %u µs\n"
              "p99.9       %u µs\nmax         %u µs\n";
    std::printf(format, latencies_us_.size(), failures_, reconnects_, seconds_,
                static_cast<double>(latencies_us_.size()) / seconds_, At(0.5), At(0.9), At(0.99),
                At(0.999), At(1));
  }

 private:
  bool Done() const {
    return static_cast<long>(latencies_us_.size()) + failures_ >= options_.requests;
  }

  uint32_t At(double share) const {
    if (latencies_us_.empty()) return 0;
    return latencies_us_[static_cast<size_t>(share *
                                             static_cast<double>(latencies_us_.size() - 1))];
  }

  void Open(Connection& connection) {
    connection = Connection();
    connection.fd = Connect(options_.port);
    if (connection.fd < 0) {
      ++failures_;
      return;
    }
    Watch(epoll_, EPOLL_CTL_ADD, connection.fd, EPOLLOUT, &connection);
  }

  // A connection that broke under a request costs that request; one that refuses to stand costs one
  // too, so that the run ends when nothing answers.
  void Reopen(Connection& connection) {
    ++(connection.busy || connection.connecting ? failures_ : reconnects_);
    close(connection.fd);
    if (!Done()) return Open(connection);
    connection.fd = -1;
  }

  void Serve(Connection& connection, uint32_t events) {
    if (connection.connecting) {
      if ((events & (EPOLLERR | EPOLLHUP)) != 0) return Reopen(connection);
      connection.connecting = false;
      Watch(epoll_, EPOLL_CTL_MOD, connection.fd, EPOLLIN, &connection);
      return Request(connection);
    }
    const ssize_t got = read(connection.fd, buffer_.data(), buffer_.size());
    if (got <= 0) {
      if (got == 0 || !WouldBlock()) Reopen(connection);
      return;
    }
    switch (Take(connection, {buffer_.data(), static_cast<size_t>(got)})) {
      case Answer::kMore:
        return;
      case Answer::kWrong:
        return Reopen(connection);
      case Answer::kRight:
        latencies_us_.push_back(static_cast<uint32_t>((NowNs() - connection.started_ns) / 1000));
        connection.busy = false;
        if (connection.last) return Reopen(connection);
        return Request(connection);
    }
  }

  // A request fits any socket buffer of an idle connection: one that does not is a failure.
  void Request(Connection& connection) {
    connection.head.clear();
    connection.body_left = request_.size();
    connection.started_ns = NowNs();
    connection.busy = true;
    const ssize_t sent = send(connection.fd, request_.data(), request_.size(), MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(request_.size())) Reopen(connection);
  }

  Answer Take(Connection& connection, std::string_view bytes) {
    return options_.echo ? TakeEcho(connection, bytes) : TakeResponse(connection, bytes);
  }

  Answer TakeEcho(Connection& connection, std::string_view bytes) {
    const size_t at = request_.size() - connection.body_left;
    if (bytes.size() > connection.body_left || request_.compare(at, bytes.size(), bytes) != 0) {
      return Answer::kWrong;
    }
    connection.body_left -= bytes.size();
    return connection.body_left == 0 ? Answer::kRight : Answer::kMore;
  }

  Answer TakeResponse(Connection& connection, std::string_view bytes) {
    if (connection.head.find("\r\n\r\n") == std::string::npos) {
      connection.head += bytes;
      const size_t end = connection.head.find("\r\n\r\n");
      if (end == std::string::npos) {
        return connection.head.size() > kBuffer ? Answer::kWrong : Answer::kMore;
      }
      const std::string_view head = std::string_view(connection.head).substr(0, end + 2);
      const std::string_view length = Field(head, "content-length");
      if (!head.starts_with("HTTP/1.1 200") || length.empty()) return Answer::kWrong;
      connection.last = EqualIgnoringCase(Field(head, "connection"), "close");
      connection.body_left = std::strtoull(length.data(), nullptr, 10);
      bytes = std::string_view(connection.head).substr(end + 4);
      return TakeBody(connection, bytes);
    }
    return TakeBody(connection, bytes);
  }

  static Answer TakeBody(Connection& connection, std::string_view bytes) {
    if (bytes.size() > connection.body_left) return Answer::kWrong;
    connection.body_left -= bytes.size();
    return connection.body_left == 0 ? Answer::kRight : Answer::kMore;
  }

  const Options options_;
  const int epoll_;
  std::vector<Connection> connections_;
  std::string request_;
  std::vector<uint32_t> latencies_us_;
  long failures_ = 0, reconnects_ = 0;
  int64_t started_ns_ = 0;
  double seconds_ = 0;
  std::array<char, kBuffer> buffer_;
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
  if (name == "--host") return options->host = value, true;
  if (name == "--path") return options->path = value, true;
  return (name == "--connections" &&
          ParseNumber(value, 1, kMaxConnections, &options->connections)) ||
         (name == "--requests" && ParseNumber(value, 1, kMaxRequests, &options->requests)) ||
         (name == "--seconds" && ParseNumber(value, 1, 3600, &options->seconds)) ||
         (name == "--bytes" && ParseNumber(value, 1, long{kBuffer}, &options->bytes));
}

std::optional<Options> Parse(int count, char** arguments) {
  Options options;
  if (count < 2) return std::nullopt;
  const std::string_view mode = arguments[1];
  if (mode != "http" && mode != "echo") return std::nullopt;
  options.echo = mode == "echo";
  for (int i = 2; i < count; ++i) {
    const std::string_view name = arguments[i];
    if (name == "--json") {
      options.json = true;
    } else if (name == "--close") {
      options.close = true;
    } else if (++i == count || !ParseOption(name, arguments[i], &options)) {
      return std::nullopt;
    }
  }
  if (options.port == 0) return std::nullopt;
  return options;
}

}  // namespace
}  // namespace meridian::bench

int main(int count, char** arguments) {
  const auto options = meridian::bench::Parse(count, arguments);
  if (!options) {
    std::fprintf(stderr,
                 "usage: load http|echo --port PORT [--connections N] [--requests N] [--seconds N] "
                 "[--bytes N] [--host NAME] [--path PATH] [--close] [--json]\n");
    return 2;
  }
  static meridian::bench::Load load(*options);
  load.Run();
  load.Print();
  return load.failed() ? 1 : 0;
}
