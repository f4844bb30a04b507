// Forwarded, element by element from the end, and what is written of it.
#include <meridian/codec/forwarded.h>

#include <gtest/gtest.h>

#include <vector>

namespace meridian::codec {
namespace {

// The addresses from the last element on; "-" for an element that names none.
std::vector<std::string> All(std::string_view field) {
  std::vector<std::string> out;
  while (!field.empty()) {
    const size_t before = field.size();
    const auto ip = TakeLastForwardedFor(field);
    out.push_back(ip ? ip->ToString() : "-");
    if (field.size() >= before) break;
  }
  return out;
}

using List = std::vector<std::string>;

TEST(Forwarded, NamesTheClientOfEachHop) {
  EXPECT_EQ(All("for=192.0.2.43"), List{"192.0.2.43"});
  EXPECT_EQ(All("for=192.0.2.43, for=198.51.100.17"), (List{"198.51.100.17", "192.0.2.43"}));
  EXPECT_EQ(All("For=\"[2001:db8:cafe::17]:4711\""), List{"2001:db8:cafe::17"});
  EXPECT_EQ(All("For=\"[2001:db8:cafe::17]\""), List{"2001:db8:cafe::17"});
  EXPECT_EQ(All("by=203.0.113.43;for=192.0.2.60;proto=http"), List{"192.0.2.60"});
  EXPECT_EQ(All("for=\"192.0.2.60:80\" ; by=\"a,b;for=1.1.1.1\""), List{"192.0.2.60"});
}

TEST(Forwarded, WhatNamesNoAddressGivesNone) {
  for (const std::string_view field :
       {"for=unknown", "for=_secret", "proto=http", "for=", "for=\"\"", "for", "=", ";", "for=[::1",
        "for=\"[::1]x\"", "for=\"[::1]:\"", "for=1.2.3", "for=1.1.1.1;for=2.2.2.2",
        "for =1.1.1.1"}) {
    EXPECT_EQ(All(field), List{"-"}) << field;
  }
}

TEST(Forwarded, AQuotedStringWithoutEndSpoilsAll) {
  EXPECT_EQ(All("for=1.1.1.1, for=\"2.2.2.2"), List{"-"});
  EXPECT_EQ(All("for=1.1.1.1, by=\"a\\\", for=2.2.2.2"), List{"-"});
}

TEST(Forwarded, IsWrittenAsItIsRead) {
  const auto written = [](std::string_view peer, std::string_view host, bool secure) {
    std::string out;
    AppendForwarded(*net::IpAddress::Parse(peer), host, secure, out);
    EXPECT_EQ(All(out), List{std::string(peer)});
    return out;
  };
  EXPECT_EQ(written("192.0.2.7", "a.test:81", true),
            "for=192.0.2.7;host=\"a.test:81\";proto=https");
  EXPECT_EQ(written("2001:db8::1", "", false), "for=\"[2001:db8::1]\";proto=http");
  EXPECT_EQ(written("192.0.2.7", "a\"b", false), "for=192.0.2.7;proto=http");
}

}  // namespace
}  // namespace meridian::codec
