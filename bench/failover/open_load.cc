// An open-loop client: `open_load PORT RATE SECONDS`. A GET is due every 1/RATE seconds, whatever
// became of those before it: it takes a kept connection that is free, or a new one, so that a
// proxy that stalls meets more and more of them. Times count from when a request was due. At the
// end one line for each, in that order: when it was due and how long it took, in microseconds since
// the start, its status (0: no whole answer), and the first letter of the body ("-": none). One
// thread; bounds: kMaxConnections, beyond which a request fails, and kPatience for each.
#include <sys/timerfd.h>

#include <array>
#include <ctime>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "compare/socket.h"

namespace meridian::bench {
namespace {

constexpr size_t kMaxConnections = 8000;
constexpr int64_t kPatienceUs = 5'000'000;
constexpr std::string_view kRequest =
    "GET / HTTP/1.1\r\nHost: bench.example\r\nAccept: */*\r\n\r\n";

int64_t NowUs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * int64_t{1'000'000} + now.tv_nsec / 1000;
}

struct Request {
  int64_t due_us = 0, took_us = -1;  // below zero: under way
  int status = 0;
  char site = '-';
};

struct Connection {
  int fd = -1;
  bool connecting = true;
  size_t request = SIZE_MAX;  // under way; SIZE_MAX: free
  std::string answer;
};

// The value of a head's Content-Length; below zero: none. All answers here are written alike.
long LengthOf(std::string_view head) {
  for (const std::string_view name : {"\r\nContent-Length: ", "\r\ncontent-length: "}) {
    if (const size_t at = head.find(name); at != std::string_view::npos) {
      return std::atol(head.data() + at + name.size());
    }
  }
  return -1;
}

class Clients {
 public:
  Clients(uint16_t port, long rate, long seconds)
      : port_(port),
        rate_(rate),
        total_(static_cast<size_t>(rate * seconds)),
        epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    requests_.reserve(total_);
    clock_.fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    const timespec every{0, 1'000'000'000 / rate};
    const itimerspec times{every, every};
    if (clock_.fd < 0 || timerfd_settime(clock_.fd, 0, &times, nullptr) != 0) Die("timerfd");
    Watch(epoll_, EPOLL_CTL_ADD, clock_.fd, EPOLLIN, &clock_);
  }

  void Run() {
    started_us_ = NowUs();
    const int64_t end_us =
        started_us_ + static_cast<int64_t>(total_) * 1'000'000 / rate_ + kPatienceUs;
    std::array<epoll_event, 256> events;
    while ((requests_.size() < total_ || under_way_ > 0) && NowUs() < end_us) {
      const int count = epoll_wait(epoll_, events.data(), events.size(), 100);
      for (int i = 0; i < count; ++i) {
        auto* const connection = static_cast<Connection*>(events[i].data.ptr);
        if (connection == &clock_) {
          TakeTicks();
        } else if (connection->fd >= 0) {
          Serve(*connection, events[i].events);
        }
      }
      Expire();
    }
  }

  void Print() const {
    for (const Request& request : requests_) {
      const int64_t took = request.took_us < 0 ? kPatienceUs : request.took_us;
      std::printf("%lld %lld %d %c\n", static_cast<long long>(request.due_us),
                  static_cast<long long>(took), request.status, request.site);
    }
  }

 private:
  void TakeTicks() {
    uint64_t ticks = 0;
    if (read(clock_.fd, &ticks, sizeof ticks) != sizeof ticks) return;
    const int64_t now = NowUs() - started_us_;
    while (requests_.size() < total_ && DueUs(requests_.size()) <= now) Begin();
  }
  int64_t DueUs(size_t request) const { return static_cast<int64_t>(request) * 1'000'000 / rate_; }

  void Begin() {
    const size_t number = requests_.size();
    requests_.push_back({DueUs(number)});
    ++under_way_;
    while (!free_.empty()) {
      Connection& connection = *free_.back();
      free_.pop_back();
      if (connection.fd < 0) continue;  // closed while it was free
      connection.request = number;
      if (Send(connection)) return;
      requests_[number].took_us = -1;  // it was closed already: another
      ++under_way_;
    }
    Connection* const fresh = Open();
    if (fresh == nullptr) return Finish(number, 0, '-');
    fresh->request = number;
  }

  Connection* Open() {
    if (open_ >= kMaxConnections) return nullptr;
    const int fd = Connect(port_);
    if (fd < 0) return nullptr;
    connections_.push_back(std::make_unique<Connection>());
    connections_.back()->fd = fd;
    ++open_;
    Watch(epoll_, EPOLL_CTL_ADD, fd, EPOLLOUT, connections_.back().get());
    return connections_.back().get();
  }

  // False: the connection is gone, and with it the request.
  bool Send(Connection& connection) {
    connection.answer.clear();
    const ssize_t sent = send(connection.fd, kRequest.data(), kRequest.size(), MSG_NOSIGNAL);
    if (sent == static_cast<ssize_t>(kRequest.size())) return true;
    Drop(connection);
    return false;
  }

  void Serve(Connection& connection, uint32_t events) {
    if (connection.connecting) {
      if ((events & (EPOLLERR | EPOLLHUP)) != 0) return Drop(connection);
      connection.connecting = false;
      Watch(epoll_, EPOLL_CTL_MOD, connection.fd, EPOLLIN, &connection);
      if (connection.request != SIZE_MAX) Send(connection);
      return;
    }
    const ssize_t got = read(connection.fd, buffer_.data(), buffer_.size());
    if (got <= 0) {
      if (got == 0 || !WouldBlock()) Drop(connection);
      return;
    }
    connection.answer.append(buffer_.data(), static_cast<size_t>(got));
    if (connection.request == SIZE_MAX) return Drop(connection);
    TakeAnswer(connection);
  }

  void TakeAnswer(Connection& connection) {
    const std::string_view answer = connection.answer;
    const size_t end = answer.find("\r\n\r\n");
    if (end == std::string_view::npos) return;
    const std::string_view head = answer.substr(0, end + 2);
    const long length = LengthOf(head);
    if (length < 0 || answer.size() < end + 4 + static_cast<size_t>(length)) {
      if (length < 0) Drop(connection);
      return;
    }
    const int status = std::atoi(connection.answer.c_str() + sizeof "HTTP/1.1");
    const bool closes = head.find("onnection: close") != std::string_view::npos;
    Finish(connection.request, status, length > 0 ? answer[end + 4] : '-');
    connection.request = SIZE_MAX;
    if (closes) return Drop(connection);
    free_.push_back(&connection);
  }

  void Finish(size_t number, int status, char site) {
    Request& request = requests_[number];
    request.took_us = NowUs() - started_us_ - request.due_us;
    request.status = status;
    request.site = site;
    --under_way_;
  }

  void Drop(Connection& connection) {
    if (connection.request != SIZE_MAX) Finish(connection.request, 0, '-');
    connection.request = SIZE_MAX;
    close(connection.fd);
    connection.fd = -1;
    --open_;
  }

  // Connections are opened in order, but requests are not begun on them in order: all are looked
  // at, ten times a second.
  void Expire() {
    const int64_t now = NowUs() - started_us_;
    if (now < expire_at_us_) return;
    expire_at_us_ = now + 100'000;
    for (const auto& connection : connections_) {
      const bool waits = connection->fd >= 0 && connection->request != SIZE_MAX;
      if (waits && requests_[connection->request].due_us + kPatienceUs <= now) Drop(*connection);
    }
  }

  const uint16_t port_;
  const long rate_;
  const size_t total_;
  const int epoll_;
  Connection clock_;
  std::vector<Request> requests_;
  std::deque<std::unique_ptr<Connection>> connections_;
  std::vector<Connection*> free_;  // most recently used last
  size_t open_ = 0, under_way_ = 0;
  int64_t started_us_ = 0, expire_at_us_ = 0;
  std::array<char, 64 * 1024> buffer_;
};

}  // namespace
}  // namespace meridian::bench

int main(int count, char** arguments) {
  const long port = count == 4 ? std::atol(arguments[1]) : 0;
  const long rate = count == 4 ? std::atol(arguments[2]) : 0;
  const long seconds = count == 4 ? std::atol(arguments[3]) : 0;
  if (port < 1 || port > 65535 || rate < 2 || rate > 100'000 || seconds < 1 || seconds > 600) {
    std::fprintf(stderr, "usage: open_load PORT RATE SECONDS\n");
    return 2;
  }
  const auto clients =
      std::make_unique<meridian::bench::Clients>(static_cast<uint16_t>(port), rate, seconds);
  clients->Run();
  clients->Print();
}
