// See distance.h, location.h.
#include <meridian/geo/distance.h>
#include <meridian/geo/location.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace meridian::geo {

namespace {

constexpr double kRadians = std::numbers::pi / 180;

double Square(double x) {
  return x * x;
}

}  // namespace

std::optional<Point> Point::At(double latitude, double longitude) {
  if (!(latitude >= -90 && latitude <= 90 && longitude >= -180 && longitude <= 180))
    return std::nullopt;
  const double phi = latitude * kRadians, lambda = longitude * kRadians;
  return Point{static_cast<float>(latitude), static_cast<float>(longitude),
               static_cast<float>(std::cos(phi) * std::cos(lambda)),
               static_cast<float>(std::cos(phi) * std::sin(lambda)),
               static_cast<float>(std::sin(phi))};
}

double DistanceKm(const Point& a, const Point& b) {
  const double phi_a = a.latitude * kRadians, phi_b = b.latitude * kRadians;
  const double half = Square(std::sin((phi_b - phi_a) / 2)) +
                      std::cos(phi_a) * std::cos(phi_b) *
                          Square(std::sin((b.longitude - a.longitude) * kRadians / 2));
  return 2 * kEarthRadiusKm * std::asin(std::sqrt(std::min(half, 1.0)));
}

const char* Name(Origin origin) {
  switch (origin) {
    case Origin::kUnknown:
      return "unknown";
    case Origin::kOverride:
      return "override";
    case Origin::kDatabase:
      return "database";
    case Origin::kDefault:
      return "default";
  }
  return "unknown";
}

}  // namespace meridian::geo
