// Session cookies: the one among a request's cookies, and what it says.
//
//   input   how[2] · bytes
//   how     0: the bytes are a Cookie field as they stand; else they make up a cookie that is ours
//           and stand around it, and one bit of it is turned (how - 1 of its bits; past them: none)
//
// Holds: a value found is a slice of the field that stands behind the name; a cookie that is
// accepted is written again as the same text; ours is found and says what was put into it; with a
// bit turned it is nobody's.
#include <meridian/base/check.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>

#include "fuzz/target.h"
#include "proxy/session_key.h"
#include "routing/cookie.h"

namespace meridian {
namespace {

constexpr std::string_view kName = "meridian";
constexpr uint64_t kService = 0x1234567890abcdef;

const tls::HmacKey& Key() {
  static const tls::HmacKey key("a secret of the fuzzer's own");
  return key;
}

std::string_view ValueIn(std::string_view field) {
  const auto head = std::make_unique<codec::Head>();
  head->fields[head->field_count++] = {"Cookie", field, codec::FieldId::kCookie};
  const std::string_view value = proxy::CookieValue(*head, kName);
  if (value.empty()) return value;
  MERIDIAN_CHECK(value.data() > field.data() + kName.size());
  MERIDIAN_CHECK(value.data() + value.size() <= field.data() + field.size());
  MERIDIAN_CHECK(value.find(';') == std::string_view::npos);
  const std::string_view before(value.data() - kName.size() - 1, kName.size() + 1);
  MERIDIAN_CHECK(before == "meridian=");
  return value;
}

void CheckWrittenAgain(std::string_view text) {
  const auto cookie = routing::ReadCookie(text, Key(), kService);
  if (!cookie) return;
  std::array<char, routing::kCookieText> again;
  routing::WriteCookie(*cookie, Key(), kService, again.data());
  MERIDIAN_CHECK(text == std::string_view(again.data(), again.size()));
}

uint64_t Number(std::string_view bytes) {
  uint64_t number = 0;
  for (const char byte : bytes.substr(0, 8)) number = number << 8 | static_cast<uint8_t>(byte);
  return number;
}

void CheckOurs(size_t how, std::string_view bytes) {
  const size_t half = bytes.size() / 2;
  const routing::Cookie put{Number(bytes), Number(bytes.substr(half)),
                            WallTime(std::chrono::seconds(Number(bytes) % (1ull << 32)))};
  std::string text(routing::kCookieText, '\0');
  routing::WriteCookie(put, Key(), kService, text.data());
  const size_t bit = how - 1;
  const bool turned = bit < 8 * text.size();
  if (turned) text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << bit % 8));

  const auto read = routing::ReadCookie(text, Key(), kService);
  MERIDIAN_CHECK(read.has_value() == !turned);
  MERIDIAN_CHECK(!routing::ReadCookie(text, Key(), kService + 1));
  if (turned) return;
  MERIDIAN_CHECK(read->site_key == put.site_key && read->endpoint_key == put.endpoint_key);
  MERIDIAN_CHECK(read->issued == put.issued);
  std::string field(bytes.substr(0, half));
  std::replace(field.begin(), field.end(), '=', '-');  // so that ours is the first by its name
  field.append("; meridian=").append(text).append("; ").append(bytes.substr(half));
  MERIDIAN_CHECK(ValueIn(field) == text);
}

}  // namespace
}  // namespace meridian

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace meridian;
  if (size < 2) return 0;
  const size_t bytes_size = size - 2;
  const auto copy = std::make_unique<char[]>(bytes_size);  // of exactly this size
  std::copy(data + 2, data + size, copy.get());
  const std::string_view bytes(copy.get(), bytes_size);
  const size_t how = static_cast<size_t>(data[0]) << 8 | data[1];
  if (how > 0) {
    CheckOurs(how, bytes);
    return 0;
  }
  CheckWrittenAgain(ValueIn(bytes));
  CheckWrittenAgain(bytes);
  return 0;
}
