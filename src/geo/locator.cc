// See locator.h.
#include <meridian/geo/locator.h>

#include <meridian/base/check.h>
#include <meridian/base/format.h>

#include "geo/database_contents.h"
#include "geo/locator_builder.h"

namespace meridian::geo {

Locator::Locator(std::unique_ptr<const Contents> contents) : contents_(std::move(contents)) {}
Locator::~Locator() = default;

Result<std::shared_ptr<const Locator>> Locator::Build(Input input) {
  if (input.databases.size() > kMaxDatabases)
    return Fail(ErrorCode::kTooLarge, "geo: too many databases");
  LocatorBuilder builder;
  for (const Database& database : input.databases) {
    const Database::Contents& from = *database.contents_;
    const auto added = builder.AddDatabase(from.report, from.trie, from.records);
    if (!added) return tl::unexpected(added.error());
  }
  if (input.fallback) builder.ApplyDefault(*input.fallback);
  const auto added = builder.AddOverrides(input.networks);
  if (!added) return tl::unexpected(added.error());
  return std::shared_ptr<const Locator>(new Locator(builder.Finish()));
}

[[gnu::flatten]] Locator::Found Locator::Find(const net::IpAddress& client) const {
  const WideTrie::Leaf leaf = contents_->tree.Find(client);
  return {SpotId{leaf.spot}, leaf.at};
}

Location Locator::At(const Found& found) const {
  const Contents& all = *contents_;
  const Contents::Answer& answer = all.answers[all.tree.value(found.leaf)];
  Location location = all.places[answer.place.value];
  location.origin = answer.origin;
  location.source = answer.source;
  location.prefix_length = answer.prefix_length;
  return location;
}

size_t Locator::place_count() const {
  return contents_->places.size();
}

Location Locator::At(PlaceId place) const {
  MERIDIAN_CHECK(place.value < contents_->places.size());
  return contents_->places[place.value];
}

size_t Locator::spot_count() const {
  return contents_->spots.size();
}

const Point& Locator::PointOf(SpotId spot) const {
  return contents_->spots[spot.value];
}

size_t Locator::memory_bytes() const {
  const Contents& all = *contents_;
  return all.tree.memory_bytes() + all.answers.capacity() * sizeof(Contents::Answer) +
         all.places.capacity() * sizeof(Location) + all.spots.capacity() * sizeof(Point);
}

std::span<const DatabaseReport> Locator::databases() const {
  return contents_->reports;
}

std::string Locator::DescribeOrigin(const Location& location) const {
  switch (location.origin) {
    case Origin::kUnknown:
      return "unknown";
    case Origin::kDefault:
      return "geo.default";
    case Origin::kOverride:
      return Format("geo.networks, /{}", location.prefix_length);
    case Origin::kDatabase:
      break;
  }
  MERIDIAN_CHECK(location.source < contents_->reports.size());
  const DatabaseReport& report = contents_->reports[location.source];
  return Format("{}, /{}", report.type.empty() ? report.path : report.type, location.prefix_length);
}

std::string Locator::Describe(const Location& location) const {
  std::string text = location.city;
  const auto add = [&](std::string_view part) {
    if (part.empty()) return;
    if (!text.empty()) text += ", ";
    text += part;
  };
  if (text.empty()) add(location.subdivision.view());
  add(location.country.view());
  if (text.empty()) add(location.continent.view());
  if (text.empty() && location.has_coordinates) {
    text = Format("{:.2f}, {:.2f}", location.point.latitude, location.point.longitude);
  }
  if (text.empty() && location.asn != 0) text = Format("AS{}", location.asn);
  if (text.empty()) return "unknown";
  return Format("{} ({})", text, DescribeOrigin(location));
}

}  // namespace meridian::geo
