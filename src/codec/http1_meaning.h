// What a head means once its grammar has been checked: framing, connection, host and path, and the
// refusal of whatever two readers could understand differently. Pure; any thread.
#pragma once

#include <meridian/base/result.h>
#include <meridian/codec/http1.h>

namespace meridian::codec {

// A refusal is an Error's code and context; who sent the message is known to the caller.
struct Refusal {
  ErrorCode code = ErrorCode::kMalformed;
  const char* context = nullptr;  // null: nothing refused

  explicit operator bool() const { return context != nullptr; }
};

// For a request: sets path, host, authority, keep_alive, upgrade, expect_continue, framing,
// content_length and the hop_by_hop marks. Precondition: method, target, minor and the fields are
// set and fit the grammar.
Refusal InterpretRequest(Head& head);

// The same for a response. `without_body`: it answers HEAD; `tunnel`: it answers CONNECT (RFC 9112
// section 6.3).
Refusal InterpretResponse(Head& head, bool without_body, bool tunnel);

}  // namespace meridian::codec
