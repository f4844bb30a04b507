// Request targets of arbitrary bytes. Holds: a path in normal form is no longer than the path and
// keeps its first '/', and has no segment of dots; a parameter's value is never longer than the
// query; a target whose letters are all spelled as %XX says the same.
#include <meridian/base/check.h>
#include <meridian/codec/target.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>

#include "fuzz/target.h"

namespace meridian::codec {
namespace {

void CheckPath(std::string_view path) {
  std::string scratch = "what was there before";
  const std::string normal(NormalPath(path, scratch));
  MERIDIAN_CHECK(normal.size() <= path.size());
  if (!path.starts_with('/')) {
    MERIDIAN_CHECK(normal == path);
    return;
  }
  MERIDIAN_CHECK(normal.starts_with('/'));
  const std::string closed = normal + "/";
  MERIDIAN_CHECK(closed.find("/./") == std::string::npos);
  MERIDIAN_CHECK(closed.find("/../") == std::string::npos);

  // A '%' that begins no byte may begin one once what follows it is spelled out.
  if (path.find('%') != std::string_view::npos) return;
  std::string spelled;
  for (const char c : path) {
    if (c == '.') {
      spelled += "%2e";
    } else if (c == 'a') {
      spelled += "%61";
    } else {
      spelled += c;
    }
  }
  MERIDIAN_CHECK(NormalPath(spelled, scratch) == normal);
}

void CheckQuery(std::string_view target) {
  std::string scratch;
  MERIDIAN_CHECK(PathOf(target).size() + QueryOf(target).size() == target.size());
  const auto value = QueryParameter(target, "a", scratch);
  if (value) MERIDIAN_CHECK(value->size() <= QueryOf(target).size());
}

}  // namespace
}  // namespace meridian::codec

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto copy = std::make_unique<char[]>(size);  // of exactly this size
  std::copy(data, data + size, copy.get());
  const std::string_view bytes(copy.get(), size);
  meridian::codec::CheckPath(meridian::codec::PathOf(bytes));
  meridian::codec::CheckQuery(bytes);
  return 0;
}
