// Bodies of arbitrary bytes as answers to a gRPC health check. Holds: what is read of one is read
// from exactly its bytes, and the same bytes tell the same; a message behind another is refused.
#include <meridian/base/check.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>

#include "fuzz/target.h"
#include "probe/grpc_health.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace meridian::probe;
  const auto copy = std::make_unique<char[]>(size);  // of exactly this size
  std::copy(data, data + size, copy.get());
  const std::string_view body(copy.get(), size);
  const auto serving = ParseGrpcHealthResponse(body);
  MERIDIAN_CHECK(ParseGrpcHealthResponse(body) == serving);
  if (!serving) return 0;
  MERIDIAN_CHECK(*serving <= GrpcServing::kOther);
  MERIDIAN_CHECK(!ParseGrpcHealthResponse(std::string(body) + std::string(body)));
  MERIDIAN_CHECK(!ParseGrpcHealthResponse(body.substr(0, size - 1)));
  return 0;
}
