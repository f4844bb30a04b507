// See attempt.h. HTTP as RFC 9112 by the codec; what a check asks is the same bytes each time.
#include "probe/attempt.h"

#include <array>
#include <utility>

namespace meridian::probe {
namespace {

constexpr size_t kMaxBodyBytes =
    64 * 1024;  // read to the end up to here, so that the connection can be kept
constexpr uint8_t kMaxInterim = 8;
constexpr codec::HttpLimits kLimits{.head_bytes = 16 * 1024, .fields = codec::kMaxFields};

Answer FromError(const Error& error) {
  switch (error.code) {
    case ErrorCode::kRefused:
      return Answer::kRefused;
    case ErrorCode::kUnreachable:
      return Answer::kUnreachable;
    case ErrorCode::kTimeout:
      return Answer::kTimeout;
    default:
      return Answer::kReset;
  }
}

}  // namespace

const char* Name(Answer answer) {
  switch (answer) {
    case Answer::kGood:
      return "good";
    case Answer::kRefused:
      return "refused";
    case Answer::kUnreachable:
      return "unreachable";
    case Answer::kReset:
      return "reset";
    case Answer::kTimeout:
      return "timeout";
    case Answer::kStatus:
      return "status";
    case Answer::kMalformed:
      return "malformed";
    case Answer::kSelf:
      return "self";
    case Answer::kCount:
      break;
  }
  return "";
}

Result<void> Attempt::Start(const net::Address& to, const topology::HealthCheck& check,
                            bool keep_body) {
  to_ = &to;
  keep_body_ = keep_body;
  check_ = &check;
  status_ = 0;
  if (stream_ == nullptr) return Connect();
  reused_ = true;
  Ask();
  return {};
}

Result<void> Attempt::Connect() {
  reused_ = false;
  Result<net::StreamPtr> stream = loop_.Connect(*to_, {}, *this);
  if (!stream) {
    state_ = State::kIdle;
    return tl::unexpected<Error>(stream.error());
  }
  stream_ = std::move(*stream);
  state_ = State::kConnecting;
  connect_began_ = loop_.Now();
  return {};
}

void Attempt::Cancel() {
  if (stream_ != nullptr) stream_->Reset();
  stream_.reset();
  head_ = {};
  host_ = {};
  state_ = State::kIdle;
}

void Attempt::OnConnected() {
  owner_.OnRoundTrip(loop_.Now() - connect_began_, true);
  if (check_->type == topology::CheckType::kTcp) return Finish(Answer::kGood, false);
  stream_->StartReading();
  Ask();
}

void Attempt::Ask() {
  state_ = State::kHead;
  heard_ = false;
  interim_ = 0;
  body_bytes_ = 0;
  body_.clear();
  parser_.emplace(codec::Http1Parser::Kind::kResponse, kLimits);
  if (host_.empty()) {
    host_ = !check_->host.empty() ? check_->host : to_->is_unix() ? "localhost" : to_->ToString();
  }
  const std::array<std::string_view, 5> request{
      "GET ", check_->path, " HTTP/1.1\r\nHost: ", host_,
      "\r\nUser-Agent: meridian-check\r\nAccept: */*\r\n\r\n"};
  stream_->Write(request);
}

void Attempt::OnRead(std::string_view bytes) {
  switch (state_) {
    case State::kIdle:
    case State::kConnecting:
      stream_.reset();  // nobody asked: what is on this connection cannot be trusted
      return;
    case State::kHead:
      heard_ = true;
      if (head_.empty()) return ReadHead(bytes);
      head_.append(bytes);
      return ReadHead(std::exchange(head_, {}));
    case State::kBody:
      return ReadBody(bytes);
  }
}

void Attempt::ReadHead(std::string_view bytes) {
  codec::Head head;
  for (;;) {
    parser_->ExpectResponseTo("GET");
    const Result<codec::HeadResult> result = parser_->ParseHead(bytes, head);
    if (!result) return Finish(Answer::kMalformed, false);
    if (result->progress == codec::Progress::kNeedMore) {
      head_.assign(bytes);
      return;
    }
    bytes.remove_prefix(result->consumed);
    if (head.status >= 200 || head.status == 101) break;
    if (!parser_->ParseBody({}) || ++interim_ > kMaxInterim) {
      return Finish(Answer::kMalformed, false);
    }
    if (bytes.empty()) return;
  }
  status_ = head.status;
  keep_alive_ = head.keep_alive && head.status != 101;
  state_ = State::kBody;
  ReadBody(bytes);
}

void Attempt::ReadBody(std::string_view bytes) {
  do {
    const Result<codec::BodyResult> result = parser_->ParseBody(bytes);
    if (!result) return Finish(Answer::kMalformed, false);
    body_bytes_ += result->consumed;
    if (keep_body_) body_.append(result->data);
    bytes.remove_prefix(result->consumed);
    if (result->done) return Finish(Judge(), keep_alive_ && bytes.empty());
    if (body_bytes_ > kMaxBodyBytes) return Finish(Judge(), false);
  } while (!bytes.empty());
}

Answer Attempt::Judge() const {
  const bool expected = status_ >= check_->expect_low && status_ <= check_->expect_high;
  return expected ? Answer::kGood : Answer::kStatus;
}

void Attempt::OnEnd() {
  if (state_ == State::kBody && parser_->FinishAtEnd()) return Finish(Judge(), false);
  Broken(Answer::kReset);
}

void Attempt::OnError(const Error& error) {
  Broken(FromError(error));
}

void Attempt::Broken(Answer answer) {
  stream_.reset();
  if (state_ == State::kIdle) return;
  if (!reused_ || heard_) return Finish(answer, false);
  if (!Connect()) Finish(Answer::kSelf, false);
}

void Attempt::Finish(Answer answer, bool keep) {
  state_ = State::kIdle;
  head_ = {};
  if (reused_ && stream_ != nullptr) {
    const Duration round_trip = stream_->path_info().round_trip;
    if (round_trip > Duration(0)) owner_.OnRoundTrip(round_trip, false);
  }
  if (!keep) stream_.reset();
  owner_.OnAnswer(answer);
}

}  // namespace meridian::probe
