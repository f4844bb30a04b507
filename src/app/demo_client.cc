// See demo_client.h.
#include "demo_client.h"

#include <meridian/base/format.h>
#include <meridian/base/text.h>
#include <meridian/codec/http1.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

namespace meridian::app {

std::string DemoClient::Response::Field(std::string_view name) const {
  for (const auto& [given, value] : fields) {
    if (EqualIgnoringCase(given, name)) return value;
  }
  return {};
}

std::string DemoClient::Response::Cookie() const {
  const std::string cookie = Field("Set-Cookie");
  return cookie.substr(0, cookie.find(';'));
}

bool DemoClient::Connect() {
  sockaddr_storage address{};
  const auto length = static_cast<socklen_t>(server_.ToSockaddr(&address));
  fd_ = ::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return false;
  const timeval limit{.tv_sec = 5, .tv_usec = 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  bool good = true;
  if (source_.ok()) {
    sockaddr_storage source{};
    const int size = net::Address(source_, 0).ToSockaddr(&source);
    good = ::bind(fd_, reinterpret_cast<sockaddr*>(&source), static_cast<socklen_t>(size)) == 0;
  }
  good = good && ::connect(fd_, reinterpret_cast<sockaddr*>(&address), length) == 0;
  if (!good) Close();
  ++connects_;
  return good;
}

void DemoClient::Close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

std::optional<DemoClient::Response> DemoClient::Request(std::string_view method,
                                                        std::string_view path,
                                                        const Fields& fields) {
  if (fd_ < 0 && !Connect()) return std::nullopt;
  std::string head = Format("{} {} HTTP/1.1\r\nHost: {}\r\n", method, path, server_.ToString());
  for (const auto& [name, value] : fields) head += Format("{}: {}\r\n", name, value);
  if (method == "POST") head += "Content-Length: 0\r\n";
  head += "\r\n";
  const ssize_t sent = ::send(fd_, head.data(), head.size(), MSG_NOSIGNAL);
  std::optional<Response> response;
  if (sent == static_cast<ssize_t>(head.size())) response = Read(method);
  if (!response || EqualIgnoringCase(response->Field("Connection"), "close")) Close();
  return response;
}

std::optional<DemoClient::Response> DemoClient::Read(std::string_view method) {
  codec::Http1Parser parser(codec::Http1Parser::Kind::kResponse, {});
  parser.ExpectResponseTo(method);
  codec::Head head;
  Response response;
  std::string bytes;
  std::array<char, 16384> buffer;
  bool in_body = false;
  for (;;) {
    const ssize_t got = ::recv(fd_, buffer.data(), buffer.size(), 0);
    if (got <= 0) return std::nullopt;
    bytes.append(buffer.data(), static_cast<size_t>(got));
    if (!in_body) {
      const auto parsed = parser.ParseHead(bytes, head);
      if (!parsed) return std::nullopt;
      if (parsed->progress == codec::Progress::kNeedMore) continue;
      response.status = head.status;
      for (const codec::Field& field : head) response.fields.emplace_back(field.name, field.value);
      bytes.erase(0, parsed->consumed);
      in_body = true;
    }
    do {
      const auto body = parser.ParseBody(bytes);
      if (!body) return std::nullopt;
      response.body += body->data;
      bytes.erase(0, body->consumed);
      if (body->done) return response;
    } while (!bytes.empty());
  }
}

}  // namespace meridian::app
