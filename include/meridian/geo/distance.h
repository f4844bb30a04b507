// Points on the earth and how far apart they are. A Point carries its unit vector, so that ranking
// many sites for one client needs no trigonometry: the straight chord through the earth grows with
// the great-circle distance. The earth is a sphere of the mean radius: at most 0.56 % off the
// ellipsoid. Values, any thread.
#pragma once

#include <optional>
#include <type_traits>

namespace meridian::geo {

inline constexpr double kEarthRadiusKm = 6371.0088;  // mean radius R1 of WGS 84

// Single precision: a position is at most two metres off.
struct Point {
  float latitude = 0;   // degrees, −90…90
  float longitude = 0;  // degrees, −180…180
  float x = 1, y = 0,
        z = 0;  // on the unit sphere: x to (0, 0), y to (0, 90 E), z to the north pole

  // Empty when a coordinate is not a number or out of range.
  static std::optional<Point> At(double latitude, double longitude);
};
static_assert(std::is_trivially_copyable_v<Point>);

// The square of the chord between two points on the unit sphere, 0…4; monotonic in the distance.
inline float ChordSquared(const Point& a, const Point& b) {
  const float dx = a.x - b.x, dy = a.y - b.y, dz = a.z - b.z;
  return dx * dx + dy * dy + dz * dz;
}

// Great-circle distance in kilometres (haversine formula; Sinnott 1984).
double DistanceKm(const Point& a, const Point& b);

}  // namespace meridian::geo
