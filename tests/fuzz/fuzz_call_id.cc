// SIP messages, or what may pass for one, of arbitrary bytes. Holds: what is found lies within the
// bytes and begins and ends with no blank; an answer that is final stays with more bytes, and none
// is final that a prefix did not allow.
#include <meridian/base/check.h>
#include <meridian/codec/sip.h>

#include <algorithm>
#include <memory>
#include <string_view>

#include "fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using meridian::codec::CallId;
  const auto copy = std::make_unique<char[]>(size);  // of exactly this size
  std::copy(data, data + size, copy.get());
  const std::string_view bytes(copy.get(), size);
  const CallId whole = meridian::codec::FindCallId(bytes);
  const bool done = whole.progress == CallId::Progress::kDone;
  MERIDIAN_CHECK(done || whole.value.empty());
  if (!whole.value.empty()) {
    MERIDIAN_CHECK(whole.value.data() >= bytes.data());
    MERIDIAN_CHECK(whole.value.data() + whole.value.size() <= bytes.data() + bytes.size());
    const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
    MERIDIAN_CHECK(!is_blank(whole.value.front()) && !is_blank(whole.value.back()));
  }
  const size_t step = size / 64 + 1;
  for (size_t cut = 0; cut < size; cut += step) {
    const CallId part = meridian::codec::FindCallId(bytes.substr(0, cut));
    if (part.progress == CallId::Progress::kNeedMore) continue;
    MERIDIAN_CHECK(done && part.value == whole.value);
  }
  return 0;
}
