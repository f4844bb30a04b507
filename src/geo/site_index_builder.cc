// See site_index_builder.h. A site at angle d from a cell's centre is between d − r and d + r from
// any point in the cell, r being the angle from centre to corner. Let T be the limit-th smallest of
// the upper bounds, each times its bias factor: at every point of the cell at least `limit` sites
// are within T, so one whose lower bound exceeds T is never among the nearest.
#include "geo/site_index_builder.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace meridian::geo {

namespace {

// Radians added to every bound: 60 m, far more than single precision loses.
constexpr double kSlack = 1e-5;

double Angle(float chord_squared) {
  return 2 * std::asin(std::min(1.0, std::sqrt(chord_squared) / 2.0));
}

Point PointAt(double latitude, double longitude) {
  return *Point::At(std::clamp(latitude, -90.0, 90.0), std::clamp(longitude, -180.0, 180.0));
}

}  // namespace

std::vector<uint16_t> SiteIndexBuilder::Candidates(const Area& area,
                                                   const std::vector<uint16_t>& from) const {
  struct Bounded {
    double lower, centre;
    uint16_t site;
  };
  const double half = area.degrees / 2;
  const Point centre = PointAt(area.south + half, area.west + half);
  // Within a square of degrees, nothing is farther from the centre than a corner; both sides are
  // alike.
  const double radius =
      kSlack + Angle(std::max(ChordSquared(centre, PointAt(area.south, area.west)),
                              ChordSquared(centre, PointAt(area.south + area.degrees, area.west))));
  std::vector<Bounded> sites;
  std::vector<double> uppers;
  sites.reserve(from.size());
  uppers.reserve(from.size());
  for (const uint16_t i : from) {
    const SiteIndex::Ranked& site = index_.sites_[i];
    const double angle = Angle(ChordSquared(site.place, centre));
    sites.push_back({site.factor * std::max(0.0, angle - radius), site.factor * angle, i});
    uppers.push_back(site.factor * (angle + radius));
  }
  if (uppers.size() > index_.limit_) {
    const auto last = uppers.begin() + static_cast<ptrdiff_t>(index_.limit_ - 1);
    std::nth_element(uppers.begin(), last, uppers.end());
    std::erase_if(sites, [bound = *last](const Bounded& site) { return site.lower > bound; });
  }
  std::sort(sites.begin(), sites.end(), [](const Bounded& a, const Bounded& b) {
    return a.centre != b.centre ? a.centre < b.centre : a.site < b.site;
  });
  std::vector<uint16_t> candidates(sites.size());
  std::transform(sites.begin(), sites.end(), candidates.begin(),
                 [](const Bounded& site) { return site.site; });
  return candidates;
}

void SiteIndexBuilder::Split(const Area& area, std::vector<Area>& quarters) {
  const auto first = static_cast<uint32_t>(index_.cells_.size());
  index_.cells_[area.cell] = {first, 0};
  index_.cells_.resize(first + 4);
  const double half = area.degrees / 2;
  for (uint32_t i = 0; i < 4; ++i) {
    Area quarter{first + i, area.south + (i / 2) * half, area.west + (i % 2) * half, half, {}};
    quarter.candidates = Candidates(quarter, area.candidates);
    quarters.push_back(std::move(quarter));
  }
}

void SiteIndexBuilder::Emit(const Area& area) {
  index_.cells_[area.cell] = {static_cast<uint32_t>(index_.lists_.size()),
                              static_cast<uint32_t>(area.candidates.size())};
  index_.lists_.insert(index_.lists_.end(), area.candidates.begin(), area.candidates.end());
}

void SiteIndexBuilder::Build() {
  const size_t enough = index_.limit_ + 8;
  std::vector<uint16_t> all(index_.sites_.size());
  std::iota(all.begin(), all.end(), uint16_t{0});
  index_.cells_.resize(kColumns * kRows);
  std::vector<Area> areas;
  for (uint32_t cell = 0; cell < kColumns * kRows; ++cell) {
    Area area{cell,
              -90 + (cell / kColumns) * kBaseDegrees,
              -180 + (cell % kColumns) * kBaseDegrees,
              kBaseDegrees,
              {}};
    area.candidates = Candidates(area, all);
    areas.push_back(std::move(area));
  }
  for (int splits = 0; !areas.empty(); ++splits) {
    // The longest lists first: they gain most, should the room not be enough for all.
    std::stable_sort(areas.begin(), areas.end(), [](const Area& a, const Area& b) {
      return a.candidates.size() > b.candidates.size();
    });
    std::vector<Area> quarters;
    for (const Area& area : areas) {
      const bool splittable = splits < kMaxSplits && index_.cells_.size() + 4 <= kMaxCells;
      area.candidates.size() > enough&& splittable ? Split(area, quarters) : Emit(area);
    }
    areas = std::move(quarters);
  }
}

}  // namespace meridian::geo
