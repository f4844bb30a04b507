// What a field's name says about it. Pure; any thread.
#pragma once

#include <meridian/codec/http1.h>

#include <string_view>

namespace meridian::codec {

// Precondition for both: `name` is a token.
FieldId RecogniseField(std::string_view name);

// Fields that must reach the other end, so that a Connection field naming one is an attempt to have
// the proxy take it away (RFC 9110 section 7.6.1 forbids senders to).
bool MustReachTheEnd(std::string_view name);

// Whether a trailer section may pass it on (RFC 9110 section 6.5.1): what others act on before the
// end, and what holds for one hop only, must not come behind the body.
bool MayBeTrailer(std::string_view name);

// Fields of one hop by their nature, named by Connection or not.
constexpr bool IsHopByHop(FieldId id) {
  switch (id) {
    case FieldId::kConnection:
    case FieldId::kKeepAlive:
    case FieldId::kProxyAuthenticate:
    case FieldId::kProxyAuthorization:
    case FieldId::kProxyConnection:
    case FieldId::kTe:
    case FieldId::kTrailer:
    case FieldId::kTransferEncoding:
    case FieldId::kUpgrade:
      return true;
    default:
      return false;
  }
}

}  // namespace meridian::codec
