// A question to PostgreSQL over a connection that is kept for the next one: whether it answers at
// all, its role, and how far its replication is. libpq does the protocol, never blocking: it is
// given an address, so that it resolves no name, and its socket is watched by the loop.
//
//   kIdle --Start--> kConnecting (PQconnectPoll) --> kAsking (one query) --> kTelling --> kIdle
//
// As elsewhere, a kept connection that turns out to be dead before an answer says nothing about the
// server. What is found is told on the loop's next turn, never inside of Start. libpq may close a
// socket in any call, so a watch never outlives one.
#pragma once

#include <meridian/net/descriptor.h>
#include <meridian/net/timer.h>

#include <memory>
#include <string>
#include <string_view>

#include "probe/attempt.h"

struct pg_conn;
struct pg_result;

namespace meridian::probe {

class PostgresAttempt final : public Attempt,
                              private net::DescriptorHandler,
                              private net::TimerHandler {
 public:
  PostgresAttempt(const CheckContext& context, AttemptOwner& owner);

  Result<void> Start(const net::Address& to, const Question& question) override;
  void Point(const Question& question) override { question_ = question; }
  void Cancel() override;
  bool running() const override { return state_ != State::kIdle; }
  // What ParsePostgresStatus takes.
  const std::string& body() const override { return body_; }
  std::string detail() const override { return detail_; }

 private:
  enum class State : uint8_t { kIdle, kConnecting, kAsking, kTelling };
  struct Close {
    void operator()(pg_conn* connection) const;
  };

  void OnReady() override;
  void OnTimer(net::Timer&) override;
  void Connect();
  void GoOnConnecting();
  void Ask();
  void GoOnAsking();
  void Take(const pg_result& result);
  uint64_t Received() const;
  void Wait(bool write);
  void Broken();
  void Finish(Answer answer);

  const CheckContext& context_;
  AttemptOwner& owner_;
  const net::Address* to_ = nullptr;
  Question question_;
  std::unique_ptr<pg_conn, Close> connection_;
  std::unique_ptr<net::DescriptorWatch> watch_;  // ends before the connection does
  net::Timer told_timer_;
  std::string body_, detail_;
  State state_ = State::kIdle;
  Answer answer_ = Answer::kSelf;
  uint64_t received_before_ = 0;
  bool reused_ = false, has_result_ = false;
};

}  // namespace meridian::probe
