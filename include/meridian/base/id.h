// Distinct integer ids: a SiteId is not an EndpointId. Each is a dense index into its table of one
// snapshot, or kNone.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace meridian {

template <class Tag>
struct Id {
  static constexpr uint32_t kNoneValue = UINT32_MAX;

  uint32_t value = kNoneValue;

  constexpr bool ok() const { return value != kNoneValue; }
  constexpr auto operator<=>(const Id&) const = default;
};

}  // namespace meridian

template <class Tag>
struct std::hash<meridian::Id<Tag>> {
  size_t operator()(meridian::Id<Tag> id) const noexcept { return id.value; }
};
