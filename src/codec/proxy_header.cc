// See proxy_header.h.
//
//   v1   "PROXY" SP "TCP4"|"TCP6" SP source SP destination SP source-port SP destination-port CRLF
//        "PROXY" SP "UNKNOWN" anything CRLF
//   v2   signature[12] · version and command[1] · family and transport[1] · length[2]
//        · addresses · TLVs, each: type[1] · length[2] · value
#include <meridian/base/text.h>
#include <meridian/codec/proxy_header.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "codec/crc32c.h"

namespace meridian::codec {
namespace {

constexpr std::string_view kV1Prefix = "PROXY ";
constexpr size_t kV1MaxSize = 107;  // section 2.1, line end included
constexpr std::string_view kV2Signature{"\r\n\r\n\0\r\nQUIT\n", 12};
constexpr size_t kV2FixedSize = 16;
constexpr size_t kV2MaxLength = 4096;
constexpr size_t kTlvHead = 3;
constexpr uint8_t kTlvCrc32c = 0x03;

tl::unexpected<Error> Refuse(ErrorCode code, const char* context) {
  return Fail(code, context, 0, Side::kClient);
}

tl::unexpected<Error> Malformed(const char* context) {
  return Refuse(ErrorCode::kMalformed, context);
}

uint8_t ByteAt(std::string_view bytes, size_t position) {
  return static_cast<uint8_t>(bytes[position]);
}

uint16_t WordAt(std::string_view bytes, size_t position) {
  return static_cast<uint16_t>(ByteAt(bytes, position) << 8 | ByteAt(bytes, position + 1));
}

// True if what is there of `bytes` is how `whole` begins.
bool MayBecome(std::string_view bytes, std::string_view whole) {
  const size_t size = std::min(bytes.size(), whole.size());
  return bytes.substr(0, size) == whole.substr(0, size);
}

// The text up to the next space, which is taken away with it; the rest if there is none.
std::string_view TakeWord(std::string_view& line) {
  const size_t space = line.find(' ');
  const std::string_view word = line.substr(0, space);
  line.remove_prefix(space == std::string_view::npos ? line.size() : space + 1);
  return word;
}

std::optional<uint16_t> ReadPort(std::string_view text) {
  const auto port = ParseUnsigned(text);
  const bool padded = text.size() > 1 && text[0] == '0';
  if (!port || padded || *port > UINT16_MAX) return std::nullopt;
  return static_cast<uint16_t>(*port);
}

Result<> ReadV1Addresses(std::string_view line, bool v6, ProxyHeader& header) {
  if (std::count(line.begin(), line.end(), ' ') != 3) return Malformed("bad-proxy-line");
  std::array<net::IpAddress, 2> ips;
  for (net::IpAddress& ip : ips) {
    const std::string_view word = TakeWord(line);
    const auto parsed = net::IpAddress::Parse(word);
    const bool has_colon = word.find(':') != std::string_view::npos;
    if (!parsed || has_colon != v6) return Malformed("bad-proxy-address");
    ip = *parsed;
  }
  const auto source_port = ReadPort(TakeWord(line));
  const auto destination_port = ReadPort(line);
  if (!source_port || !destination_port) return Malformed("bad-proxy-port");
  header.source = net::Address(ips[0], *source_port);
  header.destination = net::Address(ips[1], *destination_port);
  return {};
}

Result<ProxyHeader> ParseV1(std::string_view bytes) {
  ProxyHeader header;
  const std::string_view window = bytes.substr(0, kV1MaxSize);
  const size_t lf = window.find('\n');
  if (lf == std::string_view::npos) {
    if (window.size() == kV1MaxSize) return Malformed("proxy-line-too-long");
    return header;
  }
  if (window[lf - 1] != '\r') return Malformed("bare-lf");
  std::string_view line = window.substr(kV1Prefix.size(), lf - 1 - kV1Prefix.size());
  const std::string_view transport = TakeWord(line);
  if (transport == "TCP4" || transport == "TCP6") {
    const Result<> addresses = ReadV1Addresses(line, transport == "TCP6", header);
    if (!addresses) return tl::unexpected<Error>(addresses.error());
  } else if (transport == "UNKNOWN") {
    header.local = true;
  } else {
    return Malformed("bad-proxy-transport");
  }
  header.version = 1;
  header.consumed = lf + 1;
  return header;
}

// Bytes of addresses that a family byte (family << 4 | transport) announces; empty if we do not
// take it.
std::optional<size_t> AddressBytes(uint8_t family) {
  switch (family) {
    case 0x00:
      return 0;
    case 0x11:
      return 12;
    case 0x21:
      return 36;
    case 0x31:
      return 216;
    default:
      return std::nullopt;
  }
}

net::IpAddress IpAt(std::string_view bytes, size_t position, bool v6) {
  if (!v6) {
    return net::IpAddress::V4(static_cast<uint32_t>(WordAt(bytes, position)) << 16 |
                              WordAt(bytes, position + 2));
  }
  std::array<uint8_t, 16> ip;
  std::memcpy(ip.data(), bytes.data() + position, ip.size());
  return net::IpAddress::V6(ip);
}

void ReadV2Addresses(std::string_view addresses, bool v6, ProxyHeader& header) {
  const size_t size = v6 ? 16 : 4;
  header.source = net::Address(IpAt(addresses, 0, v6), WordAt(addresses, 2 * size));
  header.destination = net::Address(IpAt(addresses, size, v6), WordAt(addresses, 2 * size + 2));
}

// The checksum covers the whole header, its own four bytes taken as zero (section 2.2.3).
bool ChecksumMatches(std::string_view header, size_t at) {
  const uint32_t told = static_cast<uint32_t>(WordAt(header, at)) << 16 | WordAt(header, at + 2);
  uint32_t state = Crc32cAdd(kCrc32cStart, header.substr(0, at));
  state = Crc32cAdd(state, std::string_view("\0\0\0\0", 4));
  state = Crc32cAdd(state, header.substr(at + 4));
  return Crc32cFinish(state) == told;
}

// Each TLV whole, and the checksum, if any, right.
Result<> CheckTlvs(std::string_view header, size_t first) {
  bool checked = false;
  for (size_t position = first; position < header.size();) {
    if (header.size() - position < kTlvHead) return Malformed("bad-proxy-tlv");
    const size_t length = WordAt(header, position + 1);
    const size_t value = position + kTlvHead;
    if (header.size() - value < length) return Malformed("bad-proxy-tlv");
    if (ByteAt(header, position) == kTlvCrc32c) {
      if (length != 4 || checked) return Malformed("bad-proxy-tlv");
      if (!ChecksumMatches(header, value)) return Malformed("bad-proxy-checksum");
      checked = true;
    }
    position = value + length;
  }
  return {};
}

Result<ProxyHeader> ParseV2(std::string_view bytes) {
  ProxyHeader header;
  if (bytes.size() <= kV2Signature.size()) return header;
  const uint8_t version_command = ByteAt(bytes, 12);
  if (version_command >> 4 != 2) return Refuse(ErrorCode::kUnsupported, "proxy-version");
  if ((version_command & 0x0f) > 1) return Malformed("bad-proxy-command");
  if (bytes.size() < kV2FixedSize) return header;
  const uint8_t family = ByteAt(bytes, 13);
  const size_t length = WordAt(bytes, 14);
  if (length > kV2MaxLength) return Refuse(ErrorCode::kTooLarge, "proxy-header-too-large");
  header.local = (version_command & 0x0f) == 0;
  const std::optional<size_t> address_bytes = AddressBytes(family);
  if (!header.local && !address_bytes) return Refuse(ErrorCode::kUnsupported, "proxy-transport");
  if (!header.local && length < *address_bytes) return Malformed("bad-proxy-length");
  if (bytes.size() < kV2FixedSize + length) return header;

  const std::string_view whole = bytes.substr(0, kV2FixedSize + length);
  header.version = 2;
  header.consumed = whole.size();
  if (header.local) return header;  // section 2.2: whatever else it holds is to be discarded
  const size_t tlvs = kV2FixedSize + *address_bytes;
  const Result<> checked = CheckTlvs(whole, tlvs);
  if (!checked) return tl::unexpected<Error>(checked.error());
  header.tlvs = whole.substr(tlvs);
  header.local = family == 0x00 || family == 0x31;
  if (!header.local) ReadV2Addresses(whole.substr(kV2FixedSize), family == 0x21, header);
  return header;
}

}  // namespace

Result<ProxyHeader> ParseProxyHeader(std::string_view bytes) {
  if (MayBecome(bytes, kV1Prefix)) {
    return bytes.size() < kV1Prefix.size() ? Result<ProxyHeader>(ProxyHeader{}) : ParseV1(bytes);
  }
  if (MayBecome(bytes, kV2Signature)) return ParseV2(bytes);
  return Malformed("not-a-proxy-header");
}

}  // namespace meridian::codec
