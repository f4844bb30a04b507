// See tiny_http.h.
#include "tiny_http.h"

#include <meridian/base/format.h>

#include <optional>

namespace meridian::app {
namespace {

const char* ReasonPhrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    default:
      return "Error";
  }
}

}  // namespace

// Reads heads and bodies from a growing buffer, answers each request in order.
class TinyHttp::Connection final : public net::StreamHandler {
 public:
  Connection(TinyHttp& server, net::StreamPtr stream)
      : server_(server),
        stream_(std::move(stream)),
        parser_(codec::Http1Parser::Kind::kRequest, {}) {
    stream_->SetHandler(this);
    stream_->StartReading();
  }

  void Reset() { stream_->Reset(); }

  void OnRead(std::string_view bytes) override {
    buffer_.append(bytes);
    size_t used = 0;
    while (Step(used)) {
    }
    buffer_.erase(0, used);
    if (failed_) End();
  }
  void OnEnd() override { End(); }
  void OnDrained() override {}
  void OnError(const Error&) override { End(); }

 private:
  // Handles one head or one piece of body; false: more bytes are needed, or it is over.
  bool Step(size_t& used) {
    const std::string_view rest = std::string_view(buffer_).substr(used);
    if (in_body_) {
      const auto body = parser_.ParseBody(rest);
      if (!body) return Refuse();
      used += body->consumed;
      in_body_ = !body->done;
      if (body->done) return Send();
      return body->consumed > 0 && body->consumed < rest.size();
    }
    if (rest.empty()) return false;
    const auto head = parser_.ParseHead(rest, head_);
    if (!head) return Refuse();
    if (head->progress == codec::Progress::kNeedMore) return false;
    answer_ = server_.answerer_(head_);
    keep_alive_ = head_.keep_alive;
    without_body_ = head_.method == "HEAD";
    used += head->consumed;
    in_body_ = true;
    return true;
  }

  bool Refuse() {
    answer_ = {400, {}, "not an HTTP/1 request\n"};
    keep_alive_ = false;
    Send();
    return false;
  }

  // False when the connection ends with this answer.
  bool Send() {
    const std::string head = Format(
        "HTTP/1.1 {} {}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: "
        "{}\r\n{}{}\r\n",
        answer_.status, ReasonPhrase(answer_.status), answer_.body.size(),
        keep_alive_ ? "" : "Connection: close\r\n", answer_.fields);
    const std::array<std::string_view, 2> slices{head,
                                                 without_body_ ? std::string_view() : answer_.body};
    stream_->Write(slices);
    failed_ = !keep_alive_;
    return keep_alive_;
  }

  void End() { server_.connections_.erase(this); }

  TinyHttp& server_;
  net::StreamPtr stream_;
  codec::Http1Parser parser_;
  codec::Head head_;
  std::string buffer_;
  TinyAnswer answer_;
  bool in_body_ = false, keep_alive_ = true, without_body_ = false, failed_ = false;
};

TinyHttp::TinyHttp(net::Loop& loop, Answerer answerer)
    : loop_(loop), answerer_(std::move(answerer)) {}
TinyHttp::~TinyHttp() = default;

Result<> TinyHttp::Listen(const net::Address& address) {
  auto listener = loop_.Listen(address, {}, *this);
  if (!listener) return tl::unexpected(listener.error());
  listener_ = std::move(*listener);
  address_ = listener_->address();
  return {};
}

void TinyHttp::Kill() {
  listener_.reset();
  for (auto& [key, connection] : connections_) connection->Reset();
  connections_.clear();
}

void TinyHttp::OnAccept(net::StreamPtr stream) {
  if (connections_.size() >= kMaxConnections) return stream->Reset();
  auto connection = std::make_unique<Connection>(*this, std::move(stream));
  connections_.emplace(connection.get(), std::move(connection));
}

}  // namespace meridian::app
