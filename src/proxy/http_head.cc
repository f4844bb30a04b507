// See http_head.h.
#include "proxy/http_head.h"

#include <meridian/base/text.h>
#include <meridian/codec/forwarded.h>

#include <charconv>

namespace meridian::proxy {
namespace {

using codec::Field;
using codec::FieldId;
using codec::Framing;
using codec::Head;

void AppendNumber(uint64_t value, std::string& out) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  out.append(digits, static_cast<size_t>(end - digits));
}

void AppendField(std::string_view name, std::string_view value, std::string& out) {
  out.append(name).append(": ").append(value).append("\r\n");
}

void AppendIp(const net::IpAddress& ip, std::string& out) {
  char text[48];
  out.append(text, ip.Write(text));
}

// Fields of a request that are written anew, or not to be believed.
bool Rewritten(const Field& field, bool peer_trusted) {
  switch (field.id) {
    case FieldId::kHost:
    case FieldId::kContentLength:
    case FieldId::kForwarded:
    case FieldId::kTraceparent:
    case FieldId::kTracestate:
    case FieldId::kXForwardedFor:
    case FieldId::kXRequestId:
    case FieldId::kMeridian:
    case FieldId::kImitation:
      return true;
    case FieldId::kXClientCertSubject:
    case FieldId::kXForwardedHost:
    case FieldId::kXForwardedProto:
      return !peer_trusted;
    default:
      return field.hop_by_hop;
  }
}

bool Drops(const snapshot::HeaderEdits* edits, const Field& field) {
  return edits != nullptr && edits->Drops(field.name);
}

void AppendAdded(const snapshot::HeaderEdits* edits, std::string& out) {
  if (edits == nullptr) return;
  for (const auto& [name, value] : edits->added()) AppendField(name, value, out);
}

// A list that each proxy adds itself to: its name, and what a trusted peer sent of it.
void BeginList(std::string_view name, FieldId id, const Head& head, const Forwarding& forwarding,
               std::string& out) {
  out.append(name).append(": ");
  if (!forwarding.peer_trusted) return;
  for (const Field& field : head) {
    if (field.id == id && !field.value.empty()) out.append(field.value).append(", ");
  }
}

void AppendForwardings(const Head& head, const Forwarding& forwarding, std::string_view authority,
                       std::string& out) {
  BeginList("X-Forwarded-For", FieldId::kXForwardedFor, head, forwarding, out);
  AppendIp(forwarding.peer, out);
  out.append("\r\n");
  BeginList("Forwarded", FieldId::kForwarded, head, forwarding, out);
  codec::AppendForwarded(forwarding.peer, authority, forwarding.secure, out);
  out.append("\r\n");
}

}  // namespace

void AppendVia(bool http2, uint8_t minor, std::string_view name, std::string& out) {
  out.append(http2 ? "2 " : minor == 0 ? "1.0 " : "1.1 ").append(name);
}

void AppendRequestHead(const Head& head, const Forwarding& forwarding, std::string& out) {
  const std::string_view authority = head.authority.empty() ? forwarding.authority : head.authority;
  const RequestEdit& edit = forwarding.edit;
  const std::string_view host = edit.host.empty() ? authority : edit.host;
  const bool connect = head.method == "CONNECT";
  out.append(head.method).append(" ");
  out.append(connect ? host : edit.target.empty() ? head.path : edit.target);
  out.append(" HTTP/1.1\r\n");
  AppendField("Host", host, out);
  bool has_host = false, has_proto = false;
  for (const Field& field : head) {
    if (Rewritten(field, forwarding.peer_trusted) || Drops(edit.headers, field)) continue;
    if (field.id == FieldId::kXClientCertSubject && !forwarding.subject.empty()) continue;
    if (field.id == FieldId::kExpect && head.minor == 0) continue;  // RFC 9110 section 10.1.1
    has_host |= field.id == FieldId::kXForwardedHost;
    has_proto |= field.id == FieldId::kXForwardedProto;
    AppendField(field.name, field.value, out);
  }
  AppendAdded(edit.headers, out);
  if (!forwarding.via.empty()) {
    out.append("Via: ");
    AppendVia(forwarding.http2, head.minor, forwarding.via, out);
    out.append("\r\n");
  }
  AppendForwardings(head, forwarding, authority, out);
  if (!has_proto) AppendField("X-Forwarded-Proto", forwarding.secure ? "https" : "http", out);
  if (!has_host) AppendField("X-Forwarded-Host", authority, out);
  if (!forwarding.subject.empty()) AppendField("X-Client-Cert-Subject", forwarding.subject, out);
  AppendCorrelation(head, forwarding.peer_trusted, forwarding.correlation, edit.headers, out);
  if (head.framing == Framing::kLength) {
    out.append("Content-Length: ");
    AppendNumber(head.content_length, out);
    out.append("\r\n");
  } else if (head.framing == Framing::kChunked) {
    AppendField("Transfer-Encoding", "chunked", out);
  }
  if (head.upgrade && !connect) {
    AppendField("Connection", "upgrade", out);
    if (const Field* upgrade = head.Find(FieldId::kUpgrade))
      AppendField("Upgrade", upgrade->value, out);
  }
}

void AppendAttempt(std::string_view site, std::string_view reason, uint64_t epoch,
                   std::string& out) {
  AppendField("Meridian-Site", site, out);
  AppendField("Meridian-Reason", reason, out);
  if (epoch != 0) {
    out.append("Meridian-Epoch: ");
    AppendNumber(epoch, out);
    out.append("\r\n");
  }
  out.append("\r\n");
}

namespace {

std::string_view TakeLine(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find("\r\n"));
  text.remove_prefix(line.size() + 2);
  return line;
}

constexpr std::string_view kWebSocketKey = "Sec-WebSocket-Key";  // not spoken over HTTP/2

// HTTP/2 frames by itself, and Host is its :authority.
bool IsFraming(std::string_view name) {
  return name == "Host" || name == "Transfer-Encoding" || name == "Connection" || name == "Upgrade";
}

}  // namespace

void ReadHttp2Fields(const Http2Request& request, std::vector<Field>& fields) {
  fields.clear();
  std::string_view rest = request.head;
  const std::string_view start = TakeLine(rest);
  const size_t method_end = start.find(' '), path_end = start.rfind(' ');
  const std::string_view method = request.websocket ? "CONNECT" : start.substr(0, method_end);
  fields.push_back({":method", method});
  fields.push_back({":authority", TakeLine(rest).substr(std::string_view("Host: ").size())});
  if (request.websocket) fields.push_back({":protocol", "websocket"});
  if (request.websocket || method != "CONNECT") {  // RFC 9113 section 8.5
    fields.push_back({":scheme", request.secure ? "https" : "http"});
    fields.push_back({":path", start.substr(method_end + 1, path_end - method_end - 1)});
  }
  for (std::string_view part : {rest, request.attempt}) {
    while (!part.empty()) {
      const std::string_view line = TakeLine(part);
      if (line.empty()) break;
      const size_t colon = line.find(": ");
      const std::string_view name = line.substr(0, colon);
      if (IsFraming(name) || (request.websocket && EqualIgnoringCase(name, kWebSocketKey)))
        continue;
      fields.push_back({name, line.substr(colon + 2)});
    }
  }
  if (request.te_trailers) fields.push_back({"te", "trailers"});
}

std::string_view FieldOf(std::string_view head, std::string_view name) {
  static_cast<void>(TakeLine(head));
  while (!head.empty()) {
    const std::string_view line = TakeLine(head);
    const size_t colon = line.find(": ");
    if (EqualIgnoringCase(line.substr(0, colon), name)) return line.substr(colon + 2);
  }
  return {};
}

namespace {

void AppendStatusLine(const Head& head, std::string& out) {
  out.append("HTTP/1.1 ");
  AppendNumber(head.status, out);
  out.append(" ").append(head.reason).append("\r\n");
}

}  // namespace

void AppendResponseHead(const Head& head, const ResponseEdit& edit, std::string& out) {
  AppendStatusLine(head, out);
  ForEachResponseField(head, edit, [&out](std::string_view name, std::string_view value) {
    AppendField(name, value, out);
  });
  if (edit.framing == ResponseFraming::kChunked) AppendField("Transfer-Encoding", "chunked", out);
  if (edit.close) {
    AppendField("Connection", "close", out);
  } else if (edit.client_http10) {
    AppendField("Connection", "keep-alive", out);
  }
  out.append("\r\n");
}

void AppendInterimHead(const Head& head, std::string& out) {
  AppendStatusLine(head, out);
  ForEachInterimField(head, [&out](std::string_view name, std::string_view value) {
    AppendField(name, value, out);
  });
  if (head.status == 101) {
    AppendField("Connection", "upgrade", out);
    if (const Field* upgrade = head.Find(FieldId::kUpgrade))
      AppendField("Upgrade", upgrade->value, out);
  }
  out.append("\r\n");
}

void AppendLastChunk(std::span<const Field> trailers, std::string& out) {
  out.append("0\r\n");
  for (const Field& field : trailers) AppendField(field.name, field.value, out);
  out.append("\r\n");
}

namespace {

struct StatusText {
  int status;
  const char* reason;
  const char* sentence;
};

StatusText TextOf(Failure failure) {
  switch (failure) {
    case Failure::kBadRequest:
      return {400, "Bad Request", "the request is malformed or ambiguous"};
    case Failure::kDenied:
      return {403, "Forbidden", "this client is not admitted here"};
    case Failure::kNoRoute:
      return {404, "Not Found", "no route matches this host and path"};
    case Failure::kHeaderTimeout:
      return {408, "Request Timeout", "the request did not arrive in time"};
    case Failure::kBodyTimeout:
      return {408, "Request Timeout", "the request's body did not arrive in time"};
    case Failure::kBodyTooSlow:
      return {408, "Request Timeout", "the request's body arrives too slowly"};
    case Failure::kBodyTooLarge:
      return {413, "Content Too Large", "the request's body is too large"};
    case Failure::kHeaderTooLarge:
      return {431, "Request Header Fields Too Large", "the request's head is too large"};
    case Failure::kTooManyHeaders:
      return {431, "Request Header Fields Too Large", "the request has too many header fields"};
    case Failure::kRateLimited:
      return {429, "Too Many Requests", "this client sends more requests than it may"};
    case Failure::kTooManyConnections:
      return {429, "Too Many Requests", "this client has more connections than it may"};
    case Failure::kUnsupported:
      return {501, "Not Implemented", "this kind of request is not supported"};
    case Failure::kConnectFailed:
      return {502, "Bad Gateway", "no server could be reached"};
    case Failure::kBackendTls:
      return {502, "Bad Gateway", "no server proved by TLS to be the right one"};
    case Failure::kBackendReset:
      return {502, "Bad Gateway", "the server closed the connection before it answered"};
    case Failure::kBackendMalformed:
      return {502, "Bad Gateway", "the server's answer is malformed"};
    case Failure::kNoSites:
      return {503, "Service Unavailable", "no site may serve this client"};
    case Failure::kAllDown:
      return {503, "Service Unavailable", "every site that could serve this is down"};
    case Failure::kSessionRejected:
      return {503, "Service Unavailable", "the server that holds this session is down"};
    case Failure::kAtCapacity:
      return {503, "Service Unavailable", "every site is at its capacity"};
    case Failure::kHeld:
      return {503, "Service Unavailable", "a planned switch to another site is under way"};
    case Failure::kRefused:
      return {503, "Service Unavailable", "it is not sure which site is active"};
    case Failure::kSiteChanged:
      return {503, "Service Unavailable", "another site became active meanwhile"};
    case Failure::kOverloaded:
      return {503, "Service Unavailable", "too many connections"};
    case Failure::kConnectTimeout:
      return {504, "Gateway Timeout", "no server answered in time"};
    case Failure::kResponseTimeout:
      return {504, "Gateway Timeout", "the server did not answer in time"};
    case Failure::kDeadline:
      return {504, "Gateway Timeout", "the client's deadline for this call has passed"};
    case Failure::kListenerFull:
    case Failure::kIdleTimeout:
    case Failure::kClientGone:
    case Failure::kProxyHeader:
    case Failure::kClientHello:
    case Failure::kCount:
      break;
  }
  return {0, "", ""};
}

}  // namespace

int StatusOf(Failure failure) {
  return TextOf(failure).status;
}

bool AsksToRetry(Failure failure) {
  return StatusOf(failure) == 503 || StatusOf(failure) == 429;
}

void AppendError(Failure failure, std::string_view detail, bool close, bool head_only,
                 std::string& out) {
  const StatusText text = TextOf(failure);
  out.append("HTTP/1.1 ");
  AppendNumber(static_cast<uint64_t>(text.status), out);
  out.append(" ").append(text.reason).append("\r\nContent-Type: text/plain\r\nContent-Length: ");
  AppendNumber(ErrorBodyBytes(failure, detail), out);
  out.append("\r\n");
  AppendField("Meridian-Reason", Name(failure), out);
  if (AsksToRetry(failure)) AppendField("Retry-After", "1", out);
  if (close) AppendField("Connection", "close", out);
  out.append("\r\n");
  if (!head_only) AppendErrorBody(failure, detail, out);
}

size_t ErrorBodyBytes(Failure failure, std::string_view detail) {
  const size_t detail_bytes = detail.empty() ? 0 : detail.size() + 3;
  return std::string_view(TextOf(failure).sentence).size() + detail_bytes + 1;
}

void AppendErrorBody(Failure failure, std::string_view detail, std::string& out) {
  out.append(TextOf(failure).sentence);
  if (!detail.empty()) out.append(" (").append(detail).append(")");
  out.append("\n");
}

}  // namespace meridian::proxy
