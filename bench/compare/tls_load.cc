// A closed-loop load generator over TLS 1.3: `tls_load full|resumed|keepalive --port PORT
// [--connections 16] [--requests 2000] [--host NAME] [--json]`.
//
// Every connection has one GET under way. full: each on a connection of its own with a whole
// handshake; resumed: the same with the ticket of the one before; keepalive: on connections that
// stay. Prints what `load` prints. Nothing is verified: what the proxy does counts, not what we do.
// A request without a right answer is a failure; so is, under resumed, a handshake that was not.
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "socket.h"

namespace meridian::bench {
namespace {

enum class Mode { kFull, kResumed, kKeepAlive };

struct Options {
  Mode mode = Mode::kFull;
  bool json = false;
  uint16_t port = 0;
  long connections = 16, requests = 2000;
  std::string host = "bench.example";
};

constexpr int64_t kDeadlineNs = 60'000'000'000;

int64_t NowNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * int64_t{1'000'000'000} + now.tv_nsec;
}

struct Connection {
  int fd = -1;
  SSL* ssl = nullptr;
  SSL_SESSION* session = nullptr;  // of the last one that gave a ticket
  bool shaken = false, sent = false, connecting = true, has_session = false;
  int64_t started_ns = 0;
  std::string answer;
};

int KeepSession(SSL* ssl, SSL_SESSION* session) {
  auto* connection = static_cast<Connection*>(SSL_get_app_data(ssl));
  SSL_SESSION_free(connection->session);
  connection->session = session;
  return 1;
}

class Load {
 public:
  explicit Load(const Options& options)
      : options_(options),
        epoll_(epoll_create1(EPOLL_CLOEXEC)),
        context_(SSL_CTX_new(TLS_client_method())),
        connections_(static_cast<size_t>(std::min(options.connections, options.requests))) {
    SSL_CTX_set_min_proto_version(context_, TLS1_3_VERSION);
    SSL_CTX_set_session_cache_mode(context_,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    SSL_CTX_sess_set_new_cb(context_, KeepSession);
    SSL_CTX_set_options(context_, SSL_OP_IGNORE_UNEXPECTED_EOF);
    request_ =
        "GET / HTTP/1.1\r\nHost: " + options.host + "\r\nUser-Agent: load\r\nAccept: */*\r\n\r\n";
  }

  void Run() {
    started_ns_ = NowNs();
    for (Connection& connection : connections_) Open(connection);
    std::array<epoll_event, 256> events;
    while (!Done() && NowNs() < started_ns_ + kDeadlineNs) {
      const int count = epoll_wait(epoll_, events.data(), events.size(), 100);
      for (int i = 0; i < count && !Done(); ++i) {
        Drive(*static_cast<Connection*>(events[i].data.ptr));
      }
    }
    seconds_ = static_cast<double>(NowNs() - started_ns_) / 1e9;
    for (Connection& connection : connections_) Close(connection);
  }

  bool failed() const { return failures_ > 0 || !Done(); }

  void Print() {
    std::sort(latencies_us_.begin(), latencies_us_.end());
    const char* format =
        options_.json
            ? "{\"requests\": %zu, \"failures\": %ld, \"reconnects\": 0, \"seconds\": %.6f, "
              "\"rate\": %.1f, \"p50_us\": %u, \"p99_us\": %u}\n"
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
    return latencies_us_[static_cast<size_t>(share *
                                             static_cast<double>(latencies_us_.size() - 1))];
  }

  void Open(Connection& connection) {
    connection.shaken = connection.sent = false;
    connection.connecting = true;
    connection.answer.clear();
    connection.started_ns = NowNs();
    connection.fd = Connect(options_.port);
    if (connection.fd < 0) Die("connect");
    connection.ssl = SSL_new(context_);
    SSL_set_fd(connection.ssl, connection.fd);
    SSL_set_app_data(connection.ssl, &connection);
    SSL_set_tlsext_host_name(connection.ssl, options_.host.c_str());
    SSL_set_connect_state(connection.ssl);
    connection.has_session = options_.mode == Mode::kResumed && connection.session != nullptr;
    if (connection.has_session) SSL_set_session(connection.ssl, connection.session);
    Watch(epoll_, EPOLL_CTL_ADD, connection.fd, EPOLLOUT, &connection);
  }

  void Close(Connection& connection) {
    if (connection.ssl == nullptr) return;
    SSL_shutdown(connection.ssl);
    SSL_set_shutdown(connection.ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(connection.ssl);
    close(connection.fd);
    connection.ssl = nullptr;
  }

  void Fail(Connection& connection) {
    ++failures_;
    ERR_clear_error();
    Close(connection);
    if (!Done()) Open(connection);
  }

  void Drive(Connection& connection) {
    if (connection.connecting) {
      connection.connecting = false;
      Watch(epoll_, EPOLL_CTL_MOD, connection.fd, EPOLLIN, &connection);
    }
    if (!connection.shaken && !Shake(connection)) return;
    if (!connection.sent) {
      connection.sent = true;
      if (options_.mode == Mode::kKeepAlive) connection.started_ns = NowNs();
      const auto size = static_cast<int>(request_.size());
      if (SSL_write(connection.ssl, request_.data(), size) != size) return Fail(connection);
    }
    char buffer[16 * 1024];
    for (;;) {
      const int got = SSL_read(connection.ssl, buffer, sizeof buffer);
      if (got <= 0) {
        if (SSL_get_error(connection.ssl, got) != SSL_ERROR_WANT_READ) Fail(connection);
        return;
      }
      connection.answer.append(buffer, static_cast<size_t>(got));
      if (Complete(connection.answer)) return Answered(connection);
    }
  }

  bool Shake(Connection& connection) {
    const int result = SSL_do_handshake(connection.ssl);
    if (result != 1) {
      if (SSL_get_error(connection.ssl, result) != SSL_ERROR_WANT_READ) Fail(connection);
      return false;
    }
    connection.shaken = true;
    if (connection.has_session && SSL_session_reused(connection.ssl) != 1) ++failures_;
    return true;
  }

  static bool Complete(std::string_view answer) {
    const size_t end = answer.find("\r\n\r\n");
    const size_t length = answer.find("ontent-");
    if (end == std::string_view::npos || length == std::string_view::npos) return false;
    for (const std::string_view name : {"Content-Length: ", "content-length: "}) {
      const size_t at = answer.find(name);
      if (at == std::string_view::npos || at > end) continue;
      return answer.size() >=
             end + 4 + std::strtoull(answer.data() + at + name.size(), nullptr, 10);
    }
    return false;
  }

  void Answered(Connection& connection) {
    if (!connection.answer.starts_with("HTTP/1.1 200")) return Fail(connection);
    latencies_us_.push_back(static_cast<uint32_t>((NowNs() - connection.started_ns) / 1000));
    if (Done()) return;
    if (options_.mode == Mode::kKeepAlive) {
      connection.answer.clear();
      connection.sent = false;
      return Drive(connection);
    }
    Close(connection);
    Open(connection);
  }

  const Options options_;
  const int epoll_;
  SSL_CTX* const context_;
  std::vector<Connection> connections_;
  std::string request_;
  std::vector<uint32_t> latencies_us_;
  long failures_ = 0;
  int64_t started_ns_ = 0;
  double seconds_ = 0;
};

std::optional<Options> Parse(int count, char** arguments) {
  Options options;
  if (count < 2) return std::nullopt;
  const std::string_view mode = arguments[1];
  if (mode == "resumed") {
    options.mode = Mode::kResumed;
  } else if (mode == "keepalive") {
    options.mode = Mode::kKeepAlive;
  } else if (mode != "full") {
    return std::nullopt;
  }
  for (int i = 2; i < count; ++i) {
    const std::string_view name = arguments[i];
    if (name == "--json") {
      options.json = true;
      continue;
    }
    if (++i == count) return std::nullopt;
    const long value = std::atol(arguments[i]);
    if (name == "--port" && value > 0 && value < 65536) {
      options.port = static_cast<uint16_t>(value);
    } else if (name == "--connections" && value > 0 && value <= 10'000) {
      options.connections = value;
    } else if (name == "--requests" && value > 0) {
      options.requests = value;
    } else if (name == "--host") {
      options.host = arguments[i];
    } else {
      return std::nullopt;
    }
  }
  if (options.port == 0) return std::nullopt;
  return options;
}

}  // namespace
}  // namespace meridian::bench

int main(int count, char** arguments) {
  std::signal(SIGPIPE, SIG_IGN);
  const auto options = meridian::bench::Parse(count, arguments);
  if (!options) {
    std::fprintf(stderr,
                 "usage: tls_load full|resumed|keepalive --port PORT [--connections N] [--requests "
                 "N] [--host NAME] [--json]\n");
    return 2;
  }
  meridian::bench::Load load(*options);
  load.Run();
  load.Print();
  return load.failed() ? 1 : 0;
}
