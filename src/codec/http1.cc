// See http1.h. A head is handled in two steps: its end is looked for line by line as bytes arrive,
// remembering where it stopped (so a client that sends byte by byte costs no more than one that
// does not), then the whole is read at once. Faults of the first step are found in the order of the
// bytes, and the second sees only whole heads; so how the bytes were split never shows.
#include <meridian/base/check.h>
#include <meridian/base/text.h>
#include <meridian/codec/http1.h>

#include <algorithm>
#include <cstring>

#include "codec/http1_chars.h"
#include "codec/http1_head.h"
#include "codec/http1_meaning.h"

namespace meridian::codec {
namespace {

constexpr uint32_t kMaxMethod = 24;  // the longest registered one has 17 letters
constexpr char kTlsHandshake = 0x16;
constexpr std::string_view kResponseOpening = "HTTP/";

// Contexts that ask for another code than kMalformed.
constexpr const char* kTooManyFields = "too-many-fields";

}  // namespace

const Field* Head::Find(FieldId id) const {
  for (const Field& field : *this) {
    if (field.id == id) return &field;
  }
  return nullptr;
}

const Field* Head::Find(std::string_view name) const {
  for (const Field& field : *this) {
    if (EqualIgnoringCase(field.name, name)) return &field;
  }
  return nullptr;
}

Http1Parser::Http1Parser(Kind kind, const HttpLimits& limits) : kind_(kind), limits_(limits) {
  MERIDIAN_CHECK(limits.fields <= kMaxFields);
}

tl::unexpected<Error> Http1Parser::Refuse(ErrorCode code, const char* context) const {
  return Fail(code, context, 0, kind_ == Kind::kRequest ? Side::kClient : Side::kBackend);
}

// The first bytes: what can never become a message is refused by them, not by the limit of a head.
const char* Http1Parser::ScanOpening(std::string_view bytes) {
  for (; scan_.position < bytes.size(); ++scan_.position) {
    const char byte = bytes[scan_.position];
    const uint32_t offset = scan_.position - scan_.head;
    if (kind_ == Kind::kResponse) {
      if (byte != kResponseOpening[offset]) return "bad-version";
      if (offset + 1 < kResponseOpening.size()) continue;
    } else {
      if (Is(byte, kTokenChar) && offset < kMaxMethod) continue;
      if (byte == kTlsHandshake && offset == 0) return "tls-on-plain-port";
      if (byte != ' ' || offset == 0) return "bad-method";
    }
    scan_.state = ScanState::kStartLine;
    return nullptr;
  }
  return nullptr;
}

// One line of the head, without its LF, that is not the empty one.
const char* Http1Parser::ScanLine(std::string_view line) {
  if (line.empty() || line.back() != '\r') return "bare-lf";
  if (line[0] == ' ' || line[0] == '\t') return "obs-fold";
  if (++scan_.fields > limits_.fields) return kTooManyFields;
  return nullptr;
}

// The length of the head once its empty line is there, else 0.
Result<size_t> Http1Parser::FindHeadEnd(std::string_view bytes) {
  const std::string_view window = bytes.substr(0, limits_.head_bytes);
  if (scan_.state == ScanState::kStart && !window.empty()) {
    const bool empty_line = kind_ == Kind::kRequest && window[0] == '\r';
    scan_.position = empty_line ? 1 : 0;
    scan_.state = empty_line ? ScanState::kEmptyLine : ScanState::kOpening;
  }
  if (scan_.state == ScanState::kEmptyLine && window.size() > 1) {
    if (window[1] != '\n') return Refuse(ErrorCode::kMalformed, "bare-cr");
    scan_.head = scan_.line = scan_.position = 2;
    scan_.state = ScanState::kOpening;
  }
  if (scan_.state == ScanState::kOpening) {
    if (const char* fault = ScanOpening(window)) return Refuse(ErrorCode::kMalformed, fault);
  }
  while (scan_.state >= ScanState::kStartLine && scan_.position < window.size()) {
    const char* from = window.data() + scan_.position;
    const void* lf = std::memchr(from, '\n', window.size() - scan_.position);
    if (lf == nullptr) {
      scan_.position = static_cast<uint32_t>(window.size());
      break;
    }
    const auto end = static_cast<uint32_t>(static_cast<const char*>(lf) - window.data());
    const std::string_view line = window.substr(scan_.line, end - scan_.line);
    if (scan_.state == ScanState::kStartLine) {
      if (line.back() != '\r') return Refuse(ErrorCode::kMalformed, "bare-lf");
      if (const Refusal refusal = CheckStartLine(kind_, line.substr(0, line.size() - 1))) {
        return Refuse(refusal.code, refusal.context);
      }
      scan_.state = ScanState::kFields;
    } else if (line == "\r") {
      return end + 1;
    } else if (const char* fault = ScanLine(line)) {
      return Refuse(fault == kTooManyFields ? ErrorCode::kTooLarge : ErrorCode::kMalformed, fault);
    }
    scan_.line = scan_.position = end + 1;
  }
  if (window.size() == limits_.head_bytes) return Refuse(ErrorCode::kTooLarge, "head-too-large");
  return 0;
}

Result<HeadResult> Http1Parser::ParseHead(std::string_view bytes, Head& head) {
  const Result<size_t> end = FindHeadEnd(bytes);
  if (!end) return tl::unexpected<Error>(end.error());
  if (*end == 0) return HeadResult{};
  Refusal refusal = ReadHead(kind_, bytes.substr(scan_.head, *end - scan_.head), head);
  if (!refusal) {
    refusal = kind_ == Kind::kRequest ? InterpretRequest(head)
                                      : InterpretResponse(head, answers_ == Answers::kHead,
                                                          answers_ == Answers::kConnect);
  }
  if (refusal) return Refuse(refusal.code, refusal.context);
  scan_ = {};
  framing_ = head.framing;
  chunk_ = ChunkState::kSize;
  chunk_digits_ = 0;
  overhead_bytes_ = 0;
  trailer_count_ = 0;
  trailers_.reset();
  remaining_ = head.content_length;
  return HeadResult{Progress::kDone, *end};
}

Result<BodyResult> Http1Parser::ParseBody(std::string_view bytes) {
  switch (framing_) {
    case Framing::kNone:
      return BodyResult{0, {}, true};
    case Framing::kLength: {
      const size_t size = static_cast<size_t>(std::min<uint64_t>(remaining_, bytes.size()));
      remaining_ -= size;
      return BodyResult{size, bytes.substr(0, size), remaining_ == 0};
    }
    case Framing::kChunked:
      return ParseChunked(bytes);
    case Framing::kUntilClose:
      return BodyResult{bytes.size(), bytes, false};
  }
  return BodyResult{0, {}, true};
}

bool Http1Parser::FinishAtEnd() const {
  return framing_ == Framing::kUntilClose;
}

void Http1Parser::ExpectResponseTo(std::string_view method) {
  answers_ = method == "HEAD"      ? Answers::kHead
             : method == "CONNECT" ? Answers::kConnect
                                   : Answers::kOther;
}

}  // namespace meridian::codec
