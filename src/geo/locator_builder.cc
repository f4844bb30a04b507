// See locator_builder.h.
#include "geo/locator_builder.h"

#include <meridian/base/hash.h>

#include "geo/network_contents.h"

#include <bit>

namespace meridian::geo {

namespace {

void TakeGeography(Location& to, const Location& from) {
  to.point = from.point;
  to.has_coordinates = from.has_coordinates;
  to.country = from.country;
  to.continent = from.continent;
  to.subdivision = from.subdivision;
  to.city = from.city;
}

// Field by field. A subdivision or city of another country than the one known is not taken: its
// code would mean something else there.
void Complete(Location& to, const Location& from) {
  if (!to.has_coordinates && from.has_coordinates) {
    to.point = from.point;
    to.has_coordinates = true;
  }
  const bool agrees = to.country.empty() || from.country.empty() || to.country == from.country;
  if (to.country.empty()) to.country = from.country;
  if (to.continent.empty()) to.continent = from.continent;
  if (to.subdivision.empty() && agrees) to.subdivision = from.subdivision;
  if (*to.city == '\0' && agrees) to.city = from.city;
  if (to.asn == 0) to.asn = from.asn;
}

}  // namespace

size_t LocatorBuilder::KeyHash::operator()(const PlaceKey& key) const {
  const uint64_t position = uint64_t{key.latitude_bits} << 32 | key.longitude_bits;
  const uint64_t city = reinterpret_cast<uintptr_t>(key.city);
  const uint64_t codes = Hash(key.country.view(), Hash(key.subdivision.view(), key.asn));
  return Combine(Combine(position, city), codes);
}

LocatorBuilder::LocatorBuilder() : contents_(std::make_unique<Contents>()) {
  Intern({});
}

Result<> LocatorBuilder::AddDatabase(const DatabaseReport& report, const Trie& trie,
                                     std::vector<Location> records) {
  for (Location& record : records) record.city = contents_->strings.Intern(record.city);
  const auto source = static_cast<uint8_t>(contents_->reports.size());
  contents_->reports.push_back(report);
  // What the last network of each record came to: mostly the next one comes to the same.
  struct Last {
    uint32_t answer = 0, merged = 0;
    int depth = -1;
  };
  std::vector<Last> last(records.size());
  places_.reserve(places_.size() + records.size());
  return Overlay(trie, [&, source](uint32_t answer, uint32_t value, int depth) {
    if (value == 0) return answer;
    Last& before = last[value];
    if (before.answer == answer && before.depth == depth) return before.merged;
    const Location& record = records[value];
    Location merged = At(answer);
    const bool knew_nothing = !merged.has_geography() && merged.asn == 0;
    if (knew_nothing || (!merged.has_geography() && record.has_geography())) {
      merged.origin = Origin::kDatabase;
      merged.source = source;
      merged.prefix_length = static_cast<uint8_t>(depth);
    }
    Complete(merged, record);
    before = {answer, Intern(merged), depth};
    return before.merged;
  });
}

void LocatorBuilder::ApplyDefault(const Location& fallback) {
  Location geography = fallback;
  geography.city = contents_->strings.Intern(fallback.city);
  if (!geography.has_geography() && geography.asn == 0) return;
  for (uint32_t i = 0, end = static_cast<uint32_t>(contents_->answers.size()); i < end; ++i) {
    Location location = At(i);
    if (location.has_geography()) continue;
    TakeGeography(location, geography);
    if (location.asn == 0) location.asn = geography.asn;
    location.origin = Origin::kDefault;
    location.source = Location::kNoSource;
    location.prefix_length = 0;
    contents_->answers[i] = contents_->answers[Intern(location)];
  }
  answers_.clear();  // it still names answers by what they said before
}

Result<> LocatorBuilder::AddOverrides(const std::vector<Locator::Override>& overrides) {
  std::vector<NetworkTable::Entry> entries;
  std::vector<Location> locations;
  for (const Locator::Override& each : overrides) {
    entries.push_back({each.network, static_cast<uint32_t>(locations.size())});
    locations.push_back(each.location);
    locations.back().city = contents_->strings.Intern(each.location.city);
  }
  const auto table = NetworkTable::Build(entries);
  if (!table) return tl::unexpected(table.error());
  if (overrides.empty()) return {};
  return Overlay(table->contents_->trie, [&](uint32_t answer, uint32_t value, int) {
    if (value == 0) return answer;
    const NetworkTable::Match& match = table->contents_->matches[value];
    const Location& given = locations[match.value];
    Location merged = At(answer);
    if (given.asn != 0) merged.asn = given.asn;
    if (given.has_geography() || !merged.has_geography()) {
      TakeGeography(merged, given);
      merged.origin = Origin::kOverride;
      merged.source = Location::kNoSource;
      merged.prefix_length = static_cast<uint8_t>(match.prefix_length);
    }
    return Intern(merged);
  });
}

Result<> LocatorBuilder::Overlay(const Trie& other, const Join& join) {
  Merge merge{other, join, {}, false};
  merge.out.nodes.reserve(trie_.nodes.size() + other.nodes.size());
  merge.out.root4 = MergeAt(merge, trie_.root4, other.root4, 0, 0);
  merge.out.root6 = MergeAt(merge, trie_.root6, other.root6, 0, 0);
  if (merge.is_too_large)
    return Fail(ErrorCode::kTooLarge, "geo: too many networks in all databases together");
  trie_ = std::move(merge.out);
  return {};
}

// Two leaves meet in an answer; else both sides go one bit down, a leaf standing for both of its
// halves.
Trie::Ref LocatorBuilder::MergeAt(Merge& merge, Trie::Ref mine, Trie::Ref theirs, int depth,
                                  int their_depth) const {
  if (Trie::IsLeaf(mine) && Trie::IsLeaf(theirs)) {
    return Trie::Leaf(merge.join(Trie::Value(mine), Trie::Value(theirs), their_depth));
  }
  const size_t index = merge.out.nodes.size();
  if (index >= kMaxNodes) {
    merge.is_too_large = true;
    return Trie::kNone;
  }
  merge.out.nodes.push_back({});
  Trie::Node children;
  for (int side = 0; side < 2; ++side) {
    const Trie::Ref my_child = Trie::IsLeaf(mine) ? mine : trie_.nodes[mine][side];
    const bool stays = Trie::IsLeaf(theirs);
    const Trie::Ref their_child = stays ? theirs : merge.other.nodes[theirs][side];
    children[side] =
        MergeAt(merge, my_child, their_child, depth + 1, stays ? their_depth : depth + 1);
  }
  if (children[0] == children[1] && Trie::IsLeaf(children[0])) {
    merge.out.nodes.pop_back();
    return children[0];
  }
  merge.out.nodes[index] = children;
  return static_cast<Trie::Ref>(index);
}

Location LocatorBuilder::At(uint32_t answer) const {
  const Contents::Answer& from = contents_->answers[answer];
  Location location = contents_->places[from.place.value];
  location.origin = from.origin;
  location.source = from.source;
  location.prefix_length = from.prefix_length;
  return location;
}

// The answer that says this; equal ones are one.
uint32_t LocatorBuilder::Intern(const Location& location) {
  const PlaceKey key{
      location.has_coordinates ? std::bit_cast<uint32_t>(location.point.latitude) : 0,
      location.has_coordinates ? std::bit_cast<uint32_t>(location.point.longitude) : 0,
      location.asn,
      location.city,
      location.country,
      location.continent,
      location.subdivision,
      location.has_coordinates};
  const auto [place, is_new] =
      places_.try_emplace(key, static_cast<uint32_t>(contents_->places.size()));
  if (is_new) {
    Location stored = location;
    stored.place = PlaceId{place->second};
    stored.origin = Origin::kUnknown;
    stored.source = Location::kNoSource;
    stored.prefix_length = 0;
    contents_->places.push_back(stored);
  }
  const uint64_t packed = uint64_t{place->second} << 32 |
                          uint64_t{static_cast<uint8_t>(location.origin)} << 16 |
                          uint64_t{location.source} << 8 | location.prefix_length;
  const auto [answer, is_new_answer] =
      answers_.try_emplace(packed, static_cast<uint32_t>(contents_->answers.size()));
  if (is_new_answer) {
    contents_->answers.push_back(
        {PlaceId{place->second}, location.origin, location.source, location.prefix_length});
  }
  return answer->second;
}

// Merging left answers and places behind that no network has any more; ids become dense again.
std::unique_ptr<const Locator::Contents> LocatorBuilder::Finish() {
  constexpr uint32_t kUnused = UINT32_MAX;
  std::vector<uint32_t> new_answers(contents_->answers.size(), kUnused);
  std::vector<uint32_t> new_places(contents_->places.size(), kUnused);
  std::vector<Contents::Answer> answers;
  std::vector<Location> places;
  const auto keep_place = [&](PlaceId old) {
    uint32_t& id = new_places[old.value];
    if (id == kUnused) {
      id = static_cast<uint32_t>(places.size());
      places.push_back(contents_->places[old.value]);
      places.back().place = PlaceId{id};
    }
    return PlaceId{id};
  };
  const auto keep = [&](uint32_t old) {
    uint32_t& id = new_answers[old];
    if (id == kUnused) {
      id = static_cast<uint32_t>(answers.size());
      answers.push_back(contents_->answers[old]);
      answers.back().place = keep_place(answers.back().place);
    }
    return id;
  };
  const auto keep_leaf = [&](Trie::Ref& ref) {
    if (Trie::IsLeaf(ref)) ref = Trie::Leaf(keep(Trie::Value(ref)));
  };
  keep_place(PlaceId{0});
  keep(0);
  for (Trie::Node& node : trie_.nodes) {
    keep_leaf(node[0]);
    keep_leaf(node[1]);
  }
  keep_leaf(trie_.root4);
  keep_leaf(trie_.root6);
  contents_->answers = std::move(answers);
  contents_->places = std::move(places);
  contents_->tree = WideTrie::Compile(trie_, FillSpots());
  return std::move(contents_);
}

// Numbers the distinct coordinates; returns each answer's.
std::vector<uint32_t> LocatorBuilder::FillSpots() {
  std::unordered_map<uint64_t, uint32_t> known;
  std::vector<uint32_t> of_places, of_answers;
  contents_->spots.emplace_back();
  for (const Location& place : contents_->places) {
    uint32_t spot = 0;
    if (place.has_coordinates) {
      const uint64_t key = uint64_t{std::bit_cast<uint32_t>(place.point.latitude)} << 32 |
                           std::bit_cast<uint32_t>(place.point.longitude);
      const auto [entry, is_new] =
          known.try_emplace(key, static_cast<uint32_t>(contents_->spots.size()));
      if (is_new) contents_->spots.push_back(place.point);
      spot = entry->second;
    }
    of_places.push_back(spot);
  }
  for (const Contents::Answer& answer : contents_->answers) {
    of_answers.push_back(of_places[answer.place.value]);
  }
  return of_answers;
}

}  // namespace meridian::geo
