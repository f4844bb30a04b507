// Compiles a Locator's input: merges one tree after the other into the answers known so far, then
// keeps what is used. Lives only while Locator::Build runs.
#pragma once

#include "geo/locator_contents.h"

#include <functional>
#include <unordered_map>

namespace meridian::geo {

class LocatorBuilder {
 public:
  static constexpr size_t kMaxNodes = size_t{32} << 20;

  LocatorBuilder();

  Result<> AddDatabase(const DatabaseReport& report, const Trie& trie,
                       std::vector<Location> records);
  // Databases no more after this one.
  void ApplyDefault(const Location& fallback);
  Result<> AddOverrides(const std::vector<Locator::Override>& overrides);
  std::unique_ptr<const Locator::Contents> Finish();

 private:
  using Contents = Locator::Contents;
  // All that makes two places equal; the city by its address in the pool.
  struct PlaceKey {
    uint32_t latitude_bits, longitude_bits, asn;
    const char* city;
    CountryCode country;
    ContinentCode continent;
    SubdivisionCode subdivision;
    bool has_coordinates;

    bool operator==(const PlaceKey&) const = default;
  };
  struct KeyHash {
    size_t operator()(const PlaceKey& key) const;
  };
  // The answer for what both trees say: the one so far, the other's leaf value, and the depth of
  // that leaf.
  using Join = std::function<uint32_t(uint32_t answer, uint32_t value, int depth)>;
  struct Merge {
    const Trie& other;
    const Join& join;
    Trie out;
    bool is_too_large = false;
  };

  Result<> Overlay(const Trie& other, const Join& join);
  Trie::Ref MergeAt(Merge& merge, Trie::Ref mine, Trie::Ref theirs, int depth,
                    int their_depth) const;
  Location At(uint32_t answer) const;
  uint32_t Intern(const Location& location);
  std::vector<uint32_t> FillSpots();

  std::unique_ptr<Contents> contents_;
  Trie trie_;  // leaves are answers
  std::unordered_map<PlaceKey, uint32_t, KeyHash> places_;
  std::unordered_map<uint64_t, uint32_t> answers_;
};

}  // namespace meridian::geo
