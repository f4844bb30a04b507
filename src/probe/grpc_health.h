// The messages of grpc.health.v1 (gRPC's health checking protocol), as they stand in the body of a
// gRPC request and response: a flag, four bytes of length, and a protobuf message of one field.
// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace meridian::probe {

enum class GrpcServing : uint8_t { kUnknown, kServing, kNotServing, kServiceUnknown, kOther };
const char* Name(GrpcServing serving);  // as gRPC spells it

// HealthCheckRequest; an empty `service` stands for the server as a whole.
std::string GrpcHealthRequest(std::string_view service);
// What a whole body says; empty if it is not exactly one uncompressed HealthCheckResponse.
std::optional<GrpcServing> ParseGrpcHealthResponse(std::string_view body);

}  // namespace meridian::probe
