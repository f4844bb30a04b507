// Which networks a database knows: a walk over its whole tree, for those who need examples.
#include <array>

#include "geo/database_contents.h"

namespace meridian::geo {
namespace {

// Visits the networks below a node, in order of address.
template <class Visit>
class NetworkWalk {
 public:
  NetworkWalk(const Trie& trie, net::Family family, Visit& visit)
      : trie_(trie), is_v4_(family == net::Family::kIpv4), visit_(visit) {}

  void At(Trie::Ref ref, int depth) {
    if (Trie::IsLeaf(ref)) {
      if (Trie::Value(ref) != 0) visit_(net::Prefix(Here(), depth));
      return;
    }
    if (depth >= (is_v4_ ? 32 : 128)) return;
    const auto bit = static_cast<uint8_t>(0x80 >> depth % 8);
    At(trie_.nodes[ref][0], depth + 1);
    bytes_[depth / 8] = static_cast<uint8_t>(bytes_[depth / 8] | bit);
    At(trie_.nodes[ref][1], depth + 1);
    bytes_[depth / 8] = static_cast<uint8_t>(bytes_[depth / 8] & ~bit);
  }

 private:
  net::IpAddress Here() const {
    if (!is_v4_) return net::IpAddress::V6(bytes_);
    return net::IpAddress::V4(static_cast<uint32_t>(bytes_[0]) << 24 |
                              static_cast<uint32_t>(bytes_[1]) << 16 |
                              static_cast<uint32_t>(bytes_[2]) << 8 | bytes_[3]);
  }

  const Trie& trie_;
  const bool is_v4_;
  Visit& visit_;
  std::array<uint8_t, 16> bytes_{};
};

template <class Visit>
void ForEachNetwork(const Trie& trie, net::Family family, Visit visit) {
  NetworkWalk<Visit>(trie, family, visit).At(trie.root(family), 0);
}

}  // namespace

std::vector<net::Prefix> Database::Sample(size_t most) const {
  std::vector<net::Prefix> sample;
  net::Family family = net::Family::kIpv4;
  size_t count = 0;
  ForEachNetwork(contents_->trie, family, [&](const net::Prefix&) { ++count; });
  if (count == 0) {
    family = net::Family::kIpv6;
    ForEachNetwork(contents_->trie, family, [&](const net::Prefix&) { ++count; });
  }
  const size_t wanted = std::min(most, count);
  size_t index = 0;
  ForEachNetwork(contents_->trie, family, [&](const net::Prefix& network) {
    // The first of each of `wanted` equal parts.
    if (sample.size() < wanted && index++ * wanted / count == sample.size()) {
      sample.push_back(network);
    }
  });
  return sample;
}

}  // namespace meridian::geo
