// See grpc.h.
#include "proxy/grpc.h"

#include <meridian/base/text.h>

#include "proxy/http_head.h"

namespace meridian::proxy {
namespace {

constexpr size_t kMaxTimeoutDigits = 8;
constexpr Duration kLongest = std::chrono::hours(8760);

std::optional<Duration> UnitOf(char unit) {
  switch (unit) {
    case 'H':
      return std::chrono::hours(1);
    case 'M':
      return std::chrono::minutes(1);
    case 'S':
      return std::chrono::seconds(1);
    case 'm':
      return std::chrono::milliseconds(1);
    case 'u':
      return std::chrono::microseconds(1);
    case 'n':
      return std::chrono::nanoseconds(1);
    default:
      return {};
  }
}

}  // namespace

bool IsGrpc(const codec::Head& head) {
  static constexpr std::string_view kType = "application/grpc";
  const codec::Field* type = head.Find("content-type");
  if (type == nullptr || !EqualIgnoringCase(type->value.substr(0, kType.size()), kType))
    return false;
  return type->value.size() == kType.size() || type->value[kType.size()] == '+' ||
         type->value[kType.size()] == ';';
}

std::optional<Duration> GrpcTimeout(const codec::Head& head) {
  const codec::Field* field = head.Find("grpc-timeout");
  if (field == nullptr || field->value.size() < 2) return {};
  const std::string_view digits = field->value.substr(0, field->value.size() - 1);
  const std::optional<Duration> unit = UnitOf(field->value.back());
  const std::optional<uint64_t> count = ParseUnsigned(digits);
  if (!unit || !count || digits.size() > kMaxTimeoutDigits) return {};
  if (static_cast<int64_t>(*count) > kLongest / *unit) return {};
  return *unit * static_cast<int64_t>(*count);
}

std::string_view GrpcStatusOf(Failure failure) {
  if (failure == Failure::kDeadline) return "4";  // DEADLINE_EXCEEDED
  switch (StatusOf(failure)) {
    case 400:
    case 408:
    case 413:
    case 431:
      return "13";  // INTERNAL
    case 403:
      return "7";  // PERMISSION_DENIED
    case 404:
    case 501:
      return "12";  // UNIMPLEMENTED
    case 429:
    case 502:
    case 503:
    case 504:
      return "14";  // UNAVAILABLE
    default:
      return "2";  // UNKNOWN
  }
}

void AppendGrpcMessage(std::string_view text, std::string& out) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= ' ' && byte <= '~' && byte != '%') {
      out.push_back(c);
      continue;
    }
    out.push_back('%');
    out.push_back(kHex[byte >> 4]);
    out.push_back(kHex[byte & 15]);
  }
}

}  // namespace meridian::proxy
