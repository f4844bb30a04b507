// A question over HTTP/2, plain (by prior knowledge) or over TLS, on a connection that is kept for
// the next one: grpc.health.v1.Health/Check, or what an http or https check asks.
//
//   kIdle --Start--> kConnecting --OnConnected--> kAsked --stream closed--> kIdle
//                         `--OnError--> kIdle (bad)
//
// As with HTTP/1.1, a kept connection that turns out to be dead before an answer began says nothing
// about the endpoint. What a callback of the codec finds is told when the codec has returned.
#pragma once

#include <meridian/codec/http2.h>

#include <optional>
#include <string>
#include <string_view>

#include "probe/attempt.h"
#include "probe/check_stream.h"

namespace meridian::probe {

class Http2Attempt final : public Attempt, private net::StreamHandler, private codec::Http2Handler {
 public:
  Http2Attempt(const CheckContext& context, AttemptOwner& owner);

  Result<void> Start(const net::Address& to, const Question& question) override;
  void Point(const Question& question) override { question_ = question; }
  void Cancel() override;
  bool running() const override { return state_ != State::kIdle; }
  const std::string& body() const override { return body_; }
  std::string detail() const override { return detail_; }

 private:
  enum class State : uint8_t { kIdle, kConnecting, kAsked };

  // One request: what has come of its answer, and what to make of it once that is sure.
  class Call final : public codec::Http2Stream {
   public:
    Call(codec::Http2Connection& connection, const topology::HealthCheck& check)
        : connection_(connection), is_grpc_(check.type == topology::CheckType::kGrpc) {}
    // Of a whole answer. `detail` gets its gist.
    Answer Judge(const topology::HealthCheck& check, std::string& detail) const;

    std::string body;
    std::optional<Answer> found;
    bool heard = false, refused = false;

   private:
    void OnHead(const codec::Head& head, bool end) override;
    void OnRefused(const Error& error) override;
    void OnBody(std::string_view bytes) override;
    void OnEnd(std::span<const codec::Field> trailers) override;
    void OnDrained() override {}
    void OnClosed(codec::Http2Code code) override;
    void GiveUp();
    Answer JudgeGrpc(std::string& detail) const;

    codec::Http2Connection& connection_;
    const bool is_grpc_;
    std::optional<uint64_t> grpc_status_;
    uint16_t status_ = 0;
    bool ended_ = false;
  };

  void OnConnected() override;
  void OnRead(std::string_view bytes) override;
  void OnEnd() override;
  void OnDrained() override {}
  void OnError(const Error& error) override;

  Result<void> Connect();
  bool Ask();
  bool AskGrpc();
  bool AskHttp();
  void Flush();
  void Drop();
  void Broken(Answer answer);
  void Finish(Answer answer);

  const CheckContext& context_;
  AttemptOwner& owner_;
  const net::Address* to_ = nullptr;
  Question question_;
  CheckStream stream_;
  std::optional<Call> call_;  // outlives the connection it is on
  std::optional<codec::Http2Connection> connection_;
  std::string body_, detail_, out_;
  State state_ = State::kIdle;
  bool reused_ = false;
};

}  // namespace meridian::probe
