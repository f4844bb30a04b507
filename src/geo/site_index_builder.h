// Cuts the earth into cells for a SiteIndex: coarse cells first, each split into quarters while its
// list is long and there is room. Lives only while SiteIndex::Build runs.
#pragma once

#include <meridian/geo/site_index.h>

#include <vector>

namespace meridian::geo {

class SiteIndexBuilder {
 public:
  static constexpr int kColumns = 32, kRows = 16;  // of the base grid
  static constexpr double kBaseDegrees = 11.25;
  static constexpr int kMaxSplits = 5;  // down to 0.35 degrees
  static constexpr size_t kMaxCells = 32768;

  explicit SiteIndexBuilder(SiteIndex& index) : index_(index) {}
  void Build();

 private:
  struct Area {
    uint32_t cell;
    double south, west, degrees;       // a square in degrees
    std::vector<uint16_t> candidates;  // that any point in it may need, nearest to its centre first
  };

  std::vector<uint16_t> Candidates(const Area& area, const std::vector<uint16_t>& from) const;
  void Split(const Area& area, std::vector<Area>& quarters);
  void Emit(const Area& area);

  SiteIndex& index_;
};

}  // namespace meridian::geo
