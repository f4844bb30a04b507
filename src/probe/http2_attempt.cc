// See http2_attempt.h. A request for gRPC is PROTOCOL-HTTP2 of its documentation.
#include "probe/http2_attempt.h"

#include <meridian/base/text.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "probe/check.h"
#include "probe/grpc_health.h"
#include "probe/http_question.h"
#include "probe/stream_attempt.h"

namespace meridian::probe {
namespace {

constexpr size_t kMaxMessage = 1024;   // of gRPC
constexpr size_t kMaxOut = 16 * 1024;  // of what is sent at once
constexpr codec::Http2Limits kLimits{.head = {.head_bytes = 16 * 1024, .fields = 100},
                                     .streams = 1,
                                     .stream_window = 64 * 1024,
                                     .connection_window = 64 * 1024};

}  // namespace

Http2Attempt::Http2Attempt(const CheckContext& context, AttemptOwner& owner)
    : context_(context), owner_(owner), stream_(context.loop, context.tls) {}

Result<void> Http2Attempt::Start(const net::Address& to, const Question& question) {
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

Result<void> Http2Attempt::Connect() {
  reused_ = false;
  auto opened = stream_.Open(*to_, question_, *this);
  state_ = opened ? State::kConnecting : State::kIdle;
  return opened;
}

void Http2Attempt::Cancel() {
  if (stream_.open()) stream_->Reset();
  Drop();
  state_ = State::kIdle;
}

void Http2Attempt::Drop() {
  connection_.reset();
  call_.reset();
  stream_.Close();
}

void Http2Attempt::OnConnected() {
  stream_.TellRoute(owner_);
  codec::Http2Handler& handler = *this;
  connection_.emplace(codec::Http2Connection::Role::kClient, kLimits, context_.http2.shared(),
                      handler);
  stream_->StartReading();
  if (!Ask()) Broken(Answer::kMalformed);
}

// False: the connection takes no more requests.
bool Http2Attempt::Ask() {
  call_.emplace(*connection_, *question_.check);
  const bool is_grpc = question_.check->type == topology::CheckType::kGrpc;
  if (!(is_grpc ? AskGrpc() : AskHttp())) return false;
  state_ = State::kAsked;
  Flush();
  return true;
}

bool Http2Attempt::AskGrpc() {
  const std::string authority = CheckHost(*question_.check, *to_);
  const std::array<codec::Field, 8> fields{{{":method", "POST"},
                                            {":scheme", stream_.is_secure() ? "https" : "http"},
                                            {":authority", authority},
                                            {":path", "/grpc.health.v1.Health/Check"},
                                            {"content-type", "application/grpc"},
                                            {"te", "trailers"},
                                            {"grpc-accept-encoding", "identity"},
                                            {"user-agent", "meridian-check"}}};
  if (!connection_->Request(*call_, fields, false)) return false;
  const std::string message = GrpcHealthRequest(question_.check->grpc_service);
  const std::string_view piece = message;
  connection_->SendBody(*call_, std::span(&piece, 1), true);
  return true;
}

bool Http2Attempt::AskHttp() {
  const topology::HealthCheck& check = *question_.check;
  const std::string authority = CheckHost(check, *to_);
  auto headers = CheckHeaders(check);
  for (auto& header : headers) header.first = LowerAscii(header.first);
  std::vector<codec::Field> fields{{":method", check.method},
                                   {":scheme", stream_.is_secure() ? "https" : "http"},
                                   {":authority", authority},
                                   {":path", check.path}};
  for (const auto& [name, value] : headers) fields.push_back({name, value});
  return connection_->Request(*call_, fields, true);
}

void Http2Attempt::Flush() {
  out_.clear();
  connection_->Take(out_, kMaxOut);
  if (!out_.empty()) stream_->Write(out_);
}

void Http2Attempt::OnRead(std::string_view bytes) {
  if (!connection_) return;
  connection_->Receive(bytes, context_.loop.Now());
  Flush();
  const bool over = connection_->done();
  if (state_ != State::kAsked || !call_->found) {
    if (over) Broken(Answer::kMalformed);
    return;
  }
  if (call_->refused) return Broken(*call_->found);
  const Answer answer =
      *call_->found == Answer::kGood ? call_->Judge(*question_.check, detail_) : *call_->found;
  body_ = std::move(call_->body);
  if (reused_) stream_.TellRoundTrip(owner_);
  if (over || call_->open()) Drop();
  Finish(answer);
}

void Http2Attempt::Call::OnHead(const codec::Head& head, bool end) {
  heard = true;
  status_ = head.status;
  if (!end) return;
  const codec::Field* field = head.Find("grpc-status");
  OnEnd(std::span(field, field == nullptr ? 0 : 1));
}

void Http2Attempt::Call::GiveUp() {
  found = Answer::kMalformed;
  connection_.Reset(*this, codec::Http2Code::kCancel);
}

void Http2Attempt::Call::OnRefused(const Error&) {
  GiveUp();
}

void Http2Attempt::Call::OnBody(std::string_view bytes) {
  connection_.Consumed(*this);
  if (is_grpc_ && body.size() + bytes.size() > kMaxMessage) return GiveUp();
  body.append(bytes.substr(0, kMaxCheckBody - std::min(body.size(), kMaxCheckBody)));
  if (body.size() < kMaxCheckBody || found) return;
  found = Answer::kGood;  // enough of it to judge by
  connection_.Reset(*this, codec::Http2Code::kCancel);
}

void Http2Attempt::Call::OnEnd(std::span<const codec::Field> trailers) {
  ended_ = true;
  for (const codec::Field& field : trailers) {
    if (field.name == "grpc-status") grpc_status_ = ParseUnsigned(field.value);
  }
}

void Http2Attempt::Call::OnClosed(codec::Http2Code code) {
  if (found) return;
  refused = code == codec::Http2Code::kRefusedStream && !heard;
  found = ended_ ? Answer::kGood : Answer::kReset;
}

Answer Http2Attempt::Call::Judge(const topology::HealthCheck& check, std::string& detail) const {
  if (!is_grpc_) {
    detail = std::to_string(status_);
    return JudgeResponse(check, status_, body);
  }
  if (status_ == 200) return JudgeGrpc(detail);
  detail = std::to_string(status_);
  return Answer::kStatus;
}

Answer Http2Attempt::Call::JudgeGrpc(std::string& detail) const {
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

void Http2Attempt::OnEnd() {
  Broken(Answer::kReset);
}

void Http2Attempt::OnError(const Error& error) {
  const Answer answer = AnswerOf(error);
  if (answer == Answer::kTls) detail_ = tls::Explain(error);
  Broken(answer);
}

void Http2Attempt::Broken(Answer answer) {
  const bool heard = call_ && call_->heard;
  Drop();
  if (state_ == State::kIdle) return;
  if (!reused_ || heard) return Finish(answer);
  if (!Connect()) Finish(Answer::kSelf);
}

void Http2Attempt::Finish(Answer answer) {
  state_ = State::kIdle;
  owner_.OnAnswer(answer);
}

}  // namespace meridian::probe
