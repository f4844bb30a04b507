// See stream_attempt.h. HTTP as RFC 9112 by the codec; what a check asks is the same bytes each
// time.
#include "probe/stream_attempt.h"

#include <utility>

#include "probe/http_question.h"

namespace meridian::probe {
namespace {

constexpr uint8_t kMaxInterim = 8;
constexpr codec::HttpLimits kLimits{.head_bytes = 16 * 1024, .fields = codec::kMaxFields};
constexpr size_t kMaxLineBytes = 1024;

}  // namespace

Answer AnswerOf(const Error& error) {
  switch (error.code) {
    case ErrorCode::kRefused:
      return Answer::kRefused;
    case ErrorCode::kUnreachable:
      return Answer::kUnreachable;
    case ErrorCode::kTimeout:
      return Answer::kTimeout;
    case ErrorCode::kMalformed:
    case ErrorCode::kInvalid:
    case ErrorCode::kUnsupported:
      return Answer::kTls;
    default:
      return Answer::kReset;
  }
}

Result<void> StreamAttempt::Start(const net::Address& to, const Question& question) {
  to_ = &to;
  question_ = question;
  status_ = 0;
  failure_.clear();
  body_.clear();
  if (!stream_.open()) return Connect();
  reused_ = true;
  Ask();
  return {};
}

Result<void> StreamAttempt::Connect() {
  reused_ = false;
  auto opened = stream_.Open(*to_, question_, *this);
  state_ = opened ? State::kConnecting : State::kIdle;
  return opened;
}

void StreamAttempt::Cancel() {
  if (stream_.open()) stream_->Reset();
  stream_.Close();
  head_ = {};
  request_ = {};
  state_ = State::kIdle;
}

std::string StreamAttempt::detail() const {
  return status_ != 0 ? std::to_string(status_) : failure_;
}

void StreamAttempt::OnConnected() {
  stream_.TellRoute(owner_);
  switch (question_.check->type) {
    case topology::CheckType::kHttp:
    case topology::CheckType::kHttps:
      stream_->StartReading();
      return Ask();
    case topology::CheckType::kAgent:
      state_ = State::kLine;
      return stream_->StartReading();
    default:
      return Finish(Answer::kGood, false);
  }
}

void StreamAttempt::Ask() {
  state_ = State::kHead;
  heard_ = false;
  interim_ = 0;
  body_bytes_ = 0;
  parser_.emplace(codec::Http1Parser::Kind::kResponse, kLimits);
  if (request_.empty()) request_ = CheckRequest(*question_.check, *to_);
  stream_->Write(request_);
}

void StreamAttempt::OnRead(std::string_view bytes) {
  switch (state_) {
    case State::kIdle:
    case State::kConnecting:
      stream_.Close();  // nobody asked: what is on this connection cannot be trusted
      return;
    case State::kHead:
      heard_ = true;
      if (head_.empty()) return ReadHead(bytes);
      head_.append(bytes);
      return ReadHead(std::exchange(head_, {}));
    case State::kBody:
      return ReadBody(bytes);
    case State::kLine:
      return ReadLine(bytes);
  }
}

void StreamAttempt::ReadHead(std::string_view bytes) {
  codec::Head head;
  for (;;) {
    parser_->ExpectResponseTo(question_.check->method);
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

void StreamAttempt::ReadBody(std::string_view bytes) {
  const bool keeps = question_.keep_body || !question_.check->expect_body.empty();
  do {
    const Result<codec::BodyResult> result = parser_->ParseBody(bytes);
    if (!result) return Finish(Answer::kMalformed, false);
    body_bytes_ += result->consumed;
    if (keeps) body_.append(result->data);
    bytes.remove_prefix(result->consumed);
    if (result->done) return Finish(Judge(), keep_alive_ && bytes.empty());
    if (body_bytes_ > kMaxCheckBody) return Finish(Judge(), false);
  } while (!bytes.empty());
}

// Up to a line's end; what an agent says behind it is of no interest.
void StreamAttempt::ReadLine(std::string_view bytes) {
  const size_t end = bytes.find_first_of("\r\n");
  body_.append(bytes.substr(0, end));
  if (body_.size() > kMaxLineBytes) return Finish(Answer::kMalformed, false);
  if (end != std::string_view::npos) Finish(Answer::kGood, false);
}

Answer StreamAttempt::Judge() const {
  return JudgeResponse(*question_.check, status_, body_);
}

void StreamAttempt::OnEnd() {
  if (state_ == State::kBody && parser_->FinishAtEnd()) return Finish(Judge(), false);
  if (state_ == State::kLine && !body_.empty()) return Finish(Answer::kGood, false);
  Broken(Answer::kReset);
}

void StreamAttempt::OnError(const Error& error) {
  const Answer answer = AnswerOf(error);
  if (answer == Answer::kTls) failure_ = tls::Explain(error);
  Broken(answer);
}

void StreamAttempt::Broken(Answer answer) {
  stream_.Close();
  if (state_ == State::kIdle) return;
  if (!reused_ || heard_) return Finish(answer, false);
  if (!Connect()) Finish(Answer::kSelf, false);
}

void StreamAttempt::Finish(Answer answer, bool keep) {
  state_ = State::kIdle;
  head_ = {};
  if (reused_ && stream_.open()) stream_.TellRoundTrip(owner_);
  if (!keep) stream_.Close();
  owner_.OnAnswer(answer);
}

}  // namespace meridian::probe
