// See grpc_attempt.h. The request is PROTOCOL-HTTP2 of gRPC's documentation.
#include "probe/grpc_attempt.h"

#include <meridian/base/text.h>

#include <array>
#include <utility>

#include "probe/check.h"
#include "probe/grpc_health.h"
#include "probe/stream_attempt.h"

namespace meridian::probe {
namespace {

constexpr size_t kMaxBodyBytes = 1024;
constexpr codec::Http2Limits kLimits{.head = {.head_bytes = 16 * 1024, .fields = 100},
                                     .streams = 1,
                                     .stream_window = 64 * 1024,
                                     .connection_window = 64 * 1024};

}  // namespace

GrpcAttempt::GrpcAttempt(const CheckContext& context, AttemptOwner& owner)
    : context_(context), owner_(owner) {}

Result<void> GrpcAttempt::Start(const net::Address& to, const Question& question) {
  to_ = &to;
  question_ = question;
  detail_.clear();
  body_.clear();
  if (connection_) {
    reused_ = true;
    if (Ask()) return {};
    Drop();
  }
  return Connect();
}

Result<void> GrpcAttempt::Connect() {
  reused_ = false;
  secure_ = nullptr;
  connect_began_ = context_.loop.Now();
  state_ = State::kConnecting;
  if (question_.tls == nullptr) {
    Result<net::StreamPtr> stream = context_.loop.Connect(*to_, {}, *this);
    if (stream) stream_ = std::move(*stream);
    if (stream) return {};
    state_ = State::kIdle;
    return tl::unexpected<Error>(stream.error());
  }
  Result<tls::StreamPtr> stream =
      tls::Connect(context_.tls, context_.loop, {*to_, {}, question_.tls, nullptr}, *this);
  if (!stream) {
    state_ = State::kIdle;
    return tl::unexpected<Error>(stream.error());
  }
  secure_ = stream->get();
  stream_ = std::move(*stream);
  return {};
}

void GrpcAttempt::Cancel() {
  if (stream_ != nullptr) stream_->Reset();
  Drop();
  state_ = State::kIdle;
}

void GrpcAttempt::Drop() {
  connection_.reset();
  call_.reset();
  stream_.reset();
}

void GrpcAttempt::OnConnected() {
  if (secure_ == nullptr) {
    owner_.OnRoundTrip(context_.loop.Now() - connect_began_, true);
  } else {
    const Duration round_trip = stream_->path_info().round_trip;
    if (round_trip > Duration(0)) owner_.OnRoundTrip(round_trip, false);
    const WallTime expires = secure_->peer_expires();
    if (expires != WallTime{}) owner_.OnCertificate(expires);
  }
  codec::Http2Handler& handler = *this;
  connection_.emplace(codec::Http2Connection::Role::kClient, kLimits, context_.http2.shared(),
                      handler);
  stream_->StartReading();
  if (!Ask()) Broken(Answer::kMalformed);
}

// False: the connection takes no more requests.
bool GrpcAttempt::Ask() {
  call_.emplace(*connection_);
  const std::string authority = to_->is_unix() ? "localhost" : to_->ToString();
  const std::array<codec::Field, 8> fields{{{":method", "POST"},
                                            {":scheme", secure_ == nullptr ? "http" : "https"},
                                            {":authority", authority},
                                            {":path", "/grpc.health.v1.Health/Check"},
                                            {"content-type", "application/grpc"},
                                            {"te", "trailers"},
                                            {"grpc-accept-encoding", "identity"},
                                            {"user-agent", "meridian-check"}}};
  if (!connection_->Request(*call_, fields, false)) return false;
  state_ = State::kAsked;
  const std::string message = GrpcHealthRequest(question_.check->grpc_service);
  const std::string_view piece = message;
  connection_->SendBody(*call_, std::span(&piece, 1), true);
  Flush();
  return true;
}

void GrpcAttempt::Flush() {
  out_.clear();
  connection_->Take(out_, kMaxBodyBytes * 16);
  if (!out_.empty()) stream_->Write(out_);
}

void GrpcAttempt::OnRead(std::string_view bytes) {
  if (!connection_) return;
  connection_->Receive(bytes, context_.loop.Now());
  Flush();
  const bool over = connection_->done();
  if (state_ != State::kAsked || !call_->found) {
    if (over) Broken(Answer::kMalformed);
    return;
  }
  if (call_->refused) return Broken(*call_->found);
  const Answer answer = *call_->found == Answer::kGood ? call_->Judge(detail_) : *call_->found;
  body_ = std::move(call_->body);
  if (over || call_->open()) Drop();
  Finish(answer);
}

void GrpcAttempt::Call::OnHead(const codec::Head& head, bool end) {
  heard = true;
  status_ = head.status;
  if (!end) return;
  const codec::Field* field = head.Find("grpc-status");
  OnEnd(std::span(field, field == nullptr ? 0 : 1));
}

void GrpcAttempt::Call::GiveUp() {
  found = Answer::kMalformed;
  connection_.Reset(*this, codec::Http2Code::kCancel);
}

void GrpcAttempt::Call::OnRefused(const Error&) {
  GiveUp();
}

void GrpcAttempt::Call::OnBody(std::string_view bytes) {
  connection_.Consumed(*this);
  if (body.size() + bytes.size() > kMaxBodyBytes) return GiveUp();
  body.append(bytes);
}

void GrpcAttempt::Call::OnEnd(std::span<const codec::Field> trailers) {
  ended_ = true;
  for (const codec::Field& field : trailers) {
    if (field.name == "grpc-status") grpc_status_ = ParseUnsigned(field.value);
  }
}

void GrpcAttempt::Call::OnClosed(codec::Http2Code code) {
  if (found) return;
  refused = code == codec::Http2Code::kRefusedStream && !heard;
  found = ended_ ? Answer::kGood : Answer::kReset;
}

// Of a whole answer.
Answer GrpcAttempt::Call::Judge(std::string& detail) const {
  if (status_ != 200) {
    detail = std::to_string(status_);
    return Answer::kStatus;
  }
  if (!grpc_status_) return Answer::kMalformed;
  if (*grpc_status_ != 0) {
    detail = "grpc-status " + std::to_string(*grpc_status_);
    return Answer::kFailed;
  }
  const std::optional<GrpcServing> serving = ParseGrpcHealthResponse(body);
  if (!serving) return Answer::kMalformed;
  if (*serving == GrpcServing::kServing) return Answer::kGood;
  detail = Name(*serving);
  return Answer::kFailed;
}

void GrpcAttempt::OnEnd() {
  Broken(Answer::kReset);
}

void GrpcAttempt::OnError(const Error& error) {
  const Answer answer = AnswerOf(error);
  if (answer == Answer::kTls) detail_ = tls::Explain(error);
  Broken(answer);
}

void GrpcAttempt::Broken(Answer answer) {
  const bool heard = call_ && call_->heard;
  Drop();
  if (state_ == State::kIdle) return;
  if (!reused_ || heard) return Finish(answer);
  if (!Connect()) Finish(Answer::kSelf);
}

void GrpcAttempt::Finish(Answer answer) {
  state_ = State::kIdle;
  owner_.OnAnswer(answer);
}

}  // namespace meridian::probe
