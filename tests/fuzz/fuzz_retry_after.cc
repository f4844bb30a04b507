// Retry-After fields of arbitrary bytes, and access log lines that carry them. Holds: a wait is
// within a year; a line is one line of printable bytes or whole UTF-8 characters.
#include <meridian/base/check.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>

#include "fuzz/target.h"
#include "proxy/access_line.h"
#include "proxy/retry_after.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace meridian;
  const auto copy = std::make_unique<char[]>(size);  // of exactly this size
  std::copy(data, data + size, copy.get());
  const std::string_view bytes(copy.get(), size);
  const auto wait = proxy::ParseRetryAfter(bytes, WallTime(std::chrono::seconds(784'111'777)));
  if (wait) MERIDIAN_CHECK(*wait >= Duration(0) && *wait <= std::chrono::hours(365 * 24));

  proxy::AccessLine line;
  line.method = line.path = line.agent = line.host = bytes;
  std::string json, combined;
  proxy::AppendJson(line, json);
  proxy::AppendCombined(line, combined);
  for (const std::string& text : {json, combined}) {
    MERIDIAN_CHECK(text.ends_with('\n'));
    const auto is_control = [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; };
    MERIDIAN_CHECK(std::none_of(text.begin(), text.end() - 1, is_control));
  }
  MERIDIAN_CHECK(std::count(combined.begin(), combined.end(), '"') == 6);
  return 0;
}
