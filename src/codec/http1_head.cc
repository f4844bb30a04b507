// See http1_head.h. llhttp's callbacks hand out spans of the bytes it was given; since it is given
// the whole head at once, each name and value arrives as one span.
#include "codec/http1_head.h"

#include <llhttp.h>
#include <meridian/base/text.h>

#include "codec/http1_chars.h"
#include "codec/http1_field.h"

namespace meridian::codec {
namespace {

using Kind = Http1Parser::Kind;

constexpr size_t kVersionSize = 8;  // "HTTP/1.1"

Head& HeadOf(llhttp_t* parser) {
  return *static_cast<Head*>(parser->data);
}

int OnTarget(llhttp_t* parser, const char* at, size_t size) {
  HeadOf(parser).target = {at, size};
  return HPE_OK;
}

int OnReason(llhttp_t* parser, const char* at, size_t size) {
  HeadOf(parser).reason = {at, size};
  return HPE_OK;
}

int OnFieldName(llhttp_t* parser, const char* at, size_t size) {
  Head& head = HeadOf(parser);
  if (head.field_count == head.fields.size() || size == 0) return HPE_USER;
  Field& field = head.fields[head.field_count++];
  field.name = {at, size};
  field.value = {at + size, 0};
  field.id = RecogniseField(field.name);
  field.hop_by_hop = IsHopByHop(field.id);
  return HPE_OK;
}

int OnFieldValue(llhttp_t* parser, const char* at, size_t size) {
  Head& head = HeadOf(parser);
  Field& field = head.fields[head.field_count - 1];
  if (!field.value.empty()) return HPE_USER;
  while (size > 0 && (at[size - 1] == ' ' || at[size - 1] == '\t')) --size;
  field.value = {at, size};
  return HPE_OK;
}

int OnHeadComplete(llhttp_t*) {
  return HPE_PAUSED;
}

constexpr llhttp_settings_t kSettings = [] {
  llhttp_settings_t settings{};
  settings.on_url = OnTarget;
  settings.on_status = OnReason;
  settings.on_header_field = OnFieldName;
  settings.on_header_value = OnFieldValue;
  settings.on_headers_complete = OnHeadComplete;
  return settings;
}();

Refusal Malformed(const char* context) {
  return {ErrorCode::kMalformed, context};
}

// "HTTP/1.0" and "HTTP/1.1" pass; another version is understood, but not spoken.
Refusal CheckVersion(std::string_view text) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  const bool version = text.size() == kVersionSize && text.starts_with("HTTP/") && digit(text[5]) &&
                       text[6] == '.' && digit(text[7]);
  if (!version) return Malformed("bad-version");
  if (text[5] != '1' || text[7] > '1') return {ErrorCode::kUnsupported, "bad-version"};
  return {};
}

Refusal CheckRequestLine(std::string_view line) {
  const size_t method_size = line.find(' ');
  const size_t last_space = line.rfind(' ');
  if (method_size == std::string_view::npos || method_size == last_space)
    return Malformed("bad-version");
  if (!IsToken(line.substr(0, method_size))) return Malformed("bad-method");
  const std::string_view target = line.substr(method_size + 1, last_space - method_size - 1);
  if (const Refusal refusal = CheckVersion(line.substr(last_space + 1))) return refusal;
  if (target.empty() || !AllAre(target, kTargetChar)) return Malformed("bad-target");
  return {};
}

// "HTTP/1.1 200 OK"; the space before an empty reason is optional, as many backends leave it out.
Refusal CheckStatusLine(std::string_view line) {
  if (const Refusal refusal = CheckVersion(line.substr(0, kVersionSize))) return refusal;
  const std::string_view rest = line.substr(kVersionSize);
  const bool sized = rest.size() == 4 || (rest.size() > 4 && rest[4] == ' ');
  if (!sized || rest[0] != ' ' || rest[1] < '1' || rest[1] > '5' ||
      !ParseUnsigned(rest.substr(1, 3))) {
    return Malformed("bad-status");
  }
  if (!AllAre(rest.substr(4), kValueChar)) return Malformed("bad-reason");
  return {};
}

Refusal CheckFieldLine(std::string_view line) {
  if (line.find('\r') != std::string_view::npos) return Malformed("bare-cr");
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return Malformed("bad-field-name");
  const std::string_view name = line.substr(0, colon);
  if (name.ends_with(' ') || name.ends_with('\t')) return Malformed("space-before-colon");
  if (!IsToken(name)) return Malformed("bad-field-name");
  if (!AllAre(line.substr(colon + 1), kValueChar)) return Malformed("bad-field-value");
  return {};
}

// llhttp said no: the first line that breaks the grammar says why; if none does, it is what the
// fields say together.
Refusal Diagnose(std::string_view bytes, llhttp_errno_t code, const Head& head) {
  for (size_t start = bytes.find('\n') + 1; bytes[start] != '\r' || bytes[start + 1] != '\n';) {
    const size_t end = bytes.find('\n', start);
    if (const Refusal refusal = CheckFieldLine(bytes.substr(start, end - 1 - start)))
      return refusal;
    start = end + 1;
  }
  const bool coding = head.Find(FieldId::kTransferEncoding) != nullptr;
  const bool length = head.Find(FieldId::kContentLength) != nullptr;
  switch (code) {
    case HPE_INVALID_METHOD:
    case HPE_INVALID_CONSTANT:
      return {ErrorCode::kUnsupported, "unknown-method"};
    case HPE_INVALID_URL:
      return Malformed("bad-target");
    case HPE_UNEXPECTED_CONTENT_LENGTH:
      return Malformed(coding ? "both-lengths" : "repeated-length");
    case HPE_INVALID_CONTENT_LENGTH:
      return Malformed(coding ? "both-lengths" : "bad-length");
    case HPE_INVALID_TRANSFER_ENCODING:
      return Malformed(length ? "both-lengths" : "bad-transfer-coding");
    default:
      return Malformed("bad-head");
  }
}

}  // namespace

Refusal CheckStartLine(Kind kind, std::string_view line) {
  if (line.find('\r') != std::string_view::npos) return Malformed("bare-cr");
  return kind == Kind::kRequest ? CheckRequestLine(line) : CheckStatusLine(line);
}

Refusal ReadHead(Kind kind, std::string_view bytes, Head& head) {
  head.method = head.target = head.path = head.host = head.authority = head.reason = {};
  head.status = 0;
  head.expect_continue = false;
  head.framing = Framing::kNone;
  head.content_length = 0;
  head.field_count = 0;

  const bool request = kind == Kind::kRequest;
  llhttp_t parser;
  llhttp_init(&parser, request ? HTTP_REQUEST : HTTP_RESPONSE, &kSettings);
  parser.data = &head;
  const llhttp_errno_t code = llhttp_execute(&parser, bytes.data(), bytes.size());
  if (code != HPE_PAUSED) return Diagnose(bytes, code, head);
  head.minor = llhttp_get_http_minor(&parser);
  if (request) {
    head.method = bytes.substr(0, bytes.find(' '));
  } else {
    head.status = static_cast<uint16_t>(llhttp_get_status_code(&parser));
  }
  return {};
}

}  // namespace meridian::codec
