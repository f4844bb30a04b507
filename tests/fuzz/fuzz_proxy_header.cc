// PROXY headers of arbitrary bytes. Holds: no beginning of the bytes tells anything but "more" or
// what the whole tells; a header's length and TLVs lie inside the bytes; what is behind it does not
// matter; an address is there unless the header is local.
#include <meridian/base/check.h>
#include <meridian/codec/proxy_header.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>

#include "fuzz/target.h"

namespace meridian::codec {
namespace {

// What is told of the bytes, given as a copy of exactly their size.
std::string Told(std::string_view bytes) {
  const auto copy = std::make_unique<char[]>(bytes.size());
  std::copy(bytes.begin(), bytes.end(), copy.get());
  const auto result = ParseProxyHeader({copy.get(), bytes.size()});
  if (!result) return result.error().context;
  if (result->consumed == 0) return "more";
  MERIDIAN_CHECK(result->consumed <= bytes.size());
  MERIDIAN_CHECK(result->local || (result->source.ok() && result->destination.ok()));
  if (!result->tlvs.empty()) {
    MERIDIAN_CHECK(result->tlvs.data() >= copy.get());
    MERIDIAN_CHECK(result->tlvs.data() + result->tlvs.size() == copy.get() + result->consumed);
  }
  std::string told = std::to_string(result->consumed) + (result->local ? " local " : " ");
  if (!result->local)
    told += result->source.ToString() + " " + result->destination.ToString() + " ";
  return told.append(result->tlvs);
}

}  // namespace
}  // namespace meridian::codec

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string whole = meridian::codec::Told(bytes);
  const size_t step = 1 + size / 256;
  bool whole_before = false;
  for (size_t shorter = 0; shorter < size; shorter += step) {
    const std::string told = meridian::codec::Told(bytes.substr(0, shorter));
    MERIDIAN_CHECK(told == whole || (told == "more" && !whole_before));
    whole_before = told != "more";
  }
  return 0;
}
