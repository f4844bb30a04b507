// HTTP/2 frames by hand, for tests that send what no library would: every length, flag and field as
// given, HPACK as literals without indexing or Huffman (RFC 7541 section 6.2.2).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace meridian::fakes::h2 {

inline constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

enum Type : uint8_t {
  kData = 0,
  kHeaders = 1,
  kPriority = 2,
  kRstStream = 3,
  kSettings = 4,
  kPushPromise = 5,
  kPing = 6,
  kGoAway = 7,
  kWindowUpdate = 8,
  kContinuation = 9,
};
enum Flag : uint8_t { kNone = 0, kAck = 1, kEndStream = 1, kEndHeaders = 4, kPadded = 8 };

inline std::string Number(uint32_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text.push_back(static_cast<char>(value >> (8 * i)));
  return text;
}

inline std::string Frame(uint8_t type, uint8_t flags, uint32_t stream, std::string_view payload) {
  std::string frame = Number(static_cast<uint32_t>(payload.size()), 3);
  frame.push_back(static_cast<char>(type));
  frame.push_back(static_cast<char>(flags));
  return frame.append(Number(stream, 4)).append(payload);
}

// An HPACK string without Huffman, its length a prefix of seven bits.
inline std::string HpackText(std::string_view text) {
  std::string out;
  if (text.size() < 127) {
    out.push_back(static_cast<char>(text.size()));
  } else {
    out.push_back(127);
    size_t rest = text.size() - 127;
    for (; rest >= 128; rest /= 128) out.push_back(static_cast<char>(rest % 128 + 128));
    out.push_back(static_cast<char>(rest));
  }
  return out.append(text);
}

using Fields = std::vector<std::pair<std::string_view, std::string_view>>;

inline std::string Block(const Fields& fields) {
  std::string block;
  for (const auto& [name, value] : fields) {
    block.push_back(0);
    block.append(HpackText(name)).append(HpackText(value));
  }
  return block;
}

inline std::string Headers(uint32_t stream, const Fields& fields, uint8_t flags) {
  return Frame(kHeaders, flags, stream, Block(fields));
}

inline Fields Get(std::string_view path = "/", std::string_view authority = "a.test") {
  return {{":method", "GET"}, {":scheme", "http"}, {":path", path}, {":authority", authority}};
}

inline std::string GetRequest(uint32_t stream, std::string_view path = "/") {
  return Headers(stream, Get(path), kEndStream | kEndHeaders);
}

// Preface and empty settings.
inline std::string Hello() {
  return std::string(kPreface) + Frame(kSettings, kNone, 0, "");
}

struct Received {
  uint8_t type = 0, flags = 0;
  uint32_t stream = 0;
  std::string payload;

  // Of RST_STREAM and GOAWAY.
  uint32_t code() const {
    uint32_t value = 0;
    const size_t at = type == kGoAway ? 4 : 0;
    for (size_t i = at; i < at + 4 && i < payload.size(); ++i)
      value = value << 8 | static_cast<uint8_t>(payload[i]);
    return value;
  }
};

// All whole frames in `bytes`.
inline std::vector<Received> Split(std::string_view bytes) {
  std::vector<Received> frames;
  while (bytes.size() >= 9) {
    const auto at = [&](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(bytes[i])); };
    const size_t length = at(0) << 16 | at(1) << 8 | at(2);
    if (bytes.size() < 9 + length) break;
    Received frame;
    frame.type = static_cast<uint8_t>(at(3));
    frame.flags = static_cast<uint8_t>(at(4));
    frame.stream = (at(5) & 127) << 24 | at(6) << 16 | at(7) << 8 | at(8);
    frame.payload = bytes.substr(9, length);
    frames.push_back(std::move(frame));
    bytes.remove_prefix(9 + length);
  }
  return frames;
}

}  // namespace meridian::fakes::h2
