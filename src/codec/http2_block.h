// The fields of one HTTP/2 head as HPACK gives them, and what they mean: from pseudo-fields to the
// Head that HTTP/1 gives too (RFC 9113 section 8.3). nghttp2 has refused what breaks HTTP/2's own
// rules (order, repetition and absence of pseudo-fields, upper case, connection-specific fields,
// bytes that no value may have); what HTTP/1.1 could not say is refused here. Kept by a connection
// only while a head is being read.
#pragma once

#include <meridian/codec/http1.h>

#include <string>
#include <string_view>

#include "codec/http1_meaning.h"

namespace meridian::codec {

class FieldBlock {
 public:
  void Begin(const HttpLimits& limits);
  // Both are copied. What passes the limits is not kept, and the head refused when it is read.
  void Add(std::string_view name, std::string_view value);

  // `end`: no body follows. The views in `head` point in here. `draw` becomes the key that a
  // WebSocket's opening needs in HTTP/1.1.
  Refusal ReadRequest(bool end, uint64_t draw, Head& head);
  Refusal ReadResponse(bool end, Head& head);
  // Only the fields, without those that no trailer section may have.
  Refusal ReadTrailers(Head& head);

 private:
  struct Span {
    uint32_t at = 0, size = 0;
  };
  struct Entry {
    Span name, value;
  };
  enum class Pseudo : uint8_t { kMethod, kScheme, kAuthority, kPath, kProtocol, kStatus, kCount };

  Span Keep(std::string_view text);
  std::string_view View(Span span) const {
    return std::string_view(text_).substr(span.at, span.size);
  }
  std::string_view View(Pseudo pseudo) const { return View(pseudo_[static_cast<size_t>(pseudo)]); }
  bool TurnIntoUpgrade(uint64_t draw);
  void JoinCookies();
  void TakeFields(Head& head) const;
  Refusal ReadFields(bool end, Head& head);
  Refusal ReadTarget(Head& head) const;
  Refusal ReadTunnelTarget(Head& head) const;
  Refusal ReadHost(Head& head) const;

  HttpLimits limits_;
  std::string text_;
  std::array<Entry, kMaxFields> entries_;
  std::array<Span, static_cast<size_t>(Pseudo::kCount)> pseudo_;
  uint32_t count_ = 0;
  uint32_t bytes_ = 0;  // as RFC 9113 section 6.5.2 counts them, with 32 for each field
  uint32_t cookies_ = 0;
  bool too_large_ = false;
};

}  // namespace meridian::codec
