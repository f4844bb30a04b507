// The UDP sessions of one listener, found by what a datagram shows: both addresses and, where the
// service's sessions are told apart by content, a hash of that. Chained through the entries
// themselves; grows by doubling, never shrinks; its bound is the listener's. One thread.
#pragma once

#include <meridian/base/check.h>
#include <meridian/net/datagram.h>

#include <cstdint>
#include <vector>

namespace meridian::proxy {

struct FlowEntry {
  net::Flow flow;
  uint64_t content = 0;  // 0: told apart by addresses alone
  uint64_t hash = 0;
  FlowEntry* following = nullptr;  // in its chain
};

class FlowTable {
 public:
  // `seed` keeps clients from choosing addresses that meet in one chain.
  explicit FlowTable(uint64_t seed) : seed_(seed), chains_(kFirstChains) {}

  uint64_t HashOf(const net::Flow& flow, uint64_t content) const {
    return Combine(flow.Hash(seed_), content);
  }
  FlowEntry* Find(const net::Flow& flow, uint64_t content, uint64_t hash) const {
    FlowEntry* entry = chains_[hash & (chains_.size() - 1)];
    while (entry != nullptr &&
           (entry->hash != hash || entry->content != content || entry->flow != flow)) {
      entry = entry->following;
    }
    return entry;
  }
  // Precondition: `entry` is complete, and Find does not find it.
  void Insert(FlowEntry& entry) {
    if (size_ == chains_.size()) Grow();
    Chain(entry);
    ++size_;
  }
  void Remove(FlowEntry& entry) {
    FlowEntry** link = &chains_[entry.hash & (chains_.size() - 1)];
    while (*link != &entry) {
      MERIDIAN_CHECK(*link != nullptr);
      link = &(*link)->following;
    }
    *link = entry.following;
    --size_;
  }
  size_t size() const { return size_; }

 private:
  static constexpr size_t kFirstChains = 64;

  void Chain(FlowEntry& entry) {
    FlowEntry*& head = chains_[entry.hash & (chains_.size() - 1)];
    entry.following = head;
    head = &entry;
  }
  void Grow() {
    std::vector<FlowEntry*> old(chains_.size() * 2);
    old.swap(chains_);
    for (FlowEntry* entry : old) {
      while (entry != nullptr) {
        FlowEntry* const rest = entry->following;
        Chain(*entry);
        entry = rest;
      }
    }
  }

  uint64_t seed_;
  size_t size_ = 0;
  std::vector<FlowEntry*> chains_;
};

}  // namespace meridian::proxy
