// Longest prefix match, against a reader of the whole list.
#include <meridian/geo/network_table.h>
#include <meridian/net/random.h>

#include "test_files.h"

#include <set>

namespace meridian::geo {
namespace {

net::Prefix Network(const char* text) {
  const auto prefix = net::Prefix::Parse(text);
  EXPECT_TRUE(prefix) << text;
  return prefix.value_or(net::Prefix());
}

std::optional<NetworkTable::Match> FindByReading(const std::vector<NetworkTable::Entry>& entries,
                                                 const net::IpAddress& ip) {
  std::optional<NetworkTable::Match> best;
  for (const auto& entry : entries) {
    if (!entry.network.Contains(ip)) continue;
    if (!best || entry.network.length() > best->prefix_length) {
      best = NetworkTable::Match{entry.value, entry.network.length()};
    }
  }
  return best;
}

void ExpectSame(const std::vector<NetworkTable::Entry>& entries, const NetworkTable& table,
                const net::IpAddress& ip) {
  const auto expected = FindByReading(entries, ip), found = table.Find(ip);
  ASSERT_EQ(found.has_value(), expected.has_value()) << ip.ToString();
  if (!expected) return;
  EXPECT_EQ(found->value, expected->value) << ip.ToString();
  EXPECT_EQ(found->prefix_length, expected->prefix_length) << ip.ToString();
}

// Few distinct leading bits, so that networks nest often.
net::IpAddress RandomIp(net::Xoshiro& random) {
  std::array<uint8_t, 16> bytes{};
  const bool is_v6 = random.Next() % 2 == 0;
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random.Next() & random.Next() & 0x83);
  if (is_v6) {
    bytes[0] |= 0x20;
    return net::IpAddress::V6(bytes);
  }
  return net::IpAddress::V4(static_cast<uint32_t>(bytes[0]) << 24 |
                            static_cast<uint32_t>(bytes[1]) << 16 |
                            static_cast<uint32_t>(bytes[2]) << 8 | bytes[3]);
}

TEST(NetworkTable, FindsTheLongestPrefixWhateverTheOrderGiven) {
  const std::vector<NetworkTable::Entry> entries = {{Network("10.1.2.0/24"), 3},
                                                    {Network("0.0.0.0/0"), 1},
                                                    {Network("10.0.0.0/8"), 2},
                                                    {Network("10.1.2.3/32"), 4},
                                                    {Network("2001:db8::/32"), 5}};
  const auto table = NetworkTable::Build(entries);
  ASSERT_TRUE(table);
  EXPECT_EQ(table->size(), 5u);
  EXPECT_EQ(table->Find(Ip("10.1.2.3"))->value, 4u);
  EXPECT_EQ(table->Find(Ip("10.1.2.4"))->value, 3u);
  EXPECT_EQ(table->Find(Ip("::ffff:10.9.9.9"))->value, 2u);
  EXPECT_EQ(table->Find(Ip("11.0.0.1"))->prefix_length, 0);
  EXPECT_EQ(table->Find(Ip("2001:db8:ffff::1"))->value, 5u);
  EXPECT_FALSE(table->Find(Ip("2001:db9::1")));
  EXPECT_FALSE(table->Find(net::IpAddress()));
}

TEST(NetworkTable, AgreesWithReadingTheWholeList) {
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    net::Xoshiro random(seed);
    std::vector<NetworkTable::Entry> entries;
    std::set<net::Prefix> taken;
    for (uint32_t i = 0; i < 500; ++i) {
      const net::IpAddress ip = RandomIp(random);
      const net::Prefix network(ip, static_cast<int>(random.Next() % (ip.bits() + 1)));
      if (taken.insert(network).second) entries.push_back({network, i});
    }
    const auto table = NetworkTable::Build(entries);
    ASSERT_TRUE(table);
    for (const auto& entry : entries) ExpectSame(entries, *table, entry.network.ip());
    for (int i = 0; i < 500; ++i) ExpectSame(entries, *table, RandomIp(random));
  }
}

TEST(NetworkTable, RefusesANetworkGivenTwiceOrWithoutAnAddress) {
  const std::vector<NetworkTable::Entry> twice = {{Network("10.0.0.0/8"), 1},
                                                  {Network("10.0.0.0/8"), 2}};
  EXPECT_EQ(NetworkTable::Build(twice).error().code, ErrorCode::kConflict);
  const std::vector<NetworkTable::Entry> none = {{net::Prefix(), 1}};
  EXPECT_EQ(NetworkTable::Build(none).error().code, ErrorCode::kInvalid);
}

TEST(NetworkTable, EmptyKnowsNothing) {
  EXPECT_FALSE(NetworkTable().Find(Ip("10.0.0.1")));
  EXPECT_FALSE(NetworkTable::Build({})->Find(Ip("::1")));
  EXPECT_EQ(NetworkTable().size(), 0u);
}

}  // namespace
}  // namespace meridian::geo
