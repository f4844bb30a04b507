// See http2_block.h.
#include "codec/http2_block.h"

#include <meridian/base/hash.h>
#include <meridian/base/text.h>

#include "codec/http1_authority.h"
#include "codec/http1_chars.h"
#include "codec/http1_field.h"

namespace meridian::codec {
namespace {

constexpr uint32_t kFieldOverhead = 32;  // RFC 9113 section 6.5.2
constexpr Refusal kNothing{};

Refusal Malformed(const char* context) {
  return {ErrorCode::kMalformed, context};
}

}  // namespace

void FieldBlock::Begin(const HttpLimits& limits) {
  limits_ = limits;
  text_.clear();
  pseudo_ = {};
  count_ = bytes_ = cookies_ = 0;
  too_large_ = false;
}

FieldBlock::Span FieldBlock::Keep(std::string_view text) {
  const Span span{static_cast<uint32_t>(text_.size()), static_cast<uint32_t>(text.size())};
  text_.append(text);
  return span;
}

void FieldBlock::Add(std::string_view name, std::string_view value) {
  const size_t bytes = name.size() + value.size() + kFieldOverhead;
  const bool pseudo = name.starts_with(':');
  if (too_large_ || bytes > limits_.head_bytes - bytes_ ||
      (!pseudo && count_ == std::min(limits_.fields, kMaxFields))) {
    too_large_ = true;
    return;
  }
  bytes_ += static_cast<uint32_t>(bytes);
  if (!pseudo) {
    if (name == "cookie") ++cookies_;
    const Span kept = Keep(name);
    entries_[count_++] = {kept, Keep(value)};
    return;
  }
  Pseudo which = Pseudo::kMethod;
  if (name == ":scheme") which = Pseudo::kScheme;
  if (name == ":authority") which = Pseudo::kAuthority;
  if (name == ":path") which = Pseudo::kPath;
  if (name == ":protocol") which = Pseudo::kProtocol;
  if (name == ":status") which = Pseudo::kStatus;
  pseudo_[static_cast<size_t>(which)] = Keep(value);
}

// RFC 8441: what opens a WebSocket here is GET with Upgrade and a key there (RFC 6455 section 4.1).
// The key proves only that the server speaks the protocol, so any that differ will do.
bool FieldBlock::TurnIntoUpgrade(uint64_t draw) {
  if (!EqualIgnoringCase(View(Pseudo::kProtocol), "websocket")) return false;
  uint32_t kept = 0;
  for (uint32_t i = 0; i < count_; ++i) {
    if (View(entries_[i].name) != "sec-websocket-key") entries_[kept++] = entries_[i];
  }
  count_ = kept;
  if (count_ + 2 > kMaxFields) return false;
  std::array<char, 24> key;  // 16 bytes in base64: the last two bits of 22 characters, and padding
  for (size_t i = 0; i < 21; ++i) {
    draw = Mix(draw);
    key[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[draw % 64];
  }
  key[21] = "AQgw"[Mix(draw) % 4];
  key[22] = key[23] = '=';
  const Span upgrade = Keep("Upgrade");
  entries_[count_++] = {upgrade, Keep("websocket")};
  const Span name = Keep("Sec-WebSocket-Key");
  entries_[count_++] = {name, Keep({key.data(), key.size()})};
  pseudo_[static_cast<size_t>(Pseudo::kMethod)] = Keep("GET");
  return true;
}

// RFC 9113 section 8.2.3: a Cookie may come in pieces; HTTP/1.1 has one.
void FieldBlock::JoinCookies() {
  if (cookies_ < 2) return;
  Entry* first = nullptr;
  Span joined{static_cast<uint32_t>(text_.size()), 0};
  uint32_t kept = 0;
  text_.reserve(2 * text_.size() + 2 * cookies_);  // so that views into it stay while it grows
  for (uint32_t i = 0; i < count_; ++i) {
    const Entry entry = entries_[i];
    const bool cookie = View(entry.name) == "cookie";
    if (cookie) {
      if (first != nullptr) text_.append("; ");
      text_.append(View(entry.value));
    }
    if (cookie && first != nullptr) continue;
    entries_[kept] = entry;
    if (cookie) first = &entries_[kept];
    ++kept;
  }
  joined.size = static_cast<uint32_t>(text_.size()) - joined.at;
  first->value = joined;
  count_ = kept;
}

void FieldBlock::TakeFields(Head& head) const {
  head.field_count = count_;
  for (uint32_t i = 0; i < count_; ++i) {
    Field& field = head.fields[i];
    field.name = View(entries_[i].name);
    field.value = View(entries_[i].value);
    field.id = RecogniseField(field.name);
    field.hop_by_hop = IsHopByHop(field.id);
  }
}

// CONNECT has an authority alone, with its port (RFC 9113 section 8.5).
Refusal FieldBlock::ReadTunnelTarget(Head& head) const {
  head.target = View(Pseudo::kAuthority);
  head.path = head.target.substr(head.target.size());
  const auto authority = ReadAuthority(head.target);
  const bool port = authority && authority->whole.size() > authority->host.size();
  return port ? kNothing : Malformed("bad-target");
}

Refusal FieldBlock::ReadTarget(Head& head) const {
  head.target = head.path = View(Pseudo::kPath);
  const std::string_view scheme = View(Pseudo::kScheme);
  if (!EqualIgnoringCase(scheme, "http") && !EqualIgnoringCase(scheme, "https"))
    return Malformed("bad-scheme");
  const bool asterisk = head.path == "*" && head.method == "OPTIONS";
  if (!asterisk && (!head.path.starts_with('/') || !AllAre(head.path, kTargetChar)))
    return Malformed("bad-target");
  return kNothing;
}

// RFC 9113 section 8.3.1: :authority takes Host's place, and a Host that says otherwise is refused.
Refusal FieldBlock::ReadHost(Head& head) const {
  std::string_view name = View(Pseudo::kAuthority);
  const Field* host = nullptr;
  for (const Field& field : head) {
    if (field.id != FieldId::kHost) continue;
    if (host != nullptr) return Malformed("repeated-host");
    host = &field;
  }
  if (host != nullptr && !name.empty() && !EqualIgnoringCase(host->value, name))
    return Malformed("two-hosts");
  if (name.empty() && host != nullptr) name = host->value;
  if (name.empty()) return Malformed("missing-host");
  const auto authority = ReadAuthority(name);
  if (!authority) return Malformed("bad-host");
  head.authority = authority->whole;
  head.host = authority->host;
  return kNothing;
}

// What requests and responses have in common.
Refusal FieldBlock::ReadFields(bool end, Head& head) {
  head.method = View(Pseudo::kMethod);
  head.target = head.path = head.host = head.authority = head.reason = {};
  head.status = 0;
  head.minor = 1;
  head.keep_alive = true;
  head.upgrade = head.expect_continue = false;
  head.content_length = 0;
  head.framing = end ? Framing::kNone : Framing::kChunked;
  TakeFields(head);
  if (too_large_) return {ErrorCode::kTooLarge, "head-too-large"};
  bool has_length = false;
  for (const Field& field : head) {
    if (!AllAre(field.value, kValueChar)) return Malformed("bad-value");
    if (field.id == FieldId::kExpect)
      head.expect_continue |= EqualIgnoringCase(field.value, "100-continue");
    if (field.id != FieldId::kContentLength) continue;
    const auto length = ParseUnsigned(field.value);
    if (!length) return Malformed("bad-length");
    if (std::exchange(has_length, true)) return Malformed("repeated-length");
    head.framing = Framing::kLength;
    head.content_length = *length;
  }
  return kNothing;
}

Refusal FieldBlock::ReadRequest(bool end, uint64_t draw, Head& head) {
  JoinCookies();
  const bool connect = View(Pseudo::kMethod) == "CONNECT";
  const bool websocket = connect && !end && TurnIntoUpgrade(draw);
  const bool tunnel = connect && !end && View(Pseudo::kProtocol).empty();
  if (const Refusal refusal = ReadFields(end, head)) return refusal;
  if (!IsToken(head.method)) return Malformed("bad-method");
  if (connect && !websocket && !tunnel) return {ErrorCode::kUnsupported, "connect"};
  if (connect && head.framing == Framing::kLength) return Malformed("length-in-connect");
  if (connect) head.framing = Framing::kNone;
  head.upgrade = connect;
  if (const Refusal refusal = tunnel ? ReadTunnelTarget(head) : ReadTarget(head)) return refusal;
  return ReadHost(head);
}

// A body of unknown length counts as chunked. What may have no body (204, 304, an answer to HEAD)
// has a length all the same if it says so.
Refusal FieldBlock::ReadResponse(bool end, Head& head) {
  if (const Refusal refusal = ReadFields(end, head)) return refusal;
  const auto status = ParseUnsigned(View(Pseudo::kStatus));
  if (!status || *status < 100 || *status > 999 || *status == 101) return Malformed("bad-status");
  head.status = static_cast<uint16_t>(*status);
  return kNothing;
}

Refusal FieldBlock::ReadTrailers(Head& head) {
  TakeFields(head);
  if (too_large_) return {ErrorCode::kTooLarge, "trailers-too-large"};
  uint32_t kept = 0;
  for (uint32_t i = 0; i < head.field_count; ++i) {
    if (MayBeTrailer(head.fields[i].name)) head.fields[kept++] = head.fields[i];
  }
  head.field_count = kept;
  return kNothing;
}

}  // namespace meridian::codec
