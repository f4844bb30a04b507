// The compiled tree against reading all networks: the longest that holds the address, in both
// families, small and large trees (which are laid out differently), and where prefixes end on,
// before and behind the borders of its steps.
#include <meridian/net/random.h>

#include "geo/wide_trie.h"
#include "test_files.h"
#include "testing/allocations.h"

#include <map>

namespace meridian::geo {
namespace {

struct World {
  Trie trie;
  std::map<net::Prefix, uint32_t> values;
  std::vector<net::IpAddress> edges;  // first and last addresses of networks, and their neighbours
  std::vector<uint32_t> spots{0};
};

net::IpAddress Shifted(const net::IpAddress& ip, int by) {
  std::array<uint8_t, 16> bytes = ip.bytes();
  const int last = ip.bits() / 8 - 1;
  for (int i = last; i >= 0; --i) {
    bytes[i] = static_cast<uint8_t>(bytes[i] + by);
    if (by > 0 ? bytes[i] != 0 : bytes[i] != 255) break;
  }
  const uint32_t v4 =
      static_cast<uint32_t>(bytes[0]) << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
  return last == 3 ? net::IpAddress::V4(v4) : net::IpAddress::V6(bytes);
}

net::IpAddress LastOf(const net::Prefix& network) {
  std::array<uint8_t, 16> bytes = network.ip().bytes();
  for (int bit = network.length(); bit < network.ip().bits(); ++bit) {
    bytes[bit / 8] |= static_cast<uint8_t>(1 << (7 - bit % 8));
  }
  const uint32_t v4 =
      static_cast<uint32_t>(bytes[0]) << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
  return network.ip().bits() == 32 ? net::IpAddress::V4(v4) : net::IpAddress::V6(bytes);
}

// Crowded into a few blocks, so that networks nest; IPv6 outside of the mapped addresses.
net::Prefix RandomNetwork(net::Xoshiro& random) {
  std::array<uint8_t, 16> bytes;
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random.Next() % 4 * 85);
  bytes[15] = static_cast<uint8_t>(random.Next());
  bytes[3] = static_cast<uint8_t>(random.Next());
  bytes[0] |= 1;
  if (random.Next() % 2 == 0) {
    const uint32_t v4 =
        static_cast<uint32_t>(bytes[0]) << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
    return {net::IpAddress::V4(v4), static_cast<int>(random.Next() % 33)};
  }
  return {net::IpAddress::V6(bytes), static_cast<int>(random.Next() % 129)};
}

World Make(net::Xoshiro& random, size_t networks) {
  World world;
  for (size_t i = 0; i < networks; ++i) {
    // Few values, so that neighbours are equal at times.
    world.values.emplace(RandomNetwork(random), static_cast<uint32_t>(1 + random.Next() % 7));
  }
  std::vector<net::Prefix> order;
  for (const auto& [network, value] : world.values) order.push_back(network);
  std::stable_sort(order.begin(), order.end(), [](const net::Prefix& a, const net::Prefix& b) {
    return a.length() < b.length();
  });
  for (const net::Prefix& network : order) {
    world.trie.Insert(network, world.values.at(network));
    for (const net::IpAddress& ip : {network.ip(), LastOf(network)}) {
      for (const int by : {-1, 0, 1}) world.edges.push_back(by == 0 ? ip : Shifted(ip, by));
    }
  }
  for (uint32_t value = 1; value <= 7; ++value) world.spots.push_back(100 + value / 2);
  return world;
}

uint32_t SlowFind(const World& world, const net::IpAddress& ip) {
  for (int length = ip.bits(); length >= 0; --length) {
    const auto found = world.values.find(net::Prefix(ip, length));
    if (found != world.values.end()) return found->second;
  }
  return 0;
}

TEST(WideTrie, FindsTheLongestNetworkThatHoldsAnAddress) {
  for (const size_t networks : {0u, 1u, 2u, 30u, 500u, 20'000u}) {
    const uint64_t seed = 1000 + networks;
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    net::Xoshiro random(seed);
    const World world = Make(random, networks);
    const WideTrie tree = WideTrie::Compile(world.trie, world.spots);
    const auto expect = [&](const net::IpAddress& ip) {
      const WideTrie::Leaf leaf = tree.Find(ip);
      const uint32_t value = SlowFind(world, ip);
      ASSERT_EQ(tree.value(leaf.at), value) << ip.ToString();
      ASSERT_EQ(leaf.spot, world.spots[value]) << ip.ToString();
    };
    const size_t step = world.edges.size() / 4000 + 1;
    for (size_t i = 0; i < world.edges.size(); i += step) expect(world.edges[i]);
    for (int i = 0; i < 1000; ++i) {
      expect(RandomNetwork(random).ip());
      expect(net::IpAddress::V4(static_cast<uint32_t>(random.Next())));
    }
  }
}

TEST(WideTrie, GivesNoAddressTheFirstValue) {
  net::Xoshiro random(5);
  World world = Make(random, 100);
  world.spots[0] = 42;
  const WideTrie tree = WideTrie::Compile(world.trie, world.spots);
  EXPECT_EQ(tree.Find(net::IpAddress()).spot, 42u);
  EXPECT_EQ(tree.value(tree.Find(net::IpAddress()).at), 0u);
}

TEST(WideTrie, TakesAFewBytesForEachNetwork) {
  net::Xoshiro random(6);
  const World world = Make(random, 20'000);
  ASSERT_GE(world.trie.nodes.size(), size_t{1} << 16);  // laid out as a large one
  const WideTrie tree = WideTrie::Compile(world.trie, world.spots);
  EXPECT_LE(tree.memory_bytes(), (size_t{8} << 20) + 16 * world.trie.nodes.size());
}

}  // namespace
}  // namespace meridian::geo
