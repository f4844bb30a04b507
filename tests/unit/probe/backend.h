// A backend on the in-memory net, for the probe's tests: counts what reaches it and answers as
// told, over TLS if it has a context.
#pragma once

#include <meridian/tls/stream.h>
#include <testing/memory_net.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace meridian::probe {

class Backend final : public net::AcceptHandler {
 public:
  Backend(fakes::MemoryNet& net, const std::string& address)
      : at(*net::Address::Parse(address)), loop_(net.AddLoop(at.ip())), workspace_(loop_) {
    Open();
  }

  // What each request gets; empty: nothing. Split into pieces of `piece` bytes, if that is not 0.
  std::string response = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  size_t piece = 0;
  std::string greeting;  // sent to whoever connects, as an agent does
  std::shared_ptr<const tls::ServerContext> tls;
  bool close_after = false;    // FIN behind each response
  bool close_at_once = false;  // FIN instead of a response
  bool reject_reused = false;  // FIN instead of any response but a connection's first
  std::string last_request;
  size_t accepted = 0, requests = 0;
  const net::Address at;

  void Open() { listener_ = std::move(*loop_.Listen(at, {}, *this)); }
  void Close() { listener_.reset(); }
  // Ends all connections, as a server does with idle ones.
  void EndConnections() {
    for (const auto& connection : connections_) connection->End();
  }

  void OnAccept(net::StreamPtr stream) override {
    ++accepted;
    if (tls) stream = tls::Accept(workspace_, tls, std::move(stream));
    connections_.push_back(std::make_unique<Connection>(*this, std::move(stream)));
  }

 private:
  class Connection final : public net::StreamHandler {
   public:
    Connection(Backend& backend, net::StreamPtr stream)
        : backend_(backend), stream_(std::move(stream)) {
      stream_->SetHandler(this);
      stream_->StartReading();
      if (backend.greeting.empty()) return;
      Send(backend.greeting);
      if (backend.close_after) End();
    }
    void OnRead(std::string_view bytes) override {
      request_.append(bytes);
      if (!request_.ends_with("\r\n\r\n")) return;
      backend_.last_request = std::exchange(request_, {});
      ++backend_.requests;
      const bool first = answered_++ == 0;
      if (backend_.close_at_once || (backend_.reject_reused && !first)) return End();
      Send(backend_.response);
      if (backend_.close_after) End();
    }
    void OnEnd() override { stream_.reset(); }
    void OnDrained() override {}
    void OnError(const Error&) override { stream_.reset(); }
    void End() {
      if (stream_ != nullptr) stream_->FinishWriting();
    }

   private:
    void Send(std::string_view text) {
      const size_t piece = backend_.piece == 0 ? text.size() : backend_.piece;
      for (; !text.empty(); text.remove_prefix(std::min(piece, text.size()))) {
        stream_->Write(text.substr(0, piece));
      }
    }
    Backend& backend_;
    net::StreamPtr stream_;
    std::string request_;
    size_t answered_ = 0;
  };

  fakes::MemoryLoop& loop_;
  tls::Workspace workspace_;
  std::unique_ptr<net::Listener> listener_;
  std::vector<std::unique_ptr<Connection>> connections_;
};

// A random source that always draws the middle: no jitter, and a first check after half its window.
class Middle final : public net::Random {
 public:
  uint64_t Next() override { return uint64_t{1} << 63; }
};

}  // namespace meridian::probe
