// See http1_meaning.h.
#include "codec/http1_meaning.h"

#include <meridian/base/text.h>

#include "codec/http1_authority.h"
#include "codec/http1_chars.h"
#include "codec/http1_field.h"

namespace meridian::codec {
namespace {

// More options than anyone sends; bounds the search of each among the fields.
constexpr uint32_t kMaxConnectionOptions = 32;

// What the fields that matter said, gathered in one pass.
struct Facts {
  const Field* content_length = nullptr;
  const Field* transfer_encoding = nullptr;
  const Field* host = nullptr;
  const Field* upgrade = nullptr;
  bool upgrades = false;  // more than one
  bool option_close = false;
  bool option_keep_alive = false;
  bool option_upgrade = false;
  uint32_t options = 0;
};

constexpr Refusal kNothing{};

Refusal Malformed(const char* context) {
  return {ErrorCode::kMalformed, context};
}

// Calls visit(element) for each non-empty element of a comma-separated list (RFC 9110
// section 5.6.1) until it refuses.
template <class Visit>
Refusal ForEachElement(std::string_view list, Visit visit) {
  while (!list.empty()) {
    const size_t comma = list.find(',');
    const std::string_view element = TrimSpace(list.substr(0, comma));
    if (!element.empty()) {
      if (const Refusal refusal = visit(element)) return refusal;
    }
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return kNothing;
}

Refusal ReadOption(std::string_view option, Head& head, Facts& facts) {
  if (!IsToken(option)) return Malformed("bad-connection");
  if (++facts.options > kMaxConnectionOptions)
    return {ErrorCode::kTooLarge, "too-many-connection-options"};
  if (SameToken(option, "close")) {
    facts.option_close = true;
  } else if (SameToken(option, "keep-alive")) {
    facts.option_keep_alive = true;
  } else if (SameToken(option, "upgrade")) {
    facts.option_upgrade = true;
  } else if (MustReachTheEnd(option)) {
    return Malformed("connection-names-end-to-end-field");
  } else {
    for (uint32_t i = 0; i < head.field_count; ++i) {
      Field& field = head.fields[i];
      if (field.name.size() == option.size() && EqualIgnoringCase(field.name, option))
        field.hop_by_hop = true;
    }
  }
  return kNothing;
}

Refusal ReadConnection(std::string_view value, Head& head, Facts& facts) {
  return ForEachElement(value,
                        [&](std::string_view option) { return ReadOption(option, head, facts); });
}

Refusal ReadFields(Head& head, Facts& facts) {
  const auto once = [](const Field*& known, const Field& field, const char* repeated) {
    if (known != nullptr) return Malformed(repeated);
    known = &field;
    return kNothing;
  };
  for (uint32_t i = 0; i < head.field_count; ++i) {
    const Field& field = head.fields[i];
    Refusal refusal;
    switch (field.id) {
      case FieldId::kConnection:
        refusal = ReadConnection(field.value, head, facts);
        break;
      case FieldId::kContentLength:
        refusal = once(facts.content_length, field, "repeated-length");
        break;
      case FieldId::kTransferEncoding:
        refusal = once(facts.transfer_encoding, field, "bad-transfer-coding");
        break;
      case FieldId::kHost:
        refusal = once(facts.host, field, "repeated-host");
        break;
      case FieldId::kUpgrade:
        facts.upgrades = facts.upgrade != nullptr;
        facts.upgrade = &field;
        break;
      case FieldId::kExpect:
        head.expect_continue |= EqualIgnoringCase(field.value, "100-continue");
        break;
      default:
        break;
    }
    if (refusal) return refusal;
  }
  return kNothing;
}

// A list of codings that ends in its only "chunked" is well-formed, but nothing we undo; all else
// cannot be framed.
Refusal RefuseCodings(std::string_view value) {
  bool chunked = false;
  const Refusal refusal = ForEachElement(value, [&](std::string_view coding) {
    if (chunked || !IsToken(coding)) return Malformed("bad-transfer-coding");
    chunked = SameToken(coding, "chunked");
    return kNothing;
  });
  if (refusal) return refusal;
  return {chunked ? ErrorCode::kUnsupported : ErrorCode::kMalformed, "bad-transfer-coding"};
}

// Sets framing and content_length from the two fields, whether or not a body follows (RFC 9112
// section 6.3).
Refusal ReadFraming(const Facts& facts, Head& head) {
  if (facts.content_length != nullptr && facts.transfer_encoding != nullptr)
    return Malformed("both-lengths");
  if (facts.transfer_encoding != nullptr) {
    if (head.minor == 0) return Malformed("transfer-coding-in-1.0");
    if (!EqualIgnoringCase(facts.transfer_encoding->value, "chunked")) {
      return RefuseCodings(facts.transfer_encoding->value);
    }
    head.framing = Framing::kChunked;
  } else if (facts.content_length != nullptr) {
    const auto length = ParseUnsigned(facts.content_length->value);
    if (!length) return Malformed("bad-length");
    head.framing = Framing::kLength;
    head.content_length = *length;
  }
  return kNothing;
}

// One protocol, "name" or "name/version" (RFC 9110 section 7.8), that a backend may switch to. HTTP
// and TLS would go on where nobody reads the requests that pass: they are not asked for.
bool MayTunnel(std::string_view protocol) {
  const std::string_view name = protocol.substr(0, protocol.find('/'));
  if (!IsToken(name)) return false;
  if (name.size() < protocol.size() && !IsToken(protocol.substr(name.size() + 1))) return false;
  for (const std::string_view other : {"h2c", "h2", "h3", "http", "tls"}) {
    if (EqualIgnoringCase(name, other)) return false;
  }
  return true;
}

bool KeepsAlive(const Facts& facts, const Head& head) {
  if (facts.option_close) return false;
  return head.minor >= 1 || facts.option_keep_alive;
}

void SetHost(const Authority& authority, Head& head) {
  head.authority = authority.whole;
  head.host = authority.host;
}

// RFC 9112 section 3.2: exactly one Host in 1.1; a target's own authority takes its place, but a
// bad one is refused all the same.
Refusal ReadHost(const Facts& facts, Head& head) {
  if (facts.host == nullptr) {
    if (head.minor >= 1) return Malformed("missing-host");
    return kNothing;
  }
  const auto authority = ReadAuthority(facts.host->value);
  if (!authority) return Malformed("bad-host");
  SetHost(*authority, head);
  return kNothing;
}

// CONNECT's authority-form (RFC 9112 section 3.2.3): a port is required. Like any target's
// authority it takes Host's place. What follows the head is the tunnel's.
Refusal ReadTunnelTarget(const Facts& facts, Head& head) {
  const auto authority = ReadAuthority(head.target);
  if (!authority || authority->whole.size() == authority->host.size())
    return Malformed("bad-target");
  if (facts.content_length != nullptr || facts.transfer_encoding != nullptr)
    return Malformed("length-in-connect");
  SetHost(*authority, head);
  head.path = head.target.substr(head.target.size());
  return kNothing;
}

// origin-form, absolute-form or, for OPTIONS, asterisk-form (RFC 9112 section 3.2).
Refusal ReadTarget(Head& head) {
  const std::string_view target = head.target;
  if (target.empty()) return Malformed("bad-target");
  if (target[0] == '/') {
    head.path = target;
    return kNothing;
  }
  if (target == "*") {
    head.path = target;
    return head.method == "OPTIONS" ? kNothing : Malformed("bad-target");
  }
  const auto absolute = ReadAbsoluteTarget(target);
  if (!absolute) return Malformed("bad-target");
  // Without a path, OPTIONS would have to become "*", and a query would lack the "/" before it: no
  // view says that.
  if (absolute->path.empty() || absolute->path[0] == '?') {
    if (head.method == "OPTIONS" || !absolute->path.empty())
      return {ErrorCode::kUnsupported, "bad-target"};
    head.path = absolute->slash;
  } else {
    head.path = absolute->path;
  }
  SetHost(absolute->authority, head);
  return kNothing;
}

}  // namespace

Refusal InterpretRequest(Head& head) {
  Facts facts;
  if (const Refusal refusal = ReadFields(head, facts)) return refusal;
  if (const Refusal refusal = ReadFraming(facts, head)) return refusal;
  if (const Refusal refusal = ReadHost(facts, head)) return refusal;
  const bool connect = head.method == "CONNECT";
  if (const Refusal refusal = connect ? ReadTunnelTarget(facts, head) : ReadTarget(head))
    return refusal;
  head.keep_alive = KeepsAlive(facts, head);
  // RFC 9110 sections 7.8 and 10.1.1: neither means anything in 1.0.
  head.upgrade = connect || (facts.upgrade != nullptr && !facts.upgrades && facts.option_upgrade &&
                             head.minor >= 1 && MayTunnel(facts.upgrade->value));
  head.expect_continue = head.expect_continue && head.minor >= 1;
  return kNothing;
}

Refusal InterpretResponse(Head& head, bool without_body, bool tunnel) {
  Facts facts;
  if (const Refusal refusal = ReadFields(head, facts)) return refusal;
  if (const Refusal refusal = ReadFraming(facts, head)) return refusal;
  head.expect_continue = false;
  head.upgrade = head.status == 101;
  head.keep_alive = KeepsAlive(facts, head);
  const bool never_has_body = head.status < 200 || head.status == 204;
  if (never_has_body && (head.framing == Framing::kChunked || head.content_length > 0)) {
    return Malformed("length-without-body");
  }
  if (never_has_body || without_body || head.status == 304 || (tunnel && head.status < 300)) {
    head.framing = Framing::kNone;
    head.content_length = 0;
  } else if (head.framing == Framing::kNone) {
    head.framing = Framing::kUntilClose;
    head.keep_alive = false;
  }
  return kNothing;
}

}  // namespace meridian::codec
