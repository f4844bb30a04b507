// See connection.h.
#include "admin/connection.h"

#include <meridian/base/check.h>
#include <meridian/base/format.h>

#include <array>
#include <utility>

namespace meridian::admin {
namespace {

constexpr codec::HttpLimits kLimits{.head_bytes = 16 * 1024, .fields = 100};
constexpr size_t kMaxBodyBytes = 48 * 1024;  // with its head, a request is at most 64 KiB
constexpr size_t kMaxDroppedBytes = 1024 * 1024;
constexpr Duration kIdleTimeout = std::chrono::seconds(75);
constexpr Duration kRequestTimeout = std::chrono::seconds(10);
constexpr Duration kWriteTimeout = std::chrono::seconds(30);
constexpr Duration kCloseTimeout = std::chrono::seconds(2);
constexpr Duration kHeartbeat =
    std::chrono::seconds(15);               // so that proxies keep a quiet stream open
constexpr size_t kMaxUnread = 1024 * 1024;  // of a stream

std::string HeadOf(const Response& response, bool keep_alive) {
  std::string head = Format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\n", response.status,
                            ReasonPhrase(response.status), response.content_type);
  if (!response.stream) head += Format("Content-Length: {}\r\n", response.body.size());
  if (!response.allow.empty()) head += Format("Allow: {}\r\n", response.allow);
  if (response.challenge) head += "WWW-Authenticate: Bearer\r\n";
  if (!keep_alive) head += "Connection: close\r\n";
  return head + "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\r\n";
}

}  // namespace

Connection::Connection(net::Loop& loop, ConnectionOwner& owner, net::StreamPtr stream, uint64_t id)
    : loop_(loop),
      owner_(owner),
      stream_(std::move(stream)),
      id_(id),
      timer_(*this),
      parser_(codec::Http1Parser::Kind::kRequest, kLimits) {
  stream_->SetHandler(this);
  stream_->StartReading();
  loop_.Arm(timer_, kIdleTimeout);
}

void Connection::OnRead(std::string_view bytes) {
  if (state_ == State::kClosing || state_ == State::kStreaming) {
    dropped_bytes_ += bytes.size();
    if (dropped_bytes_ > kMaxDroppedBytes) owner_.OnGone(*this);
    return;
  }
  if (in_.empty() && !in_body_) loop_.Arm(timer_, kRequestTimeout);
  in_.append(bytes);
  Advance();
}

// Takes whole requests out of `in_`, each after the one before was answered.
void Connection::Advance() {
  if (advancing_) return;
  advancing_ = true;
  while (state_ == State::kReading) {
    const Step step = in_body_ ? ReadBody() : ReadHead();
    if (step == Step::kStop) break;
    if (step == Step::kGoOn) continue;
    if (in_.empty() && !in_body_) loop_.Arm(timer_, kIdleTimeout);
    stream_->StartReading();
    break;
  }
  advancing_ = false;
}

Connection::Step Connection::ReadHead() {
  if (in_.empty()) return Step::kNeedMore;
  codec::Head head;
  const Result<codec::HeadResult> result = parser_.ParseHead(in_, head);
  if (!result) return Refuse(result.error());
  if (result->progress == codec::Progress::kNeedMore) return Step::kNeedMore;
  TakeHead(head);
  const bool target_ok = head.path.starts_with('/') && ParseTarget(head.path, request_);
  const bool continues = head.expect_continue;
  in_.erase(0, result->consumed);
  if (!target_ok) {
    Refuse(400, "bad-target", "the request's target is not a path we can read");
    return Step::kStop;
  }
  if (head.content_length > kMaxBodyBytes) {
    Refuse(413, "too-large", Format("a body has at most {} bytes", kMaxBodyBytes));
    return Step::kStop;
  }
  if (continues && in_.empty()) stream_->Write("HTTP/1.1 100 Continue\r\n\r\n");
  in_body_ = true;
  return Step::kGoOn;
}

// Copies what is needed of a head, whose views end with the bytes they stand in.
void Connection::TakeHead(const codec::Head& head) {
  request_ = {};
  request_.method = head.method;
  keep_alive_ = head.keep_alive && !head.upgrade;
  is_head_ = head.method == "HEAD";
  if (const codec::Field* field = head.Find("Authorization")) request_.authorization = field->value;
  if (const codec::Field* field = head.Find("Accept")) request_.accept = field->value;
  if (const codec::Field* field = head.Find("Last-Event-ID")) request_.last_event_id = field->value;
  request_.has_origin = head.Find("Origin") != nullptr;
}

Connection::Step Connection::ReadBody() {
  const Result<codec::BodyResult> result = parser_.ParseBody(in_);
  if (!result) return Refuse(result.error());
  request_.body.append(result->data);
  in_.erase(0, result->consumed);
  if (request_.body.size() > kMaxBodyBytes) {
    Refuse(413, "too-large", Format("a body has at most {} bytes", kMaxBodyBytes));
    return Step::kStop;
  }
  if (!result->done) return in_.empty() ? Step::kNeedMore : Step::kGoOn;
  in_body_ = false;
  state_ = State::kAnswering;
  stream_->StopReading();
  timer_.Disarm();
  owner_.OnRequest(*this, std::exchange(request_, {}));
  return Step::kGoOn;
}

Connection::Step Connection::Refuse(const Error& error) {
  const int status = error.code == ErrorCode::kTooLarge      ? 431
                     : error.code == ErrorCode::kUnsupported ? 501
                                                             : 400;
  Refuse(status, "bad-request", Format("not a request we can read: {}", error.context));
  return Step::kStop;
}

void Connection::Refuse(int status, std::string_view code, std::string_view message) {
  keep_alive_ = false;
  state_ = State::kAnswering;
  Answer(ErrorResponse(status, code, message));
}

void Connection::Answer(Response response) {
  MERIDIAN_CHECK(state_ == State::kAnswering);
  state_ = State::kWriting;
  if (response.stream) keep_alive_ = false;
  Write(response);
  owner_.OnAnswered(response.status);
  if (response.stream && !is_head_) {
    state_ = State::kStreaming;
    stream_->StartReading();  // to hear of its end
    return loop_.Arm(timer_, kHeartbeat);
  }
  if (response.afterwards) loop_.Post(std::move(response.afterwards));
  if (stream_->pending_bytes() == 0) return Written();
  loop_.Arm(timer_, kWriteTimeout);
}

void Connection::Write(const Response& response) {
  const std::string head = HeadOf(response, keep_alive_);
  const std::array<std::string_view, 2> slices{head, response.body};
  stream_->Write(std::span(slices).first(is_head_ ? 1 : 2));
}

void Connection::Send(std::string_view text) {
  stream_->Write(text);
  loop_.Arm(timer_, kHeartbeat);
  if (stream_->pending_bytes() <= kMaxUnread) return;
  stream_->Reset();
  state_ = State::kClosing;  // not at once: it may be one of many that are being told
  loop_.Arm(timer_, Duration(0));
}

void Connection::Written() {
  if (keep_alive_) {
    state_ = State::kReading;
    loop_.Arm(timer_, in_.empty() ? kIdleTimeout : kRequestTimeout);
    return Advance();
  }
  state_ = State::kClosing;
  in_ = {};
  stream_->FinishWriting();
  stream_->StartReading();
  loop_.Arm(timer_, kCloseTimeout);
}

void Connection::OnDrained() {
  if (state_ == State::kWriting) Written();
}

void Connection::OnEnd() {
  if (state_ != State::kAnswering && state_ != State::kWriting) owner_.OnGone(*this);
}

void Connection::OnError(const Error&) {
  owner_.OnGone(*this);
}

void Connection::OnTimer(net::Timer&) {
  const bool mid_request = state_ == State::kReading && (in_body_ || !in_.empty());
  if (mid_request) return Refuse(408, "too-slow", "the request did not come in time");
  if (state_ == State::kStreaming) return Send(":\n\n");
  if (state_ == State::kWriting) stream_->Reset();
  owner_.OnGone(*this);
}

}  // namespace meridian::admin
