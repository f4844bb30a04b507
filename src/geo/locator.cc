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

Location Locator::Locate(const net::IpAddress& client) const {
  const Contents& all = *contents_;
  uint32_t at = 0;
  if (client.ok()) {
    const size_t head = static_cast<size_t>(client.bytes()[0]) << 8 | client.bytes()[1];
    const Trie::Ref ref = client.family() == net::Family::kIpv4 ? all.jump4[head] : all.jump6[head];
    at = all.trie.Walk(client, ref, Contents::kJumpBits).value;
  }
  const Contents::Answer& answer = all.answers[at];
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
