// One question to one endpoint: a TCP connect, or a GET over a connection that is kept for the next
// question. Owned by its Check, on the probe thread; it waits for ever, the owner cancels it.
//
//   kIdle --Start--> kConnecting --OnConnected--> kIdle (tcp: good)
//                         |                  `--> kHead --head--> kBody --end--> kIdle (http)
//                         `--OnError--> kIdle (bad)
//
// A kept connection that turns out to be dead before one byte of an answer came says nothing about
// the endpoint: the question is asked once more on a fresh one.
#pragma once

#include <meridian/codec/http1.h>
#include <meridian/net/loop.h>
#include <meridian/topology/topology.h>

#include <optional>
#include <string>
#include <string_view>

namespace meridian::probe {

enum class Answer : uint8_t {
  kGood,
  kRefused,
  kUnreachable,
  kReset,      // broken, or ended before a whole response
  kTimeout,    // told by the owner
  kStatus,     // a response, but not in the expected range
  kMalformed,  // not HTTP/1, or not strictly
  kSelf,       // we could not ask (no descriptors): says nothing of the endpoint
  kCount,
};
const char* Name(Answer answer);

class AttemptOwner {
 public:
  // Once for each successful Start that was not cancelled. The attempt is idle and may be started
  // again.
  virtual void OnAnswer(Answer answer) = 0;
  // Before that, where the way there was measured: by a connect that succeeded, or by the kernel on
  // a connection that was kept.
  virtual void OnRoundTrip(Duration took, bool by_connect) = 0;

 protected:
  ~AttemptOwner() = default;
};

class Attempt final : public net::StreamHandler {
 public:
  Attempt(net::Loop& loop, AttemptOwner& owner) : loop_(loop), owner_(owner) {}

  // `to` and `check` stay valid until the answer, or until Point moves them. Precondition: idle.
  // Fails at once only as Loop::Connect does; then there is no OnAnswer.
  // With `keep_body`, body() has what came.
  Result<void> Start(const net::Address& to, const topology::HealthCheck& check,
                     bool keep_body = false);
  // The same values at another place (a new snapshot).
  void Point(const topology::HealthCheck& check) { check_ = &check; }
  // Back to idle without an answer, the connection reset; address and host are read anew.
  void Cancel();

  bool running() const { return state_ != State::kIdle; }
  // Of the last response, to the end or 64 KiB of it; until the next Start.
  const std::string& body() const { return body_; }
  uint16_t status() const { return status_; }  // of the last response; 0: none

  void OnConnected() override;
  void OnRead(std::string_view bytes) override;
  void OnEnd() override;
  void OnDrained() override {}
  void OnError(const Error& error) override;

 private:
  enum class State : uint8_t { kIdle, kConnecting, kHead, kBody };

  Result<void> Connect();
  void Ask();
  void Broken(Answer answer);
  void ReadHead(std::string_view bytes);
  void ReadBody(std::string_view bytes);
  Answer Judge() const;
  void Finish(Answer answer, bool keep);

  net::Loop& loop_;
  AttemptOwner& owner_;
  const net::Address* to_ = nullptr;
  const topology::HealthCheck* check_ = nullptr;
  net::StreamPtr stream_;
  MonotonicTime connect_began_;
  std::optional<codec::Http1Parser> parser_;
  std::string host_;  // what to send as Host; made once
  std::string head_;  // of a response whose head came in several reads; else empty
  std::string body_;
  size_t body_bytes_ = 0;
  State state_ = State::kIdle;
  bool keep_body_ = false;
  bool reused_ = false, heard_ = false, keep_alive_ = false;
  uint8_t interim_ = 0;  // 1xx responses before the one that counts
  uint16_t status_ = 0;
};

}  // namespace meridian::probe
