// CRC-32C (Castagnoli, RFC 3720 appendix B.4), for the checksum of a PROXY v2 header: a few hundred
// bytes a connection at most, so one table of 1 KiB is quick enough. Pure; any thread.
//
//   value = Crc32cFinish(Crc32cAdd(Crc32cAdd(kCrc32cStart, first), second))
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace meridian::codec {

inline constexpr uint32_t kCrc32cStart = 0xffffffff;

inline constexpr std::array<uint32_t, 256> kCrc32cTable = [] {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ ((value & 1) != 0 ? 0x82f63b78u : 0u);
    table[byte] = value;
  }
  return table;
}();

inline uint32_t Crc32cAdd(uint32_t state, std::string_view bytes) {
  for (const char byte : bytes) {
    state = state >> 8 ^ kCrc32cTable[(state ^ static_cast<uint8_t>(byte)) & 0xff];
  }
  return state;
}

constexpr uint32_t Crc32cFinish(uint32_t state) {
  return ~state;
}

}  // namespace meridian::codec
