// Which of N sites are nearest to a point, by **effective distance** = great-circle kilometres × (1
// + bias / 100): a bias of 50 makes a site half as far again, one of −50 brings it to half. Ties go
// to the lower index; callers list sites by name, so that two instances agree.
//
// The earth is cut into latitude/longitude cells, finer where sites are dense. Each cell knows, in
// the order of its centre, every site that can be among the `limit` nearest of any point in it (the
// triangle inequality bounds them), so a query ranks a dozen sites instead of all. Built once,
// constant: any thread, no lock, no allocation.
#pragma once

#include <meridian/base/result.h>
#include <meridian/geo/distance.h>

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace meridian::geo {

// (1 + bias / 100) × distance, for explain and tests.
double EffectiveKm(double km, int bias);

class SiteIndex {
 public:
  static constexpr size_t kMaxSites = 4096;
  static constexpr size_t kMaxLimit = 16;

  struct Site {
    Point point;
    int bias = 0;  // −99…99
  };

  SiteIndex() = default;  // no sites
  // `limit`: how many Nearest can give, 1…kMaxLimit; the smaller, the faster. Errors: kTooLarge
  // past kMaxSites, kInvalid for a bias or limit out of range.
  static Result<SiteIndex> Build(std::span<const Site> sites, size_t limit = 8);

  // The nearest sites, as indices into the list built from, nearest first: min(out.size(), limit,
  // size()) of them, exactly the head of what Order gives. Returns how many were written.
  size_t Nearest(const Point& from, std::span<uint16_t> out) const;

  // All sites in order, as far as `out` has room: sorts, so for the rare case that Nearest is not
  // enough.
  size_t Order(const Point& from, std::span<uint16_t> out) const;

  size_t size() const { return sites_.size(); }
  size_t limit() const { return limit_; }
  size_t cell_count() const { return cells_.size(); }
  size_t entry_count() const { return lists_.size(); }  // in all cells' lists

 private:
  friend class SiteIndexBuilder;

  // With `count` 0, `first` is the cell of the south-west quarter, followed by south-east,
  // north-west, north-east; else lists_[first, first + count).
  struct Cell {
    uint32_t first = 0;
    uint32_t count = 0;
  };
  struct Ranked {
    Point place;
    float factor = 1;  // 1 + bias / 100
  };

  uint64_t Key(const Point& from, uint32_t index) const;
  const Cell& CellOf(const Point& from) const;

  std::vector<Ranked> sites_;
  std::vector<Cell> cells_;  // the base grid, row by row from the south-west, then quarters
  std::vector<uint16_t> lists_;
  size_t limit_ = 0;
  bool biased_ = false;  // sites differ in bias: rank by angle, not by chord
};

}  // namespace meridian::geo
