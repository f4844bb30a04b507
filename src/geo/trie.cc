// See trie.h.
#include "geo/trie.h"

namespace meridian::geo {

void Trie::Insert(const net::Prefix& network, uint32_t value) {
  const bool is_v6 = network.ip().family() == net::Family::kIpv6;
  // The place to write is named by node and side, since the array moves when it grows.
  uint32_t parent = kLeaf;
  int side = 0;
  for (int depth = 0; depth < network.length(); ++depth) {
    Ref& at = parent == kLeaf ? (is_v6 ? root6 : root4) : nodes[parent][side];
    Ref next = at;
    if (IsLeaf(next)) {
      const Ref pushed = next;
      next = at = static_cast<Ref>(nodes.size());
      nodes.push_back({pushed, pushed});
    }
    parent = next;
    side = Bit(network.ip(), depth);
  }
  (parent == kLeaf ? (is_v6 ? root6 : root4) : nodes[parent][side]) = Leaf(value);
}

}  // namespace meridian::geo
