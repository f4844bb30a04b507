// What names a request across programs: X-Request-Id, and the W3C Trace Context
// (https://www.w3.org/TR/trace-context/, Level 1). What a client sends is passed on or, where it is
// missing, malformed or not to be believed, begun here. Nothing is kept; any thread.
#pragma once

#include <meridian/codec/http1.h>
#include <meridian/snapshot/header_edits.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace meridian::proxy {

inline constexpr size_t kMaxRequestId = 128;

// What a request is called if nobody has named it yet.
struct Correlation {
  std::array<uint64_t, 2> id{};  // of the request, and of a trace that begins with it
  uint64_t span = 0;
};

// 1 to kMaxRequestId printable ASCII characters, no space, quote, comma, semicolon or backslash: it
// goes into logs and headers as it is.
bool IsRequestId(std::string_view value);

// version "-" trace-id "-" parent-id "-" flags (section 3.2): lower-case hex, neither id all
// zeros, version not ff; versions above 00 may go on behind another "-".
bool IsTraceparent(std::string_view value);

// The request's id: a trusted peer's if it sent one, and one only; else the fresh one.
void AppendRequestId(const codec::Head& head, bool peer_trusted, const Correlation& fresh,
                     std::string& out);

// Appends the fields X-Request-Id, traceparent and tracestate of a request, but for those that
// `edits` sets itself. The id is passed on if a trusted peer sent one, and one only. So is the
// trace, whoever sent it; where there is none to pass on, one begins, not sampled: whoever records
// decides.
void AppendCorrelation(const codec::Head& head, bool peer_trusted, const Correlation& fresh,
                       const snapshot::HeaderEdits* edits, std::string& out);

}  // namespace meridian::proxy
