// Building a set of sites, and its weighted order.
#include "routing/site_set.h"

#include <meridian/base/check.h>
#include <meridian/routing/decide.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace meridian::routing {
namespace {

constexpr size_t kPreciseSlots = 65'000;
constexpr size_t kCoarseSlots = 4'000;

}  // namespace

double RendezvousScore(uint64_t key, uint64_t item, double weight) {
  if (weight <= 0) return std::numeric_limits<double>::infinity();
  return -std::log(1 - Unit(Combine(key, item))) / weight;
}

SiteSet::SiteSet(std::span<const SiteId> members, std::span<const Site> sites, bool precise)
    : members_(members.begin(), members.end()) {
  std::vector<geo::SiteIndex::Site> places;
  std::vector<MaglevTable::Item> items;
  for (const SiteId id : members_) {
    const Site& site = sites[id.value];
    keys_.push_back(site.key);
    health_.push_back(site.health);
    weights_.push_back(site.weight);
    places.push_back({site.point, site.bias});
    items.push_back({site.key, site.weight});
  }
  Result<geo::SiteIndex> index = geo::SiteIndex::Build(places, kMaxOrdered);
  MERIDIAN_CHECK(index.has_value());
  index_ = std::move(*index);
  draws_ = MaglevTable::Build(items, precise ? kPreciseSlots : kCoarseSlots);
}

void SiteSet::RankSpots(const geo::Locator& locator) {
  first_.resize(locator.spot_count());
  next_.resize(locator.spot_count());
  for (uint32_t i = 1; i < first_.size(); ++i) {
    std::array<uint16_t, kReady> nearest{};
    index_.Nearest(locator.PointOf(geo::SpotId{i}), nearest);
    first_[i] = nearest[0];
    std::copy(nearest.begin() + 1, nearest.end(), next_[i].begin());
  }
}

size_t SiteSet::Drawn(uint64_t key, std::span<uint16_t> out) const {
  if (draws_.empty()) return 0;
  const size_t wanted = std::min(out.size(), members_.size());
  size_t count = 0;
  for (size_t draw = 0; draw < kMaxDraws && count < wanted; ++draw) {
    const uint16_t site = draws_.At(Mix(key + draw));
    if (std::find(out.begin(), out.begin() + count, site) == out.begin() + count)
      out[count++] = site;
  }
  return count;
}

size_t SiteSet::Fastest(uint32_t version, std::span<uint16_t> out) const {
  static_assert(kMaxFastest == kMaxOrdered);
  const size_t wanted = std::min(out.size(), kMaxFastest);
  size_t count = 0;
  for (; count < wanted; ++count) {
    uint64_t word = fastest_[count].load(std::memory_order_relaxed);
    if (static_cast<uint32_t>(word >> 32) != version) {
      RankFastest(version);
      word = fastest_[count].load(std::memory_order_relaxed);
    }
    const uint32_t index = static_cast<uint32_t>(word);
    if (index == 0) break;
    out[count] = static_cast<uint16_t>(index - 1);
  }
  return count;
}

// Insertion into the first few. Members are sorted by name, so an equal one stays behind.
void SiteSet::RankFastest(uint32_t version) const {
  std::array<std::pair<Duration, uint32_t>, kMaxFastest> first;
  size_t count = 0;
  for (uint32_t i = 0; i < members_.size(); ++i) {
    const Duration latency = health_[i]->round_trip.published();
    if (latency == Duration(0)) continue;
    if (count == kMaxFastest && latency >= first[count - 1].first) continue;
    size_t place = count < kMaxFastest ? count++ : count - 1;
    for (; place > 0 && latency < first[place - 1].first; --place) first[place] = first[place - 1];
    first[place] = {latency, i};
  }
  for (size_t rank = 0; rank < kMaxFastest; ++rank) {
    const uint64_t index = rank < count ? first[rank].second + 1 : 0;
    fastest_[rank].store(uint64_t{version} << 32 | index, std::memory_order_relaxed);
  }
}

void SiteSet::BringFastestForward(std::span<uint16_t> order) const {
  struct Place {
    Duration latency;
    uint16_t tie, index;
  };
  std::array<Place, kMaxSites> places;
  for (uint16_t rank = 0; rank < members_.size(); ++rank) {
    const uint16_t index = order[rank];
    const Duration latency = health_[index]->round_trip.published();
    const bool measured = latency != Duration(0);
    places[rank] = {measured ? latency : Duration::max(), measured ? index : rank, index};
  }
  std::sort(places.begin(), places.begin() + members_.size(), [](const Place& a, const Place& b) {
    return std::pair(a.latency, a.tie) < std::pair(b.latency, b.tie);
  });
  for (size_t rank = 0; rank < members_.size(); ++rank) order[rank] = places[rank].index;
}

void SiteSet::AllDrawn(uint64_t key, std::span<uint16_t> out) const {
  std::array<uint16_t, kMaxDraws> first;
  const size_t drawn = Drawn(key, first);
  std::array<double, kMaxSites> score;
  for (size_t i = 0; i < members_.size(); ++i) {
    out[i] = static_cast<uint16_t>(i);
    score[i] = RendezvousScore(key, keys_[i], weights_[i]);
  }
  // Scores are positive: those drawn take the places below zero, in the order they were drawn.
  for (size_t i = 0; i < drawn; ++i)
    score[first[i]] = static_cast<double>(i) - static_cast<double>(kMaxDraws);
  std::sort(out.begin(), out.begin() + members_.size(), [&score](uint16_t a, uint16_t b) {
    return std::pair(score[a], a) < std::pair(score[b], b);
  });
}

}  // namespace meridian::routing
