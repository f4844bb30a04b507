// See site_index.h. A site's rank for a point is one integer, so that comparing two is one
// instruction and equal distances fall back to the index: the bits of a non-negative float grow
// with its value.
#include <meridian/geo/site_index.h>

#include "geo/site_index_builder.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace meridian::geo {

namespace {

// Sites ranked at a time: their arithmetic overlaps, and what a branch depends on comes after it.
constexpr size_t kBatch = 32;

// The angle of a chord in radians, within 3e-7 (two metres): twice the arc sine of half the chord,
// by the polynomial of Abramowitz and Stegun 4.4.46, without a branch.
inline float FastAngle(float chord_squared) {
  const float x = std::min(1.0f, std::sqrt(chord_squared) * 0.5f);
  float p = -0.0012624911f;
  p = p * x + 0.0066700901f;
  p = p * x - 0.0170881256f;
  p = p * x + 0.0308918810f;
  p = p * x - 0.0501743046f;
  p = p * x + 0.0889789874f;
  p = p * x - 0.2145988016f;
  p = p * x + 1.5707963050f;
  return std::max(0.0f, 3.14159265f - 2 * std::sqrt(1 - x) * p);
}

}  // namespace

double EffectiveKm(double km, int bias) {
  return km * (1 + bias / 100.0);
}

Result<SiteIndex> SiteIndex::Build(std::span<const Site> sites, size_t limit) {
  if (sites.size() > kMaxSites) return Fail(ErrorCode::kTooLarge, "geo: too many sites to rank");
  if (limit == 0 || limit > kMaxLimit)
    return Fail(ErrorCode::kInvalid, "geo: how many sites to rank");
  SiteIndex index;
  index.limit_ = limit;
  for (const Site& site : sites) {
    if (site.bias < -99 || site.bias > 99)
      return Fail(ErrorCode::kInvalid, "geo: bias is outside −99…99");
    index.biased_ |= site.bias != sites.front().bias;
    index.sites_.push_back({site.point, static_cast<float>(EffectiveKm(1, site.bias))});
  }
  if (!sites.empty()) SiteIndexBuilder(index).Build();
  return index;
}

inline uint64_t SiteIndex::Key(const Point& from, uint32_t index) const {
  const Ranked& site = sites_[index];
  float rank = ChordSquared(site.place, from);
  if (biased_) rank = site.factor * FastAngle(rank);
  return uint64_t{std::bit_cast<uint32_t>(rank)} << 32 | index;
}

const SiteIndex::Cell& SiteIndex::CellOf(const Point& from) const {
  constexpr auto kDegrees = static_cast<float>(SiteIndexBuilder::kBaseDegrees);
  float x = (from.longitude + 180) / kDegrees, y = (from.latitude + 90) / kDegrees;
  const int column = std::clamp(static_cast<int>(x), 0, SiteIndexBuilder::kColumns - 1);
  const int row = std::clamp(static_cast<int>(y), 0, SiteIndexBuilder::kRows - 1);
  x -= static_cast<float>(column);
  y -= static_cast<float>(row);
  const Cell* cell = &cells_[row * SiteIndexBuilder::kColumns + column];
  while (cell->count == 0) {
    x *= 2;
    y *= 2;
    const bool east = x >= 1, north = y >= 1;
    x -= static_cast<float>(east);
    y -= static_cast<float>(north);
    cell = &cells_[cell->first + (north ? 2 : 0) + (east ? 1 : 0)];
  }
  return *cell;
}

size_t SiteIndex::Nearest(const Point& from, std::span<uint16_t> out) const {
  const size_t want = std::min({out.size(), limit_, sites_.size()});
  if (want == 0) return 0;
  const Cell& cell = CellOf(from);
  const uint16_t* list = &lists_[cell.first];
  std::array<uint64_t, kBatch> keys;
  std::array<uint64_t, kMaxLimit> best;
  size_t filled = 0;
  for (size_t done = 0; done < cell.count; done += kBatch) {
    const size_t count = std::min<size_t>(kBatch, cell.count - done);
    for (size_t i = 0; i < count; ++i) keys[i] = Key(from, list[done + i]);
    for (size_t i = 0; i < count; ++i) {
      if (filled == want && keys[i] >= best[want - 1]) continue;
      size_t at = filled < want ? filled++ : want - 1;
      for (; at > 0 && best[at - 1] > keys[i]; --at) best[at] = best[at - 1];
      best[at] = keys[i];
    }
  }
  for (size_t i = 0; i < want; ++i) out[i] = static_cast<uint16_t>(best[i]);
  return want;
}

size_t SiteIndex::Order(const Point& from, std::span<uint16_t> out) const {
  std::array<uint64_t, kMaxSites> keys;
  const size_t count = sites_.size();
  for (uint32_t i = 0; i < count; ++i) keys[i] = Key(from, i);
  std::sort(keys.begin(), keys.begin() + static_cast<ptrdiff_t>(count));
  const size_t written = std::min(count, out.size());
  for (size_t i = 0; i < written; ++i) out[i] = static_cast<uint16_t>(keys[i]);
  return written;
}

}  // namespace meridian::geo
