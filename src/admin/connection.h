// One client of the admin interface: requests in order, one at a time, bounded in bytes and in
// time. Owned by the Server; control thread.
//
//   kReading --whole request--> kAnswering --Answer--> kWriting --drained--> kReading
//      |  `--not HTTP, too large, too slow: error--------^   `--not kept--> kClosing --> gone
//      `--end, idle--> gone                      `--a stream--> kStreaming --its end--> gone
//
// kClosing reads and drops what still comes, for a moment: closing at once would make the kernel
// take back an answer that the client has not read yet.
#pragma once

#include <meridian/codec/http1.h>
#include <meridian/net/loop.h>

#include <string>
#include <string_view>

#include "admin/message.h"

namespace meridian::admin {

class Connection;

class ConnectionOwner {
 public:
  // A request is whole: connection.Answer is to be called once, now or later.
  virtual void OnRequest(Connection& connection, Request request) = 0;
  // Destroy it; it does nothing more.
  virtual void OnGone(Connection& connection) = 0;
  // A response has been written.
  virtual void OnAnswered(int status) = 0;

 protected:
  ~ConnectionOwner() = default;
};

class Connection final : public net::StreamHandler, private net::TimerHandler {
 public:
  Connection(net::Loop& loop, ConnectionOwner& owner, net::StreamPtr stream, uint64_t id);

  uint64_t id() const { return id_; }
  // Precondition: a request waits for it.
  void Answer(Response response);
  // Its answer is a stream: Send adds to it. Who takes too long to read is let go: it can come back
  // for what it has missed.
  bool streams() const { return state_ == State::kStreaming; }
  void Send(std::string_view text);

  void OnRead(std::string_view bytes) override;
  void OnEnd() override;
  void OnDrained() override;
  void OnError(const Error& error) override;

 private:
  enum class State : uint8_t { kReading, kAnswering, kWriting, kStreaming, kClosing };
  // What reading on leads to: more bytes, a whole request, or an error that was answered.
  enum class Step : uint8_t { kNeedMore, kGoOn, kStop };

  void OnTimer(net::Timer& timer) override;
  void Advance();
  Step ReadHead();
  Step ReadBody();
  void TakeHead(const codec::Head& head);
  Step Refuse(const Error& error);
  void Refuse(int status, std::string_view code, std::string_view message);
  void Write(const Response& response);
  void Written();

  net::Loop& loop_;
  ConnectionOwner& owner_;
  net::StreamPtr stream_;
  const uint64_t id_;
  net::Timer timer_;
  codec::Http1Parser parser_;
  std::string in_;   // received, not yet taken
  Request request_;  // the one being read
  State state_ = State::kReading;
  bool in_body_ = false, advancing_ = false, keep_alive_ = false, is_head_ = false;
  size_t dropped_bytes_ = 0;  // while closing
};

}  // namespace meridian::admin
