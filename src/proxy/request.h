// From a request's head to its exchange, for either version of HTTP: the listener's limits and
// routes, who the client is and whether it is admitted, the session's key. The worker's thread;
// nothing is kept.
#pragma once

#include <memory>

#include "proxy/client_stream.h"
#include "proxy/core.h"
#include "proxy/exchange.h"

namespace meridian::proxy {

struct RequestInput {
  const snapshot::Listener* listener = nullptr;  // of core.current
  net::IpAddress peer;                           // whom the connection is from
  const net::Stream* stream = nullptr;           // likewise
  const tls::Stream* tls = nullptr;              // the same, where it is TLS
  const codec::Head* head = nullptr;
  ClientStream* client = nullptr;
  bool grpc = false;  // the request is a gRPC call
  bool http2 = false;
};

// How a head is bounded, and what its refusal by a parser is answered with.
codec::HttpLimits HeadLimits(const snapshot::Listener& listener);
Failure FailureOfHead(const Error& error);

// A prepared exchange; or why the request is answered by Meridian itself.
tl::expected<std::unique_ptr<Exchange>, Failure> StartRequest(Core& core,
                                                              const RequestInput& input);

// What the answer to a request that StartRequest refused says besides: of what is not supported,
// only a tunnel that no route names is refused there.
std::string_view DetailOf(Failure failure);

// The access log's line of a request that is refused without StartRequest having seen it. Its head
// may be null, and its listener too: then there is none. `detail` is what its answer says besides.
void LogRefusal(Core& core, const RequestInput& input, Failure failure, std::string_view detail);

}  // namespace meridian::proxy
