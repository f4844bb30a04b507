// What of a SIP message tells calls apart: its Call-ID (RFC 3261 sections 7.3 and 20.8). Nothing
// else of the message is read or judged: it goes on as it came. No I/O, no allocation.
#pragma once

#include <string_view>

namespace meridian::codec {

struct CallId {
  enum class Progress : unsigned char { kDone, kNeedMore };
  Progress progress = Progress::kDone;
  // A view of the bytes given; empty with kDone: it is no SIP message, or has none.
  std::string_view value = {};
};

// Reads the beginning of a stream, or a whole datagram (there kNeedMore means that it has none).
// Empty lines before the message, the compact name "i", spaces around the colon and a value on a
// continuation line are as the RFC allows; lines may end in LF alone. More bytes never change an
// answer that is kDone.
CallId FindCallId(std::string_view bytes);

}  // namespace meridian::codec
