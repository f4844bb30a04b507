// Compiling a WideTrie. See wide_trie.h.
#include "geo/wide_trie.h"

#include <meridian/base/check.h>

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
    Append(2 * kHeads + 1);
    for (uint32_t head = 0; head < kHeads; ++head) {
      Set(head, Head(net::Family::kIpv4, head));
      Set(kHeads + head, Head(net::Family::kIpv6, head));
    }
    Set(2 * kHeads, Trie::Leaf(0));
  }

  // What stands at `at`, and all that is below.
  void Set(size_t at, Trie::Ref ref) {
    if (Trie::IsLeaf(ref)) {
      out.values_[at] = Trie::Value(ref);
      out.words_[at] = spots[Trie::Value(ref)];
      return;
    }
    std::array<Run, 256> runs;
    const size_t count = Collect(ref, 0, 8, runs.data(), 0);
    const std::span<const Run> block(runs.data(), count);
    count <= kSmallRuns ? SetSmall(at, block) : SetWide(at, block);
  }

  void SetWide(size_t at, std::span<const Run> runs) {
    // What is read first, in one cache line.
    const size_t in_line = out.words_.size() % kLine;
    if (in_line + kWideHead > kLine) Append(kLine - in_line);
    const size_t block = Append(kWideHead + runs.size());
    out.words_[at] = kBlock | Offset(block);
    std::array<uint64_t, 4> starts{};
    for (const Run& run : runs) starts[run.start >> 6] |= uint64_t{1} << (run.start & 63);
    uint32_t before = 0, count = 0;
    for (size_t part = 0; part < 4; ++part) {
      before |= count << (8 * part);
      count += static_cast<uint32_t>(std::popcount(starts[part]));
    }
    out.words_[block] = before;
    std::memcpy(&out.words_[block + 1], starts.data(), sizeof starts);
    for (size_t i = 0; i < runs.size(); ++i) Set(block + kWideHead + i, runs[i].ref);
  }

  void SetSmall(size_t at, std::span<const Run> runs) {
    const size_t first = Append(runs.size() + 2);
    const size_t block = first + runs.size();
    out.words_[at] = kBlock | kSmall | Offset(block);
    std::array<uint8_t, 8> starts{};
    for (size_t i = 1; i < runs.size(); ++i)
      starts[kSmallRuns - 1 - runs.size() + i] = runs[i].start;
    std::memcpy(&out.words_[block], starts.data(), sizeof starts);
    for (size_t i = 0; i < runs.size(); ++i) Set(first + i, runs[i].ref);
  }

  // Words at the end; returns where they begin.
  size_t Append(size_t count) {
    const size_t at = out.words_.size();
    out.words_.resize(at + count);
    out.values_.resize(at + count);
    return at;
  }

  static uint32_t Offset(size_t at) {
    MERIDIAN_CHECK(at <= kOffset);
    return static_cast<uint32_t>(at);
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
  Compiler{trie, spots, out}.FillHeads();
  out.words_.shrink_to_fit();
  out.values_.shrink_to_fit();
  return out;
}

}  // namespace meridian::geo
