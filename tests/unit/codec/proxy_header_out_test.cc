// PROXY headers as they are sent, judged by the published form and by our own reading.
#include <gtest/gtest.h>
#include <meridian/codec/proxy_header.h>

#include <string>

namespace meridian::codec {
namespace {

using namespace std::string_literals;

net::Address At(std::string_view text) {
  return *net::Address::Parse(text);
}

std::string Sent(const ProxyHeaderOut& header) {
  std::string out;
  AppendProxyHeader(header, out);
  return out;
}

TEST(ProxyHeaderOut, Version1IsALine) {
  EXPECT_EQ(Sent({1, At("192.0.2.1:999"), At("10.0.0.1:5432")}),
            "PROXY TCP4 192.0.2.1 10.0.0.1 999 5432\r\n");
  EXPECT_EQ(Sent({1, At("[2001:db8::1]:999"), At("[2001:db8::2]:5432")}),
            "PROXY TCP6 2001:db8::1 2001:db8::2 999 5432\r\n");
  EXPECT_EQ(Sent({1, At("192.0.2.1:999"), At("[2001:db8::2]:5432")}),
            "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 999 5432\r\n");
  EXPECT_EQ(Sent({1, {}, At("10.0.0.1:5432")}), "PROXY UNKNOWN\r\n");
}

TEST(ProxyHeaderOut, Version2IsReadAsItWasMeant) {
  for (const auto& [source, destination] : {std::pair{"192.0.2.1:999", "10.0.0.1:5432"},
                                            std::pair{"[2001:db8::1]:999", "[2001:db8::2]:5432"},
                                            std::pair{"192.0.2.1:999", "[2001:db8::2]:5432"}}) {
    const std::string bytes = Sent({2, At(source), At(destination), "a.test", "id", "dallas", 7});
    const auto header = ParseProxyHeader(bytes);
    ASSERT_TRUE(header.has_value()) << header.error().context;
    EXPECT_EQ(header->consumed, bytes.size());
    EXPECT_EQ(header->source, At(source));
    EXPECT_EQ(header->destination, At(destination));
    EXPECT_TRUE(
        header->tlvs.starts_with("\x02\0\x06"s
                                 "a.test\x05\0\x02"s
                                 "id\xe0\0\x06"s
                                 "dallas\xe1\0\x01"s
                                 "7\x03\0\x04"s));
  }
}

TEST(ProxyHeaderOut, WhatIsNotKnownIsLeftOut) {
  const std::string bytes = Sent({2, {}, {}, "", std::string(300, 'x'), ""});
  EXPECT_EQ(bytes.substr(0, 16), "\r\n\r\n\0\r\nQUIT\n\x21\0\0\x07"s);
  const auto header = ParseProxyHeader(bytes);
  ASSERT_TRUE(header.has_value());
  EXPECT_TRUE(header->local);
  EXPECT_EQ(header->tlvs.size(), 7u) << "the checksum alone";
}

TEST(ProxyHeaderOut, StandsBehindWhatIsThere) {
  std::string out = "before";
  AppendProxyHeader({2, At("192.0.2.1:999"), At("10.0.0.1:5432")}, out);
  EXPECT_TRUE(ParseProxyHeader(std::string_view(out).substr(6)).has_value());
}

}  // namespace
}  // namespace meridian::codec
