// See client.h. One connection for one call, closed afterwards; plain poll(2) with one deadline for
// all of it. For commands, which have nothing else to do meanwhile.
#include <meridian/admin/client.h>
#include <meridian/base/descriptor.h>
#include <meridian/base/format.h>
#include <meridian/codec/http1.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

namespace meridian::admin {
namespace {

constexpr size_t kMaxAnswerBytes = 256 * 1024 * 1024;

Error Failure(ErrorCode code, const char* context, int system = 0) {
  return Error{code, Side::kBackend, Retry::kNever, system, context};
}

Error FromErrno(int number, const char* context) {
  switch (number) {
    case ENOENT:
      return Failure(ErrorCode::kNotFound, context, number);
    case ECONNREFUSED:
      return Failure(ErrorCode::kRefused, context, number);
    case ECONNRESET:
    case EPIPE:
      return Failure(ErrorCode::kReset, context, number);
    default:
      return Failure(ErrorCode::kIo, context, number);
  }
}

// The call under way: its socket and when it must be done.
class Exchange {
 public:
  Exchange(const Descriptor& socket, Duration timeout)
      : socket_(socket.get()), deadline_(std::chrono::steady_clock::now() + timeout) {}

  Result<void> Connect(const std::string& path);
  Result<void> Send(std::string_view bytes);
  // Up to the end of one response.
  Result<Answer> Receive(std::string_view method);

 private:
  Result<void> Wait(short events, const char* context);
  Result<size_t> ReadMore(std::string& bytes);
  Result<bool> ReadBody(codec::Http1Parser& parser, std::string& bytes, Answer& answer, bool ended);

  const int socket_;
  const std::chrono::steady_clock::time_point deadline_;
};

Result<void> Exchange::Wait(short events, const char* context) {
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline_ - std::chrono::steady_clock::now());
    if (left.count() <= 0) return tl::unexpected(Failure(ErrorCode::kTimeout, context));
    pollfd waited{socket_, events, 0};
    const auto bound = std::min<int64_t>(left.count(), 60'000);
    const int ready = ::poll(&waited, 1, static_cast<int>(bound));
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return tl::unexpected(FromErrno(errno, context));
  }
}

Result<void> Exchange::Connect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return tl::unexpected(Failure(ErrorCode::kInvalid, "socket path", ENAMETOOLONG));
  }
  path.copy(address.sun_path, path.size());
  for (;;) {
    const auto* where = reinterpret_cast<const sockaddr*>(&address);
    if (::connect(socket_, where, sizeof address) == 0) return {};
    if (errno == EAGAIN) {  // its backlog is full
      if (std::chrono::steady_clock::now() >= deadline_) {
        return tl::unexpected(Failure(ErrorCode::kTimeout, "connect"));
      }
      ::poll(nullptr, 0, 10);
      continue;
    }
    if (errno != EINTR) return tl::unexpected(FromErrno(errno, "connect"));
  }
}

Result<void> Exchange::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<size_t>(sent));
    } else if (errno == EAGAIN) {
      if (auto ready = Wait(POLLOUT, "send"); !ready) return ready;
    } else if (errno != EINTR) {
      return tl::unexpected(FromErrno(errno, "send"));
    }
  }
  return {};
}

// The number of bytes added; zero at the end.
Result<size_t> Exchange::ReadMore(std::string& bytes) {
  if (bytes.size() > kMaxAnswerBytes) {
    return tl::unexpected(Failure(ErrorCode::kTooLarge, "answer"));
  }
  for (char chunk[16 * 1024];;) {
    const ssize_t got = ::recv(socket_, chunk, sizeof chunk, 0);
    if (got >= 0) {
      bytes.append(chunk, static_cast<size_t>(got));
      return static_cast<size_t>(got);
    }
    if (errno == EAGAIN) {
      if (auto ready = Wait(POLLIN, "answer"); !ready) return tl::unexpected(ready.error());
    } else if (errno != EINTR) {
      return tl::unexpected(FromErrno(errno, "answer"));
    }
  }
}

// True once the message is whole.
Result<bool> Exchange::ReadBody(codec::Http1Parser& parser, std::string& bytes, Answer& answer,
                                bool ended) {
  std::string_view rest = bytes;
  do {
    const auto body = parser.ParseBody(rest);
    if (!body) return tl::unexpected(body.error());
    answer.body.append(body->data);
    rest.remove_prefix(body->consumed);
    if (body->done) return true;
  } while (!rest.empty());
  bytes.clear();
  if (answer.body.size() > kMaxAnswerBytes) {
    return tl::unexpected(Failure(ErrorCode::kTooLarge, "answer"));
  }
  if (!ended) return false;
  if (parser.FinishAtEnd()) return true;
  return tl::unexpected(Failure(ErrorCode::kMalformed, "answer cut short"));
}

Result<Answer> Exchange::Receive(std::string_view method) {
  codec::Http1Parser parser(codec::Http1Parser::Kind::kResponse, {});
  parser.ExpectResponseTo(method);
  codec::Head head;
  Answer answer;
  bool in_body = false;
  for (std::string bytes;;) {
    const auto got = ReadMore(bytes);
    if (!got) return tl::unexpected(got.error());
    const bool ended = *got == 0;
    if (!in_body) {
      const auto parsed = parser.ParseHead(bytes, head);
      if (!parsed) return tl::unexpected(parsed.error());
      if (parsed->progress == codec::Progress::kNeedMore) {
        if (ended) return tl::unexpected(Failure(ErrorCode::kMalformed, "answer cut short"));
        continue;
      }
      in_body = true;
      answer.status = head.status;
      bytes.erase(0, parsed->consumed);
    }
    const auto whole = ReadBody(parser, bytes, answer, ended);
    if (!whole) return tl::unexpected(whole.error());
    if (*whole) return answer;
  }
}

}  // namespace

Result<Answer> Call(const std::string& socket_path, std::string_view method,
                    std::string_view target, std::string_view body, Duration timeout) {
  const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) return tl::unexpected(FromErrno(errno, "socket"));
  Exchange exchange(socket, timeout);
  if (auto connected = exchange.Connect(socket_path); !connected) {
    return tl::unexpected(connected.error());
  }
  std::string request =
      Format("{} {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n", method, target);
  if (!body.empty()) {
    request += Format("Content-Type: application/json\r\nContent-Length: {}\r\n", body.size());
  }
  request.append("\r\n").append(body);
  if (auto sent = exchange.Send(request); !sent) return tl::unexpected(sent.error());
  return exchange.Receive(method);
}

}  // namespace meridian::admin
