// Compiling a WideTrie. See wide_trie.h.
#include "geo/wide_trie.h"

namespace meridian::geo {

struct WideTrie::Compiler {
  struct Run {
    uint8_t start;
    Trie::Ref ref;
  };

  const Trie& trie;
  std::span<const uint32_t> spots;
  WideTrie& out;

  Trie::Ref Head(net::Family family, size_t head) const {
    Trie::Ref ref = trie.root(family);
    for (int bit = 15; bit >= 0 && !Trie::IsLeaf(ref); --bit) {
      ref = trie.nodes[ref][head >> bit & 1];
    }
    return ref;
  }

  void FillHeads() {
    if (out.is_large_) out.nodes_.resize(kHeads);
    for (uint32_t head = 0; head < kHeads; ++head) {
      const Trie::Ref ref = Head(net::Family::kIpv4, head);
      out.is_large_ ? FillNode(head, ref) : Set(head, ref);
      Set(kHeads + head, Head(net::Family::kIpv6, head));
    }
    Set(2 * kHeads, Trie::Leaf(0));
  }

  // What stands at `at`, and all that is below.
  void Set(size_t at, Trie::Ref ref) {
    if (Trie::IsLeaf(ref)) {
      out.values_[at] = Trie::Value(ref);
      out.refs_[at] = spots[Trie::Value(ref)];
    } else {
      const auto node = static_cast<uint32_t>(out.nodes_.size());
      out.refs_[at] = kNode | node;
      out.nodes_.emplace_back();
      FillNode(node, ref);
    }
  }

  void FillNode(uint32_t index, Trie::Ref ref) {
    std::array<Run, 256> runs;
    const size_t count = Collect(ref, 0, 8, runs.data(), 0);
    const size_t first = out.refs_.size();
    out.nodes_[index].first = static_cast<uint32_t>(first);
    out.refs_.resize(first + count);
    out.values_.resize(first + count);
    for (size_t i = 0; i < count; ++i) Set(first + i, runs[i].ref);
    // The arrays have grown meanwhile.
    Node& node = out.nodes_[index];
    for (size_t i = 0; i < count; ++i) {
      node.starts[runs[i].start >> 6] |= uint64_t{1} << (runs[i].start & 63);
      if (i < kOwn) node.own[i] = out.refs_[first + i];
    }
    for (size_t word = 1; word < 4; ++word) {
      node.before[word] =
          static_cast<uint8_t>(node.before[word - 1] + std::popcount(node.starts[word - 1]));
    }
  }

  // Appends the runs of the `bits` levels from `ref` on, whose first child is `start`.
  size_t Collect(Trie::Ref ref, uint32_t start, int bits, Run* runs, size_t count) const {
    if (bits > 0 && !Trie::IsLeaf(ref)) {
      const uint32_t half = 1u << (bits - 1);
      count = Collect(trie.nodes[ref][0], start, bits - 1, runs, count);
      return Collect(trie.nodes[ref][1], start + half, bits - 1, runs, count);
    }
    const bool goes_on = count != 0 && Trie::IsLeaf(ref) && runs[count - 1].ref == ref;
    if (!goes_on) runs[count++] = {static_cast<uint8_t>(start), ref};
    return count;
  }
};

WideTrie WideTrie::Compile(const Trie& trie, std::span<const uint32_t> spots) {
  WideTrie out;
  out.refs_.resize(2 * kHeads + 1);
  out.values_.resize(2 * kHeads + 1);
  out.is_large_ = trie.nodes.size() >= kLarge;
  Compiler{trie, spots, out}.FillHeads();
  out.refs_.shrink_to_fit();
  out.values_.shrink_to_fit();
  out.nodes_.shrink_to_fit();
  return out;
}

}  // namespace meridian::geo
