// A connection's bytes, cut anywhere, through an Http1Parser as a proxy would drive it, told as one
// text: the same bytes must tell the same however they were cut. Used by the unit tests and by the
// fuzz target. Every call is given its own copy of exactly the bytes it may read, so that
// AddressSanitizer sees a step too far.
#pragma once

#include <meridian/base/format.h>
#include <meridian/codec/http1.h>

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace meridian::codec {

inline std::string Told(const Head& head) {
  std::string text = Format(
      "head {} {} path={} host={} authority={} status={} reason={} minor={} keep_alive={} "
      "upgrade={} expect={} "
      "framing={} length={}\n",
      head.method, head.target, head.path, head.host, head.authority, head.status, head.reason,
      head.minor, head.keep_alive, head.upgrade, head.expect_continue,
      static_cast<int>(head.framing), head.content_length);
  for (const Field& field : head) {
    text += Format("  {}={}{} id={}\n", field.name, field.value, field.hop_by_hop ? " hop" : "",
                   static_cast<int>(field.id));
  }
  return text;
}

struct Conversation {
  Http1Parser::Kind kind = Http1Parser::Kind::kRequest;
  HttpLimits limits = {};
  std::string_view answers = "GET";  // for responses: the request's method
  // Called with each head while its views are valid, with the bytes given to ParseHead and the
  // head's length.
  std::function<void(const Head&, std::string_view bytes, size_t consumed)> on_head = {};

  // `cuts` are ascending offsets into `bytes`.
  std::string Tell(std::string_view bytes, std::span<const size_t> cuts = {}) const;
};

// One side of a conversation under way.
class Teller {
 public:
  explicit Teller(const Conversation& conversation)
      : conversation_(conversation), parser_(conversation.kind, conversation.limits) {
    parser_.ExpectResponseTo(conversation.answers);
  }

  void Arrive(std::string_view bytes) {
    pending_ += bytes;
    while (!failed_ && (in_body_ ? StepBody() : StepHead())) {
    }
  }

  std::string Finish() {
    if (!failed_)
      text_ += Format("end {} {}\n", in_body_ ? "in-body" : "in-head", parser_.FinishAtEnd());
    return std::move(text_);
  }

 private:
  std::string_view Copy() {
    copy_ = std::make_unique<char[]>(pending_.size());
    std::copy(pending_.begin(), pending_.end(), copy_.get());
    return {copy_.get(), pending_.size()};
  }

  void Fail(const Error& error) {
    text_ += Format("refused {}: {}\n", Name(error.code), error.context);
    failed_ = true;
  }

  bool StepHead() {
    const std::string_view bytes = Copy();
    const Result<HeadResult> result = parser_.ParseHead(bytes, *head_);
    if (!result) {
      Fail(result.error());
      return false;
    }
    if (result->progress == Progress::kNeedMore) return false;
    text_ += Told(*head_) + "body ";
    if (conversation_.on_head) conversation_.on_head(*head_, bytes, result->consumed);
    pending_.erase(0, result->consumed);
    in_body_ = true;
    return true;
  }

  bool StepBody() {
    const std::string_view bytes = Copy();
    const Result<BodyResult> result = parser_.ParseBody(bytes);
    if (!result) {
      Fail(result.error());
      return false;
    }
    text_ += result->data;
    pending_.erase(0, result->consumed);
    if (result->done) {
      text_ += "\ndone";
      for (const Field& field : parser_.ReadTrailers(*head_))
        text_ += Format(" {}={}", field.name, field.value);
      text_ += "\n";
      in_body_ = false;
      return !pending_.empty();
    }
    return !pending_.empty();
  }

  const Conversation& conversation_;
  Http1Parser parser_;
  std::unique_ptr<Head> head_ = std::make_unique<Head>();
  std::string pending_;
  std::unique_ptr<char[]> copy_;
  std::string text_;
  bool in_body_ = false;
  bool failed_ = false;
};

inline std::string Conversation::Tell(std::string_view bytes, std::span<const size_t> cuts) const {
  Teller teller(*this);
  size_t from = 0;
  for (const size_t cut : cuts) {
    teller.Arrive(bytes.substr(from, cut - from));
    from = cut;
  }
  teller.Arrive(bytes.substr(from));
  return teller.Finish();
}

}  // namespace meridian::codec
