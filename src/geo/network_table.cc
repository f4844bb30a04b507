// See network_table.h. Entries go in from the shortest to the longest, so each finds only shorter
// ones in its way.
#include <meridian/geo/network_table.h>

#include "geo/network_contents.h"

#include <algorithm>
#include <numeric>

namespace meridian::geo {

NetworkTable::NetworkTable() = default;
NetworkTable::NetworkTable(NetworkTable&&) noexcept = default;
NetworkTable& NetworkTable::operator=(NetworkTable&&) noexcept = default;
NetworkTable::~NetworkTable() = default;

Result<NetworkTable> NetworkTable::Build(std::span<const Entry> entries) {
  if (entries.size() > kMaxEntries) return Fail(ErrorCode::kTooLarge, "too many networks");
  std::vector<uint32_t> order(entries.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    const net::Prefix &x = entries[a].network, &y = entries[b].network;
    return x.length() != y.length() ? x.length() < y.length() : x < y;
  });
  auto contents = std::make_unique<Contents>();
  contents->matches.push_back({});
  const net::Prefix* previous = nullptr;
  for (const uint32_t i : order) {
    const net::Prefix& network = entries[i].network;
    if (!network.ip().ok()) return Fail(ErrorCode::kInvalid, "network without an address");
    if (previous != nullptr && *previous == network) {
      return Fail(ErrorCode::kConflict, "network given twice");
    }
    previous = &network;
    contents->trie.Insert(network, static_cast<uint32_t>(contents->matches.size()));
    contents->matches.push_back({entries[i].value, network.length()});
  }
  NetworkTable table;
  table.contents_ = std::move(contents);
  return table;
}

std::optional<NetworkTable::Match> NetworkTable::Find(const net::IpAddress& ip) const {
  if (contents_ == nullptr) return std::nullopt;
  const uint32_t at = contents_->trie.Find(ip).value;
  if (at == 0) return std::nullopt;
  return contents_->matches[at];
}

size_t NetworkTable::size() const {
  return contents_ == nullptr ? 0 : contents_->matches.size() - 1;
}

}  // namespace meridian::geo
