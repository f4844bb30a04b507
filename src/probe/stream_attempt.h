// The questions that are asked over a stream, plain or TLS: a connect (tcp), a handshake (tls), a
// request over a connection that is kept for the next question (http, https, in HTTP/1.1), or an
// agent's line.
//
//   kIdle --Start--> kConnecting --OnConnected--> kIdle (tcp, tls: good)
//                         |                  |--> kHead --head--> kBody --end--> kIdle (http)
//                         |                  `--> kLine --line or end--> kIdle (agent)
//                         `--OnError--> kIdle (bad)
//
// A kept connection that turns out to be dead before one byte of an answer came says nothing about
// the endpoint: the question is asked once more on a fresh one.
#pragma once

#include <meridian/codec/http1.h>

#include <optional>
#include <string>
#include <string_view>

#include "probe/attempt.h"
#include "probe/check_stream.h"

namespace meridian::probe {

// What an error of a stream, plain or TLS, says of the endpoint.
Answer AnswerOf(const Error& error);

class StreamAttempt final : public Attempt, private net::StreamHandler {
 public:
  StreamAttempt(net::Loop& loop, tls::Workspace& workspace, AttemptOwner& owner)
      : owner_(owner), stream_(loop, workspace) {}

  Result<void> Start(const net::Address& to, const Question& question) override;
  void Point(const Question& question) override { question_ = question; }
  void Cancel() override;
  bool running() const override { return state_ != State::kIdle; }
  const std::string& body() const override { return body_; }
  std::string detail() const override;

 private:
  enum class State : uint8_t { kIdle, kConnecting, kHead, kBody, kLine };

  void OnConnected() override;
  void OnRead(std::string_view bytes) override;
  void OnEnd() override;
  void OnDrained() override {}
  void OnError(const Error& error) override;

  Result<void> Connect();
  void Ask();
  void Broken(Answer answer);
  void ReadHead(std::string_view bytes);
  void ReadBody(std::string_view bytes);
  void ReadLine(std::string_view bytes);
  Answer Judge() const;
  void Finish(Answer answer, bool keep);

  AttemptOwner& owner_;
  const net::Address* to_ = nullptr;
  Question question_;
  CheckStream stream_;
  std::optional<codec::Http1Parser> parser_;
  std::string request_;  // made once
  std::string head_;     // of a response whose head came in several reads; else empty
  std::string body_;
  std::string failure_;  // why TLS could not be agreed on
  size_t body_bytes_ = 0;
  State state_ = State::kIdle;
  bool reused_ = false, heard_ = false, keep_alive_ = false;
  uint8_t interim_ = 0;  // 1xx responses before the one that counts
  uint16_t status_ = 0;  // of the last response; 0: none
};

}  // namespace meridian::probe
