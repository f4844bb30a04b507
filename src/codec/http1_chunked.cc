// The chunked coding (RFC 9112 section 7.1), byte by byte outside the data:
//
//   chunk   = 1*16 hex digits [";" extension] CRLF data CRLF
//   message = chunks, a chunk of size 0 without data, trailer fields, CRLF
//
// Nothing optional is accepted: no space after a size, no bare LF, no obs-fold. Each step looks
// before it changes anything, so that a fault behind data can be left for the next call.
#include <meridian/codec/http1.h>

#include <meridian/base/text.h>

#include <algorithm>

#include "codec/http1_chars.h"
#include "codec/http1_field.h"

namespace meridian::codec {
namespace {

constexpr uint8_t kMaxSizeDigits = 16;  // what 64 bits hold
constexpr const char* kBadChunk = "bad-chunk";
constexpr const char* kBareLf = "bare-lf";
constexpr const char* kBadTrailer = "bad-trailer";
constexpr const char* kOverhead = "chunk-overhead-too-large";
constexpr const char* kTooManyTrailers = "too-many-trailers";

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

bool Http1Parser::CountOverhead() {
  if (overhead_bytes_ >= limits_.head_bytes) return false;
  ++overhead_bytes_;
  return true;
}

const char* Http1Parser::SizeStep(char byte) {
  if (const int digit = HexDigit(byte); digit >= 0) {
    if (chunk_digits_ == kMaxSizeDigits) return kBadChunk;
    ++chunk_digits_;
    remaining_ = remaining_ << 4 | static_cast<uint64_t>(digit);
    return nullptr;
  }
  if (byte == '\n') return kBareLf;
  if (chunk_digits_ == 0 || (byte != '\r' && byte != ';')) return kBadChunk;
  chunk_ = byte == '\r' ? ChunkState::kSizeLf : ChunkState::kExtension;
  return nullptr;
}

const char* Http1Parser::BeginTrailer() {
  if (trailer_count_ == limits_.fields) return kTooManyTrailers;
  if (!CountOverhead()) return kOverhead;
  ++trailer_count_;
  if (!trailers_) trailers_ = std::make_unique<std::string>();
  chunk_ = ChunkState::kTrailerName;
  return nullptr;
}

const char* Http1Parser::TrailerStep(char byte) {
  if (chunk_ == ChunkState::kTrailerLf) {
    if (byte != '\n') return "bare-cr";
    trailers_->push_back(byte);
    chunk_ = ChunkState::kTrailerStart;
    return nullptr;
  }
  if (byte == '\n') return kBareLf;
  if (chunk_ == ChunkState::kTrailerStart && byte == '\r') {
    chunk_ = ChunkState::kEndLf;
    return nullptr;
  }
  if (chunk_ == ChunkState::kTrailerValue && byte == '\r') {
    chunk_ = ChunkState::kTrailerLf;
    return nullptr;
  }
  const bool colon = chunk_ == ChunkState::kTrailerName && byte == ':';
  if (!colon && !Is(byte, chunk_ == ChunkState::kTrailerValue ? kValueChar : kTokenChar))
    return kBadTrailer;
  if (chunk_ == ChunkState::kTrailerStart) {
    if (const char* fault = BeginTrailer()) return fault;
  } else if (!CountOverhead()) {
    return kOverhead;
  }
  trailers_->push_back(byte);
  if (colon) chunk_ = ChunkState::kTrailerValue;
  return nullptr;
}

std::span<const Field> Http1Parser::ReadTrailers(Head& head) const {
  head.field_count = 0;
  if (!trailers_) return {};
  for (std::string_view rest = *trailers_; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(line.size() + 1);
    const size_t colon = line.find(':');
    const std::string_view name = line.substr(0, colon);
    if (!MayBeTrailer(name)) continue;
    head.fields[head.field_count++] = {name, TrimSpace(line.substr(colon + 1))};
  }
  return {head.begin(), head.end()};
}

// Takes one byte of the framing; null, or the fault.
const char* Http1Parser::ChunkStep(char byte) {
  switch (chunk_) {
    case ChunkState::kSize:
      return SizeStep(byte);
    case ChunkState::kExtension:
      if (byte == '\n') return kBareLf;
      if (byte == '\r') {
        chunk_ = ChunkState::kSizeLf;
        return nullptr;
      }
      if (!Is(byte, kValueChar)) return kBadChunk;
      return CountOverhead() ? nullptr : kOverhead;
    case ChunkState::kSizeLf:
      if (byte != '\n') return kBadChunk;
      chunk_ = remaining_ == 0 ? ChunkState::kTrailerStart : ChunkState::kData;
      chunk_digits_ = 0;
      return nullptr;
    case ChunkState::kDataCr:
      if (byte != '\r') return kBadChunk;
      chunk_ = ChunkState::kDataLf;
      return nullptr;
    case ChunkState::kDataLf:
      if (byte != '\n') return kBadChunk;
      chunk_ = ChunkState::kSize;
      return nullptr;
    case ChunkState::kEndLf:
      if (byte != '\n') return kBadChunk;
      framing_ = Framing::kNone;
      return nullptr;
    default:
      return TrailerStep(byte);
  }
}

Result<BodyResult> Http1Parser::ParseChunked(std::string_view bytes) {
  BodyResult result;
  size_t position = 0;
  while (position < bytes.size() && framing_ == Framing::kChunked) {
    if (chunk_ != ChunkState::kData) {
      const char* fault = ChunkStep(bytes[position]);
      if (fault == nullptr) {
        ++position;
        continue;
      }
      if (!result.data.empty()) break;
      const bool large = fault == kOverhead || fault == kTooManyTrailers;
      return Refuse(large ? ErrorCode::kTooLarge : ErrorCode::kMalformed, fault);
    }
    if (!result.data.empty()) break;
    const size_t size =
        static_cast<size_t>(std::min<uint64_t>(remaining_, bytes.size() - position));
    result.data = bytes.substr(position, size);
    position += size;
    remaining_ -= size;
    if (remaining_ == 0) chunk_ = ChunkState::kDataCr;
  }
  result.consumed = position;
  result.done = framing_ == Framing::kNone;
  return result;
}

}  // namespace meridian::codec
