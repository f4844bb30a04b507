// ClientHellos of arbitrary bytes. Holds: no beginning of the bytes tells anything but "more" or
// what the whole tells; a name has only the bytes that names have, in lower case.
#include <meridian/base/check.h>
#include <meridian/codec/client_hello.h>

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
  const auto hello = ParseClientHello({copy.get(), bytes.size()});
  if (!hello) return hello.error().context;
  const std::string_view name = hello->server_name();
  MERIDIAN_CHECK(hello->progress == ClientHello::Progress::kDone || name.empty());
  MERIDIAN_CHECK(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-._:") ==
                 std::string_view::npos);
  if (hello->progress == ClientHello::Progress::kNeedMore) return "more";
  return hello->progress == ClientHello::Progress::kNotTls ? "not-tls" : std::string(name) + " .";
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
