// gRPC over HTTP/2, as far as a proxy has to know it: which requests are calls, how long their
// clients wait, and how a call is told that Meridian itself could not serve it. Source: gRPC over
// HTTP2 (grpc/doc/PROTOCOL-HTTP2.md), HTTP to gRPC status mapping (http-grpc-status-mapping.md).
// Pure functions.
#pragma once

#include <meridian/base/time.h>
#include <meridian/codec/http1.h>
#include <meridian/proxy/metrics.h>

#include <optional>
#include <string>
#include <string_view>

namespace meridian::proxy {

// Whether the request is a call: its Content-Type is application/grpc, alone or with a suffix of
// + or ;.
bool IsGrpc(const codec::Head& head);

// How long the client waits for the whole call (grpc-timeout). Empty: not said, malformed, or more
// than a year.
std::optional<Duration> GrpcTimeout(const codec::Head& head);

// The grpc-status that a failure is answered with, in decimal.
std::string_view GrpcStatusOf(Failure failure);

// Text as it goes in grpc-message: what is not printable ASCII, and %, percent-encoded.
void AppendGrpcMessage(std::string_view text, std::string& out);

}  // namespace meridian::proxy
