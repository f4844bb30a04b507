// See http1_field.h. Length first, then the first letter: at most two comparisons for any name.
#include "codec/http1_field.h"

#include "codec/http1_chars.h"

namespace meridian::codec {
namespace {

FieldId If(std::string_view name, std::string_view lower, FieldId id) {
  bool imitation = false;
  for (size_t i = 0; i < lower.size(); ++i) {
    if (static_cast<char>(name[i] | 0x20) == lower[i]) continue;
    if (lower[i] != '-' || name[i] != '_') return FieldId::kOther;
    imitation = true;
  }
  return imitation ? FieldId::kImitation : id;
}

FieldId ByLength(std::string_view name, char first) {
  switch (name.size()) {
    case 2:
      return If(name, "te", FieldId::kTe);
    case 3:
      return If(name, "via", FieldId::kVia);
    case 4:
      return If(name, "host", FieldId::kHost);
    case 6:
      return first == 'c' ? If(name, "cookie", FieldId::kCookie)
                          : If(name, "expect", FieldId::kExpect);
    case 7:
      return first == 't' ? If(name, "trailer", FieldId::kTrailer)
                          : If(name, "upgrade", FieldId::kUpgrade);
    case 9:
      return If(name, "forwarded", FieldId::kForwarded);
    case 10:
      if (first == 'c') return If(name, "connection", FieldId::kConnection);
      if (first == 't') return If(name, "tracestate", FieldId::kTracestate);
      return first == 'k' ? If(name, "keep-alive", FieldId::kKeepAlive)
                          : If(name, "set-cookie", FieldId::kSetCookie);
    case 11:
      return If(name, "traceparent", FieldId::kTraceparent);
    case 12:
      return If(name, "x-request-id", FieldId::kXRequestId);
    case 14:
      return If(name, "content-length", FieldId::kContentLength);
    case 15:
      return If(name, "x-forwarded-for", FieldId::kXForwardedFor);
    case 16:
      return first == 'p' ? If(name, "proxy-connection", FieldId::kProxyConnection)
                          : If(name, "x-forwarded-host", FieldId::kXForwardedHost);
    case 17:
      return first == 't' ? If(name, "transfer-encoding", FieldId::kTransferEncoding)
                          : If(name, "x-forwarded-proto", FieldId::kXForwardedProto);
    case 18:
      return If(name, "proxy-authenticate", FieldId::kProxyAuthenticate);
    case 19:
      return If(name, "proxy-authorization", FieldId::kProxyAuthorization);
    case 21:
      return If(name, "x-client-cert-subject", FieldId::kXClientCertSubject);
    default:
      return FieldId::kOther;
  }
}

}  // namespace

FieldId RecogniseField(std::string_view name) {
  constexpr std::string_view kOurs = "meridian-";
  const char first = static_cast<char>(name[0] | 0x20);
  if (first == 'm' && name.size() > kOurs.size()) {
    const FieldId ours = If(name.substr(0, kOurs.size()), kOurs, FieldId::kMeridian);
    if (ours != FieldId::kOther) return ours;
  }
  return ByLength(name, first);
}

bool MustReachTheEnd(std::string_view name) {
  constexpr std::string_view kOfProxies = "x-forwarded-";
  if (name.size() > kOfProxies.size() && SameToken(name.substr(0, kOfProxies.size()), kOfProxies))
    return true;
  switch (RecogniseField(name)) {
    case FieldId::kContentLength:
    case FieldId::kCookie:
    case FieldId::kExpect:
    case FieldId::kForwarded:
    case FieldId::kHost:
    case FieldId::kMeridian:
    case FieldId::kSetCookie:
    case FieldId::kVia:
    case FieldId::kXClientCertSubject:
      return true;
    default:
      break;
  }
  static constexpr std::string_view kOthers[] = {
      "authorization", "cache-control", "content-encoding", "content-range", "content-type",
      "date",          "location",      "max-forwards",     "range",         "www-authenticate",
      "origin",        "vary",          "x-real-ip"};
  for (const std::string_view other : kOthers) {
    if (SameToken(name, other)) return true;
  }
  return false;
}

bool MayBeTrailer(std::string_view name) {
  const FieldId id = RecogniseField(name);
  return !IsHopByHop(id) && id != FieldId::kImitation && !MustReachTheEnd(name);
}

}  // namespace meridian::codec
