// A raw HTTP client on the in-memory net, for the admin server's tests.
#pragma once

#include <testing/memory_net.h>

#include <string>

namespace meridian::admin {

class HttpClient final : public net::StreamHandler {
 public:
  HttpClient(fakes::MemoryNet& net, net::Loop& loop, const net::Address& to) : net_(net) {
    stream_ = std::move(*loop.Connect(to, {}, *this));
    net_.RunFor(std::chrono::milliseconds(10));
  }
  void OnConnected() override { stream_->StartReading(); }
  void OnRead(std::string_view bytes) override { received.append(bytes); }
  void OnEnd() override { ended = true; }
  void OnDrained() override {}
  void OnError(const Error&) override { broken = true; }

  void Send(std::string_view bytes) {
    stream_->Write(bytes);
    net_.RunFor(std::chrono::milliseconds(50));
  }
  // Sends a request without a body and takes the answer.
  std::string Get(const std::string& target, const std::string& fields = {}) {
    return Do("GET", target, fields);
  }
  std::string Do(const std::string& method, const std::string& target,
                 const std::string& fields = {}, const std::string& body = {}) {
    received.clear();
    std::string request = method + " " + target + " HTTP/1.1\r\nHost: a\r\n" + fields;
    if (!body.empty()) request += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    Send(request + "\r\n" + body);
    return received;
  }
  void Pause() { stream_->StopReading(); }
  void Resume() { stream_->StartReading(); }
  void Finish() { stream_->FinishWriting(); }
  void Close() { stream_.reset(); }

  std::string received;
  bool ended = false, broken = false;

 private:
  fakes::MemoryNet& net_;
  net::StreamPtr stream_;
};

inline int StatusOf(const std::string& answer) {
  return answer.size() < 12 ? 0 : std::stoi(answer.substr(9, 3));
}
inline std::string BodyOf(const std::string& answer) {
  const size_t end = answer.find("\r\n\r\n");
  return end == std::string::npos ? std::string() : answer.substr(end + 4);
}

}  // namespace meridian::admin
