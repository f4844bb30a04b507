// A small HTTP/1.1 server for the demo's sites: one address, one function that answers. It can be
// killed (nobody listens there any more, connections are reset) and revived at the same port, which
// is what a dying server looks like from outside. One loop's thread; not for the real world: bodies
// of requests are read and dropped.
#pragma once

#include <meridian/codec/http1.h>
#include <meridian/net/loop.h>

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

namespace meridian::app {

struct TinyAnswer {
  int status = 200;
  std::string fields;  // whole lines, each with its CRLF
  std::string body;    // text/plain
};

class TinyHttp final : private net::AcceptHandler {
 public:
  static constexpr size_t kMaxConnections = 1024;
  using Answerer = std::function<TinyAnswer(const codec::Head& head)>;

  TinyHttp(net::Loop& loop, Answerer answerer);
  ~TinyHttp();

  // Port 0: one is chosen, and kept from then on. Errors: Loop::Listen's.
  Result<> Listen(const net::Address& address);
  void Kill();
  Result<> Revive() { return alive() ? Result<>{} : Listen(address_); }

  bool alive() const { return listener_ != nullptr; }
  const net::Address& address() const { return address_; }

 private:
  class Connection;
  void OnAccept(net::StreamPtr stream) override;

  net::Loop& loop_;
  Answerer answerer_;
  net::Address address_;
  std::unique_ptr<net::Listener> listener_;
  std::unordered_map<Connection*, std::unique_ptr<Connection>> connections_;
};

}  // namespace meridian::app
