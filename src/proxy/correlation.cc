// See correlation.h.
#include "proxy/correlation.h"

#include <algorithm>

namespace meridian::proxy {
namespace {

using codec::FieldId;

constexpr size_t kTraceId = 3, kParentId = 36, kFlags = 53, kTraceparentBytes = 55;

bool IsHex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool IsZero(std::string_view hex) {
  return hex.find_first_not_of('0') == std::string_view::npos;
}

void AppendHex(uint64_t value, std::string& out) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (int shift = 60; shift >= 0; shift -= 4) out += kDigits[value >> shift & 15];
}

// Ids of zeros name nothing, so they end in a one.
void AppendNewTrace(const Correlation& fresh, std::string& out) {
  out.append("00-");
  AppendHex(fresh.id[0], out);
  AppendHex(fresh.id[1] | 1, out);
  out.append("-");
  AppendHex(fresh.span | 1, out);
  out.append("-00");
}

// The value of the field that is there once; else empty.
std::string_view OnlyOne(const codec::Head& head, FieldId id) {
  std::string_view value;
  for (const codec::Field& field : head) {
    if (field.id != id) continue;
    if (!value.empty()) return {};
    value = field.value;
  }
  return value;
}

}  // namespace

bool IsRequestId(std::string_view value) {
  static constexpr std::string_view kNot = "\"',;\\";
  return !value.empty() && value.size() <= kMaxRequestId &&
         std::all_of(value.begin(), value.end(), [](char c) {
           return c > ' ' && c < 0x7f && kNot.find(c) == std::string_view::npos;
         });
}

bool IsTraceparent(std::string_view value) {
  if (value.size() < kTraceparentBytes || value[2] != '-' || value[kParentId - 1] != '-' ||
      value[kFlags - 1] != '-')
    return false;
  const std::string_view version = value.substr(0, 2);
  const bool goes_on = value.size() > kTraceparentBytes;
  if (!IsHex(version) || version == "ff") return false;
  if (goes_on && (version == "00" || value[kTraceparentBytes] != '-')) return false;
  const std::string_view trace = value.substr(kTraceId, 32), parent = value.substr(kParentId, 16);
  return IsHex(trace) && IsHex(parent) && IsHex(value.substr(kFlags, 2)) && !IsZero(trace) &&
         !IsZero(parent);
}

void AppendRequestId(const codec::Head& head, bool peer_trusted, const Correlation& fresh,
                     std::string& out) {
  const std::string_view id = peer_trusted ? OnlyOne(head, FieldId::kXRequestId) : "";
  if (IsRequestId(id)) {
    out.append(id);
  } else {
    AppendHex(fresh.id[0], out);
    AppendHex(fresh.id[1], out);
  }
}

void AppendCorrelation(const codec::Head& head, bool peer_trusted, const Correlation& fresh,
                       const snapshot::HeaderEdits* edits, std::string& out) {
  const auto is_ours = [edits](std::string_view name) {
    return edits == nullptr || !edits->Drops(name);
  };
  if (is_ours("X-Request-Id")) {
    out.append("X-Request-Id: ");
    AppendRequestId(head, peer_trusted, fresh, out);
    out.append("\r\n");
  }
  const std::string_view trace = OnlyOne(head, FieldId::kTraceparent);
  const bool goes_on = IsTraceparent(trace);
  if (is_ours("traceparent")) {
    out.append("traceparent: ");
    goes_on ? static_cast<void>(out.append(trace)) : AppendNewTrace(fresh, out);
    out.append("\r\n");
  }
  for (const codec::Field& field : head) {
    if (!goes_on || field.id != FieldId::kTracestate || !is_ours("tracestate")) continue;
    out.append("tracestate: ").append(field.value).append("\r\n");
  }
}

}  // namespace meridian::proxy
