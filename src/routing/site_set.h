// A set of sites and every order they can be put in for a client: by distance, by latency, or by
// weighted draws from a key. One per distinct list of sites in a Table, shared by services and
// rules. Built once, constant but for a cache of atomics: any thread, no lock, no allocation per
// query.
//
// **Latency**: the order of the sites' published round trips (health::RoundTrip), ties by name; the
// first of it are put in order once per version of the registry, by whoever first needs them. Sites
// not measured come last, in the order the client would have without latency.
//
// **Weighted draws**: a key draws sites, again and again, from a table that holds each in
// proportion to its weight (Maglev, so that a change of sites moves little); the order is that of
// first appearance. This is the order weighted rendezvous hashing gives, in distribution, at a cost
// that does not grow with the number of sites. Sites that do not appear in kMaxDraws follow by
// rendezvous itself; those of weight 0 come last.
#pragma once

#include "routing/maglev.h"

#include <meridian/geo/locator.h>
#include <meridian/geo/site_index.h>
#include <meridian/health/health.h>
#include <meridian/topology/ids.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

namespace meridian::routing {

struct Site;

class SiteSet {
 public:
  static constexpr size_t kMaxDraws = 64;
  static constexpr size_t kMaxFastest = 8;
  static constexpr size_t kMaxSites = geo::SiteIndex::kMaxSites;
  static constexpr size_t kReady = 4;  // nearest sites of each spot that are ranked beforehand

  // `precise`: shares to 1/65,000, for sites chosen by weight; otherwise to 1/4,000 of all.
  SiteSet(std::span<const SiteId> members, std::span<const Site> sites, bool precise);

  // Ranks the nearest sites of every spot of `locator` now, so that a decision reads them. May be
  // left out: then the first decision by distance pays.
  void RankSpots(const geo::Locator& locator);
  size_t ranked_spots() const { return first_.size(); }

  size_t size() const { return members_.size(); }
  SiteId at(uint16_t index) const { return members_[index]; }
  std::span<const SiteId> members() const { return members_; }

  // The first sites of the order, as indices into the set: at most out.size(), maybe fewer. Returns
  // how many.
  size_t Nearest(const geo::Locator& locator, geo::SpotId spot, std::span<uint16_t> out) const {
    if (out.size() > kReady || spot.value >= first_.size())
      return index_.Nearest(locator.PointOf(spot), out);
    const size_t count = std::min(out.size(), members_.size());
    if (count != 0) out[0] = first_[spot.value];
    if (count > 1) std::copy_n(next_[spot.value].begin(), count - 1, out.begin() + 1);
    return count;
  }
  size_t Drawn(uint64_t key, std::span<uint16_t> out) const;
  // Of the measured ones, as of the registry's version; at most kMaxFastest.
  size_t Fastest(uint32_t version, std::span<uint16_t> out) const;
  // The complete order, which begins with the same; `out` holds at least size(). Sorts.
  void AllNearest(const geo::Locator& locator, geo::SpotId spot, std::span<uint16_t> out) const {
    index_.Order(locator.PointOf(spot), out);
  }
  void AllDrawn(uint64_t key, std::span<uint16_t> out) const;
  // Of another complete order: measured sites go to its beginning, by latency.
  void BringFastestForward(std::span<uint16_t> order) const;

 private:
  void RankFastest(uint32_t version) const;

  std::vector<SiteId> members_;
  std::vector<const health::SiteHealth*> health_;
  // By rank: version, and index + 1 of the site; 0: no more are measured.
  mutable std::array<std::atomic<uint64_t>, kMaxFastest> fastest_{};
  std::vector<uint64_t> keys_;
  std::vector<uint32_t> weights_;
  geo::SiteIndex index_;
  // By SpotId. Most decisions read the first alone, which is so small that it stays in the caches.
  std::vector<uint16_t> first_;
  std::vector<std::array<uint16_t, kReady - 1>> next_;
  MaglevTable draws_;
};

// The rendezvous score of an item under a key (Schindelhauer and Schomaker 2005): the lowest wins,
// each item in proportion to its weight. Infinite for weight 0.
double RendezvousScore(uint64_t key, uint64_t item, double weight);

}  // namespace meridian::routing
