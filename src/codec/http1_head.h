// A complete head, from its first byte to its empty line, through llhttp, strictly. Pure; any
// thread.
#pragma once

#include <meridian/codec/http1.h>

#include "codec/http1_meaning.h"

namespace meridian::codec {

// Fills method, target or status, reason, minor and the fields of `head`, as views into `bytes`.
// What the grammar refuses is named by a second, slow look at the bytes. Preconditions: `bytes` end
// with the head's empty line; every LF in them follows a CR; `fields` ≤ kMaxFields.
Refusal ReadHead(Http1Parser::Kind kind, std::string_view bytes, Head& head);

// Why a start line without its line end is not one; nothing if it is one.
Refusal CheckStartLine(Http1Parser::Kind kind, std::string_view line);

}  // namespace meridian::codec
