// Addresses as text, as sockaddr, and as values.
#include <gtest/gtest.h>
#include <meridian/net/address.h>
#include <meridian/net/random.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <set>
#include <string>

namespace meridian::net {
namespace {

TEST(IpAddress, ReadsBothFamiliesAndWritesThemCanonically) {
  EXPECT_EQ(IpAddress::Parse("10.0.0.1")->ToString(), "10.0.0.1");
  EXPECT_EQ(IpAddress::Parse("255.255.255.255")->v4(), 0xffffffffu);
  EXPECT_EQ(IpAddress::Parse("2001:DB8:0:0:0:0:0:1")->ToString(), "2001:db8::1");
  EXPECT_EQ(IpAddress::Parse("::")->ToString(), "::");
  EXPECT_EQ(IpAddress::Parse("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")->ToString().size(), 39u);
}

TEST(IpAddress, RefusesWhatIsNotExactlyAnAddress) {
  for (const std::string_view text :
       {"", " ", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "0x1.2.3.4", "1.2.3.4 ",
        "1.2.3.4:5", "[::1]", "::1%lo", ":::", "1:2:3:4:5:6:7", "g::", "1.2.3.4\n"}) {
    EXPECT_FALSE(IpAddress::Parse(text).has_value()) << text;
  }
  EXPECT_FALSE(IpAddress::Parse(std::string_view("1.2.3.4\0", 8)).has_value());
  EXPECT_FALSE(IpAddress::Parse(std::string(1000, '1')).has_value());
}

TEST(IpAddress, AMappedAddressIsTheIpv4One) {
  const auto mapped = IpAddress::Parse("::ffff:192.0.2.7");
  ASSERT_TRUE(mapped.has_value());
  EXPECT_EQ(mapped->family(), Family::kIpv4);
  EXPECT_EQ(*mapped, *IpAddress::Parse("192.0.2.7"));
  EXPECT_EQ(mapped->Hash(3), IpAddress::V4(0xc0000207).Hash(3));
}

TEST(IpAddress, MasksToAnyLength) {
  const IpAddress four = *IpAddress::Parse("255.255.255.255");
  const IpAddress six = *IpAddress::Parse("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
  for (int length = 0; length <= 32; ++length) {
    const uint32_t expected = length == 0 ? 0 : ~uint32_t{0} << (32 - length);
    EXPECT_EQ(four.Masked(length).v4(), expected) << length;
  }
  EXPECT_EQ(four.Masked(99), four);
  EXPECT_EQ(four.Masked(-1).v4(), 0u);
  EXPECT_EQ(six.Masked(57).ToString(), "ffff:ffff:ffff:ff80::");
  EXPECT_EQ(six.Masked(0).ToString(), "::");
  EXPECT_EQ(six.Masked(128), six);
}

TEST(IpAddress, KnowsLoopback) {
  EXPECT_TRUE(IpAddress::Parse("127.9.9.9")->IsLoopback());
  EXPECT_TRUE(IpAddress::Parse("::1")->IsLoopback());
  EXPECT_FALSE(IpAddress::Parse("128.0.0.1")->IsLoopback());
  EXPECT_FALSE(IpAddress::Parse("1::1")->IsLoopback());
  EXPECT_FALSE(IpAddress().IsLoopback());
}

TEST(IpAddress, TextOfRandomAddressesReadsBack) {
  const uint64_t seed = 7;
  SCOPED_TRACE("seed " + std::to_string(seed));
  Xoshiro random(seed);
  for (int i = 0; i < 2000; ++i) {
    std::array<uint8_t, 16> bytes{};
    for (uint8_t& byte : bytes)
      byte = random.Next() % 3 == 0 ? static_cast<uint8_t>(random.Next()) : 0;
    const IpAddress ip = i % 2 == 0 ? IpAddress::V6(bytes) : IpAddress::V4(bytes[0] * 0x01030507u);
    EXPECT_EQ(IpAddress::Parse(ip.ToString()), ip);
    EXPECT_LE(ip.ToString().size(), 45u);
  }
}

TEST(Prefix, ReadsBlocksAndBareAddresses) {
  EXPECT_EQ(Prefix::Parse("10.0.0.0/8")->ToString(), "10.0.0.0/8");
  EXPECT_EQ(Prefix::Parse("10.0.0.1")->length(), 32);
  EXPECT_EQ(Prefix::Parse("2001:db8::/32")->ToString(), "2001:db8::/32");
  EXPECT_EQ(Prefix::Parse("::1")->length(), 128);
  EXPECT_EQ(Prefix::Parse("0.0.0.0/0")->length(), 0);
}

TEST(Prefix, RefusesBitsPastTheLengthAndImpossibleLengths) {
  for (const std::string_view text :
       {"10.0.0.1/8", "10.0.0.0/33", "::/129", "10.0.0.0/", "/8", "10.0.0.0/-1", "10.0.0.0/8/8",
        "10.0.0.0/ 8", "2001:db8::1/64"}) {
    EXPECT_FALSE(Prefix::Parse(text).has_value()) << text;
  }
}

TEST(Prefix, ContainsItsOwnFamilyOnly) {
  const Prefix ten = *Prefix::Parse("10.0.0.0/8");
  EXPECT_TRUE(ten.Contains(*IpAddress::Parse("10.255.0.1")));
  EXPECT_TRUE(ten.Contains(*IpAddress::Parse("::ffff:10.0.0.1")));
  EXPECT_FALSE(ten.Contains(*IpAddress::Parse("11.0.0.0")));
  EXPECT_FALSE(Prefix::Parse("0.0.0.0/0")->Contains(*IpAddress::Parse("::")));
}

TEST(Address, TextReadsBack) {
  for (const std::string_view text :
       {"10.0.0.1:80", "0.0.0.0:0", "[::1]:65535", "[2001:db8::1]:443", "unix:/run/app.sock"}) {
    const auto address = Address::Parse(text);
    ASSERT_TRUE(address.has_value()) << text;
    EXPECT_EQ(address->ToString(), text);
    EXPECT_TRUE(address->ok());
  }
  EXPECT_FALSE(Address().ok());
}

TEST(Address, RefusesNamesMissingPortsAndBareIpv6) {
  const std::string long_path = "unix:/" + std::string(200, 'x');
  for (const std::string_view text :
       {"", "10.0.0.1", "10.0.0.1:", "10.0.0.1:65536", "10.0.0.1:-1", "::1:80", "[::1]", "[::1]80",
        "[10.0.0.1]:80", "localhost:80", "unix:", ":80", "[]:80", long_path.c_str()}) {
    EXPECT_FALSE(Address::Parse(text).has_value()) << text;
  }
}

TEST(Address, SockaddrReadsBack) {
  for (const std::string_view text : {"10.0.0.1:80", "[2001:db8::1]:443", "unix:/run/app.sock"}) {
    const Address address = *Address::Parse(text);
    sockaddr_storage storage;
    EXPECT_GT(address.ToSockaddr(&storage), 0);
    EXPECT_EQ(Address::FromSockaddr(reinterpret_cast<sockaddr*>(&storage)), address);
  }
  sockaddr_storage storage;
  EXPECT_EQ(Address::Unix(std::string(sizeof(sockaddr_un::sun_path), 'x')).ToSockaddr(&storage), 0);
}

TEST(Address, AMappedPeerIsAnIpv4One) {
  sockaddr_storage storage{};
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(80);
  v6->sin6_addr.s6_addr[10] = v6->sin6_addr.s6_addr[11] = 0xff;
  v6->sin6_addr.s6_addr[12] = 10;
  EXPECT_EQ(Address::FromSockaddr(reinterpret_cast<sockaddr*>(&storage)).ToString(), "10.0.0.0:80");
}

TEST(Xoshiro, TheSameSeedGivesTheSameSequence) {
  Xoshiro a(1), b(1), c(2);
  std::set<uint64_t> seen;
  for (int i = 0; i < 1000; ++i) {
    const uint64_t value = a.Next();
    EXPECT_EQ(value, b.Next());
    EXPECT_NE(value, c.Next());
    EXPECT_TRUE(seen.insert(value).second);
  }
}

TEST(SeedFromSystem, GivesDifferentSeeds) {
  EXPECT_NE(SeedFromSystem(), SeedFromSystem());
}

}  // namespace
}  // namespace meridian::net
