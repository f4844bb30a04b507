// See client_set.h.
#include <meridian/base/check.h>
#include <meridian/routing/client_set.h>

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
bool Holds(const std::vector<Code>& codes, const Code& code) {
  return !code.empty() && std::find(codes.begin(), codes.end(), code) != codes.end();
}

bool Holds(const std::vector<uint32_t>& asns, uint32_t asn) {
  return std::binary_search(asns.begin(), asns.end(), asn);
}

}  // namespace

ClientSet::ClientSet(const topology::Match& match)
    : countries(ParseAll<geo::CountryCode>(match.country)),
      continents(ParseAll<geo::ContinentCode>(match.continent)),
      subdivisions(ParseAll<geo::SubdivisionCode>(match.subdivision)),
      asns(match.asn),
      networks(Compile(match.network)) {
  std::sort(asns.begin(), asns.end());
}

bool ClientSet::HoldsInEach(const geo::Location& location, const net::IpAddress& client) const {
  return (countries.empty() || Holds(countries, location.country)) &&
         (continents.empty() || Holds(continents, location.continent)) &&
         (subdivisions.empty() || Holds(subdivisions, location.subdivision)) &&
         (asns.empty() || Holds(asns, location.asn)) &&
         (networks.size() == 0 || networks.Find(client).has_value());
}

bool ClientSet::HoldsInAny(const geo::Location& location, const net::IpAddress& client) const {
  return Holds(countries, location.country) || Holds(continents, location.continent) ||
         Holds(subdivisions, location.subdivision) || Holds(asns, location.asn) ||
         networks.Find(client).has_value();
}

}  // namespace meridian::routing
