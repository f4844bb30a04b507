// See grpc_health.h. Of protobuf there is what skips fields that are not known: the four wire types
// that are not deprecated.
#include "probe/grpc_health.h"

namespace meridian::probe {
namespace {

constexpr size_t kPrefixBytes = 5;
constexpr uint32_t kStatusField = 1;

std::optional<uint64_t> TakeVarint(std::string_view& bytes) {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (bytes.empty()) return std::nullopt;
    const auto byte = static_cast<uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  return std::nullopt;
}

bool Skip(std::string_view& bytes, uint64_t count) {
  if (count > bytes.size()) return false;
  bytes.remove_prefix(static_cast<size_t>(count));
  return true;
}

// False: it is no field.
bool SkipField(std::string_view& bytes, uint64_t wire_type) {
  switch (wire_type) {
    case 0:
      return TakeVarint(bytes).has_value();
    case 1:
      return Skip(bytes, 8);
    case 2: {
      const std::optional<uint64_t> length = TakeVarint(bytes);
      return length && Skip(bytes, *length);
    }
    case 5:
      return Skip(bytes, 4);
    default:
      return false;
  }
}

void AppendVarint(uint64_t value, std::string& out) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

std::optional<std::string_view> Message(std::string_view body) {
  if (body.size() < kPrefixBytes || body[0] != 0) return std::nullopt;
  uint32_t length = 0;
  for (size_t i = 1; i < kPrefixBytes; ++i) length = length << 8 | static_cast<uint8_t>(body[i]);
  body.remove_prefix(kPrefixBytes);
  return body.size() == length ? std::optional(body) : std::nullopt;
}

}  // namespace

const char* Name(GrpcServing serving) {
  switch (serving) {
    case GrpcServing::kUnknown:
      return "UNKNOWN";
    case GrpcServing::kServing:
      return "SERVING";
    case GrpcServing::kNotServing:
      return "NOT_SERVING";
    case GrpcServing::kServiceUnknown:
      return "SERVICE_UNKNOWN";
    case GrpcServing::kOther:
      break;
  }
  return "a status that is not known";
}

std::string GrpcHealthRequest(std::string_view service) {
  std::string message;
  if (!service.empty()) {
    message += '\x0a';  // field 1, with a length
    AppendVarint(service.size(), message);
    message += service;
  }
  std::string body(1, '\0');
  for (int shift = 24; shift >= 0; shift -= 8) {
    body += static_cast<char>(message.size() >> shift & 0xff);
  }
  return body + message;
}

std::optional<GrpcServing> ParseGrpcHealthResponse(std::string_view body) {
  std::optional<std::string_view> message = Message(body);
  if (!message) return std::nullopt;
  uint64_t status = 0;  // the default is not sent
  while (!message->empty()) {
    const std::optional<uint64_t> tag = TakeVarint(*message);
    if (!tag || *tag >> 3 == 0) return std::nullopt;
    if (*tag >> 3 != kStatusField) {
      if (!SkipField(*message, *tag & 7)) return std::nullopt;
      continue;
    }
    const std::optional<uint64_t> value =
        (*tag & 7) == 0 ? TakeVarint(*message) : std::optional<uint64_t>();
    if (!value) return std::nullopt;
    status = *value;
  }
  constexpr auto kOther = static_cast<uint64_t>(GrpcServing::kOther);
  return static_cast<GrpcServing>(status < kOther ? status : kOther);
}

}  // namespace meridian::probe
