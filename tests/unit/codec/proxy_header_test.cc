// Both versions of the PROXY protocol's header, cut anywhere, whole, odd and wrong.
#include <gtest/gtest.h>
#include <meridian/codec/proxy_header.h>

#include <memory>
#include <string>

#include "codec/crc32c.h"

namespace meridian::codec {
namespace {

using namespace std::string_literals;

// From its own copy of exactly these bytes; views are not looked at.
Result<ProxyHeader> ParseCopy(std::string_view bytes) {
  const auto copy = std::make_unique<char[]>(bytes.size());
  std::copy(bytes.begin(), bytes.end(), copy.get());
  auto result = ParseProxyHeader({copy.get(), bytes.size()});
  if (result) result->tlvs = {};
  return result;
}

// The reason of the refusal, "more", or "ok".
std::string Outcome(std::string_view bytes) {
  const auto result = ParseCopy(bytes);
  if (!result) return result.error().context;
  return result->consumed == 0 ? "more" : "ok";
}

// Every shorter beginning needs more; then it is whole, and what follows does not matter.
void ExpectWholeOnlyAtItsEnd(const std::string& header) {
  for (size_t size = 0; size < header.size(); ++size) {
    EXPECT_EQ(Outcome(std::string_view(header).substr(0, size)), "more") << size;
  }
  for (const std::string& bytes : {header, header + "GET / HTTP/1.1\r\n", header + "\n"}) {
    const auto result = ParseCopy(bytes);
    ASSERT_TRUE(result.has_value()) << result.error().context;
    EXPECT_EQ(result->consumed, header.size());
  }
}

std::string V2(uint8_t command, uint8_t family, const std::string& rest) {
  std::string header = "\r\n\r\n\0\r\nQUIT\n"s;
  header += static_cast<char>(0x20 | command);
  header += static_cast<char>(family);
  header += static_cast<char>(rest.size() >> 8);
  header += static_cast<char>(rest.size() & 0xff);
  return header + rest;
}

const std::string kIpv4 = "\x0a\x01\x02\x03\xc0\x00\x02\x01\x30\x39\x01\xbb"s;
const std::string kIpv6 =
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02\x30\x39\x01\xbb"s;

std::string Tlv(uint8_t type, const std::string& value) {
  return std::string{static_cast<char>(type), static_cast<char>(value.size() >> 8),
                     static_cast<char>(value.size() & 0xff)} +
         value;
}

// With a checksum as the last TLV, right but for `wrong`.
std::string WithChecksum(uint32_t wrong = 0) {
  std::string header = V2(1, 0x11, kIpv4 + Tlv(0x01, "h2") + Tlv(0x03, "\0\0\0\0"s));
  const uint32_t sum = Crc32cFinish(Crc32cAdd(kCrc32cStart, header)) ^ wrong;
  for (int i = 0; i < 4; ++i)
    header[header.size() - 4 + i] = static_cast<char>(sum >> (24 - 8 * i));
  return header;
}

TEST(Crc32c, GivesThePublishedValues) {
  const auto sum = [](std::string_view bytes) {
    return Crc32cFinish(Crc32cAdd(kCrc32cStart, bytes));
  };
  EXPECT_EQ(sum(""), 0u);
  EXPECT_EQ(sum("123456789"), 0xe3069283u);
  EXPECT_EQ(sum(std::string(32, '\0')), 0x8a9136aau);    // RFC 3720 appendix B.4
  EXPECT_EQ(sum(std::string(32, '\xff')), 0x62a8ab43u);  // the same
}

TEST(ProxyHeader, Version1TellsBothAddresses) {
  const auto v4 = ParseProxyHeader("PROXY TCP4 192.0.2.1 10.0.0.1 56324 443\r\nGET");
  EXPECT_EQ(v4->consumed, 41u);
  EXPECT_EQ(v4->version, 1);
  EXPECT_FALSE(v4->local);
  EXPECT_EQ(v4->source.ToString(), "192.0.2.1:56324");
  EXPECT_EQ(v4->destination.ToString(), "10.0.0.1:443");
  const auto v6 = ParseProxyHeader("PROXY TCP6 2001:db8::1 2001:db8::2 0 65535\r\n");
  EXPECT_EQ(v6->source.ToString(), "[2001:db8::1]:0");
  EXPECT_EQ(v6->destination.ToString(), "[2001:db8::2]:65535");
}

TEST(ProxyHeader, Version1IsWholeOnlyAtItsLineEnd) {
  ExpectWholeOnlyAtItsEnd("PROXY TCP4 192.0.2.1 10.0.0.1 56324 443\r\n");
  ExpectWholeOnlyAtItsEnd("PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n");
  ExpectWholeOnlyAtItsEnd("PROXY UNKNOWN\r\n");
  ExpectWholeOnlyAtItsEnd(
      "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
      "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n");
}

TEST(ProxyHeader, Version1UnknownIsLocalWhateverFollows) {
  const auto header = ParseProxyHeader("PROXY UNKNOWN what ever\r\n");
  EXPECT_TRUE(header->local);
  EXPECT_FALSE(header->source.ok());
}

TEST(ProxyHeader, Version1RefusesWhatIsNotExact) {
  const std::pair<std::string, std::string_view> cases[] = {
      {"GET / HTTP/1.1\r\n", "not-a-proxy-header"},
      {"PROXx", "not-a-proxy-header"},
      {"proxy TCP4 ", "not-a-proxy-header"},
      {"PROXY TCP4 192.0.2.1 10.0.0.1 1 2\n", "bare-lf"},
      {"PROXY \n", "bare-lf"},
      {"PROXY \r\n", "bad-proxy-transport"},
      {"PROXY UDP4 192.0.2.1 10.0.0.1 1 2\r\n", "bad-proxy-transport"},
      {"PROXY TCP4\r\n", "bad-proxy-line"},
      {"PROXY TCP4 192.0.2.1 10.0.0.1 1\r\n", "bad-proxy-line"},
      {"PROXY TCP4 192.0.2.1 10.0.0.1 1 2 3\r\n", "bad-proxy-line"},
      {"PROXY TCP4 192.0.2.1 10.0.0.1 1 2 \r\n", "bad-proxy-line"},
      {"PROXY TCP4  192.0.2.1 10.0.0.1 1\r\n", "bad-proxy-address"},
      {"PROXY TCP4 192.0.2.256 10.0.0.1 1 2\r\n", "bad-proxy-address"},
      {"PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n", "bad-proxy-address"},
      {"PROXY TCP6 192.0.2.1 10.0.0.1 1 2\r\n", "bad-proxy-address"},
      {"PROXY TCP6 [::1] ::1 1 2\r\n", "bad-proxy-address"},
      {"PROXY TCP4 192.0.2.1 10.0.0.1 65536 2\r\n", "bad-proxy-port"},
      {"PROXY TCP4 192.0.2.1 10.0.0.1 -1 2\r\n", "bad-proxy-port"},
      {"PROXY TCP4 192.0.2.1 10.0.0.1 01 2\r\n", "bad-proxy-port"},
      {"PROXY TCP4 192.0.2.1 10.0.0.1 1 \r\n", "bad-proxy-port"},
      {"PROXY TCP4 192.0.2.1 10.0.0.1 1 2\r\r\n", "bad-proxy-port"},
      {"PROXY UNKNOWN" + std::string(94, 'x'), "proxy-line-too-long"},
  };
  for (const auto& [bytes, outcome] : cases) EXPECT_EQ(Outcome(bytes), outcome) << bytes;
}

TEST(ProxyHeader, Version2TellsBothAddresses) {
  const auto v4 = ParseCopy(V2(1, 0x11, kIpv4));
  EXPECT_EQ(v4->version, 2);
  EXPECT_FALSE(v4->local);
  EXPECT_EQ(v4->source.ToString(), "10.1.2.3:12345");
  EXPECT_EQ(v4->destination.ToString(), "192.0.2.1:443");
  const auto v6 = ParseCopy(V2(1, 0x21, kIpv6));
  EXPECT_EQ(v6->source.ToString(), "[2001:db8::1]:12345");
  EXPECT_EQ(v6->destination.ToString(), "[2001:db8::2]:443");
}

TEST(ProxyHeader, Version2MappedAddressIsAnIpv4One) {
  const std::string mapped = std::string(10, '\0') + "\xff\xff\x0a\x01\x02\x03";
  EXPECT_EQ(ParseCopy(V2(1, 0x21, mapped + mapped + "\0\1\0\2"s))->source.ToString(), "10.1.2.3:1");
}

TEST(ProxyHeader, Version2IsWholeOnlyAtItsLength) {
  ExpectWholeOnlyAtItsEnd(V2(1, 0x11, kIpv4));
  ExpectWholeOnlyAtItsEnd(V2(1, 0x21, kIpv6 + Tlv(0x02, "example.com") + Tlv(0x04, "")));
  ExpectWholeOnlyAtItsEnd(V2(0, 0x00, ""));
  ExpectWholeOnlyAtItsEnd(WithChecksum());
}

TEST(ProxyHeader, Version2KeepsItsTlvs) {
  const std::string tlvs = Tlv(0x01, "h2") + Tlv(0xe0, "");
  const std::string bytes = V2(1, 0x11, kIpv4 + tlvs) + "GET";
  const auto header = ParseProxyHeader(bytes);
  EXPECT_EQ(header->tlvs, tlvs);
  EXPECT_GE(header->tlvs.data(), bytes.data());
}

TEST(ProxyHeader, Version2LocalDiscardsWhateverItHolds) {
  for (const std::string& rest : {""s, kIpv4, "\xff\xff"s}) {
    const auto header = ParseCopy(V2(0, 0x11, rest));
    ASSERT_TRUE(header.has_value());
    EXPECT_TRUE(header->local);
    EXPECT_FALSE(header->source.ok());
    EXPECT_EQ(header->consumed, 16 + rest.size());
  }
  EXPECT_EQ(Outcome(V2(0, 0xff, "x")), "ok");
}

TEST(ProxyHeader, Version2WithoutAnIpAddressIsLocal) {
  EXPECT_TRUE(ParseCopy(V2(1, 0x00, Tlv(0x05, "id")))->local);
  EXPECT_TRUE(ParseCopy(V2(1, 0x31, std::string(216, 'x')))->local);
}

TEST(ProxyHeader, Version2ChecksumIsVerified) {
  EXPECT_EQ(Outcome(WithChecksum()), "ok");
  EXPECT_EQ(Outcome(WithChecksum(1)), "bad-proxy-checksum");
  EXPECT_EQ(Outcome(V2(1, 0x11, kIpv4 + Tlv(0x03, "abc"))), "bad-proxy-tlv");
}

TEST(ProxyHeader, Version2RefusesWhatIsNotExact) {
  const std::string signature = V2(1, 0x11, kIpv4).substr(0, 12);
  EXPECT_EQ(Outcome(signature + '\x11'), "proxy-version");
  EXPECT_EQ(Outcome(signature + '\x31'), "proxy-version");
  EXPECT_EQ(Outcome(signature + '\x22'), "bad-proxy-command");
  EXPECT_EQ(Outcome(V2(1, 0x12, kIpv4)), "proxy-transport");
  EXPECT_EQ(Outcome(V2(1, 0x41, kIpv4)), "proxy-transport");
  EXPECT_EQ(Outcome(V2(1, 0x11, kIpv4.substr(1))), "bad-proxy-length");
  EXPECT_EQ(Outcome(V2(1, 0x21, kIpv4)), "bad-proxy-length");
  EXPECT_EQ(Outcome(V2(1, 0x11, kIpv4 + "\x01\x00"s)), "bad-proxy-tlv");
  EXPECT_EQ(Outcome(V2(1, 0x11, kIpv4 + "\x01\x00\x02x"s)), "bad-proxy-tlv");
  EXPECT_EQ(Outcome(V2(1, 0x11, std::string(4097, 'x')).substr(0, 16)), "proxy-header-too-large");
  EXPECT_EQ(ParseCopy(signature + '\x31').error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(ParseCopy(V2(1, 0x11, std::string(4097, 'x'))).error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(ParseCopy(V2(1, 0x12, kIpv4)).error().side, Side::kClient);
}

TEST(ProxyHeader, RefusalsDoNotDependOnWhatHasArrivedBehind) {
  for (const std::string& bytes : {"PROXY TCP4 192.0.2.1 10.0.0.1 65536 2\r\n"s, V2(1, 0x12, kIpv4),
                                   V2(1, 0x11, kIpv4 + "\x01"s), WithChecksum(7), "PROXY x\n"s}) {
    const std::string whole = Outcome(bytes);
    for (size_t size = 0; size < bytes.size(); ++size) {
      const std::string outcome = Outcome(std::string_view(bytes).substr(0, size));
      EXPECT_TRUE(outcome == "more" || outcome == whole) << size << " " << outcome;
    }
  }
}

}  // namespace
}  // namespace meridian::codec
