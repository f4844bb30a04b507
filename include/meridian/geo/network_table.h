// Address block → value, longest prefix wins: the overrides of `geo.networks`, and any other list
// of networks. A binary tree per family, built at once and then constant; a look-up reads one node
// per address bit at most and allocates nothing. Any thread once built.
#pragma once

#include <meridian/base/result.h>
#include <meridian/net/address.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

namespace meridian::geo {

class NetworkTable {
 public:
  static constexpr size_t kMaxEntries = 1u << 20;

  struct Entry {
    net::Prefix network;
    uint32_t value = 0;
  };
  struct Match {
    uint32_t value = 0;
    int prefix_length = 0;  // of the entry that won
  };

  NetworkTable();  // empty
  NetworkTable(NetworkTable&&) noexcept;
  NetworkTable& operator=(NetworkTable&&) noexcept;
  ~NetworkTable();

  // The order of entries does not matter. Errors: kInvalid for a network without an address,
  // kConflict when one occurs twice, kTooLarge past kMaxEntries.
  static Result<NetworkTable> Build(std::span<const Entry> entries);

  std::optional<Match> Find(const net::IpAddress& ip) const;
  size_t size() const;

 private:
  friend class LocatorBuilder;
  struct Contents;
  std::unique_ptr<const Contents> contents_;
};

}  // namespace meridian::geo
