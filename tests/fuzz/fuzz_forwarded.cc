// Forwarded fields of arbitrary bytes. Holds: each element taken makes the field shorter, so that
// reading ends; an address that was read is read again from what is written of it.
#include <meridian/base/check.h>
#include <meridian/codec/forwarded.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>

#include "fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace meridian;
  const auto copy = std::make_unique<char[]>(size);  // of exactly this size
  std::copy(data, data + size, copy.get());
  const std::string_view bytes(copy.get(), size);
  std::string_view field = bytes;
  while (!field.empty()) {
    const size_t before = field.size();
    const auto ip = codec::TakeLastForwardedFor(field);
    MERIDIAN_CHECK(field.size() < before);
    if (!ip) continue;
    std::string written;
    codec::AppendForwarded(*ip, bytes, false, written);
    std::string_view again = written;
    const auto read = codec::TakeLastForwardedFor(again);
    MERIDIAN_CHECK(again.empty() && read && *read == *ip);
  }
  return 0;
}
