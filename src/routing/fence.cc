// Compiling and matching the rules of a fence.
#include "routing/fence.h"

#include <meridian/base/check.h>

#include <algorithm>

namespace meridian::routing {
namespace {

template <class Code>
std::vector<Code> ParseAll(const std::vector<std::string>& texts) {
  std::vector<Code> codes;
  for (const std::string& text : texts) {
    const std::optional<Code> code = Code::Parse(text);
    MERIDIAN_CHECK(code.has_value());
    codes.push_back(*code);
  }
  return codes;
}

geo::NetworkTable Compile(const std::vector<std::string>& texts) {
  std::vector<geo::NetworkTable::Entry> entries;
  for (const std::string& text : texts) {
    const std::optional<net::Prefix> prefix = net::Prefix::Parse(text);
    MERIDIAN_CHECK(prefix.has_value());
    entries.push_back({*prefix, 0});
  }
  const auto by_network = [](const auto& a, const auto& b) { return a.network < b.network; };
  std::sort(entries.begin(), entries.end(), by_network);
  const auto same = [](const auto& a, const auto& b) { return a.network == b.network; };
  entries.erase(std::unique(entries.begin(), entries.end(), same), entries.end());
  Result<geo::NetworkTable> table = geo::NetworkTable::Build(entries);
  MERIDIAN_CHECK(table.has_value());
  return std::move(*table);
}

template <class Code>
bool Allows(const std::vector<Code>& codes, const Code& code) {
  return codes.empty() ||
         (!code.empty() && std::find(codes.begin(), codes.end(), code) != codes.end());
}

}  // namespace

FenceRule::FenceRule(const topology::Rule& rule, size_t rule_number)
    : number(rule_number),
      strict(rule.strict),
      countries(ParseAll<geo::CountryCode>(rule.match.country)),
      continents(ParseAll<geo::ContinentCode>(rule.match.continent)),
      subdivisions(ParseAll<geo::SubdivisionCode>(rule.match.subdivision)),
      asns(rule.match.asn),
      networks(Compile(rule.match.network)),
      headers(rule.match.header) {
  std::sort(asns.begin(), asns.end());
}

bool FenceRule::Matches(const geo::Location& location, const net::IpAddress& client,
                        const HeaderSource* source) const {
  if (!Allows(countries, location.country) || !Allows(continents, location.continent) ||
      !Allows(subdivisions, location.subdivision)) {
    return false;
  }
  if (!asns.empty() && !std::binary_search(asns.begin(), asns.end(), location.asn)) return false;
  if (networks.size() != 0 && !networks.Find(client)) return false;
  for (const auto& [name, value] : headers) {
    if (source == nullptr || source->Header(name) != value) return false;
  }
  return true;
}

}  // namespace meridian::routing
