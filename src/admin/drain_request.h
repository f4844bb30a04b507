// The body of POST and DELETE /v1/drain, checked: {"target", "deadline", "expires",
// "reason", "author"}.
#pragma once

#include <meridian/base/time.h>
#include <meridian/routing/table.h>

#include <optional>
#include <string>
#include <string_view>

namespace meridian::admin {

struct DrainRequest {
  std::string target;                // a region, a site, or site/address
  std::optional<Duration> deadline;  // from now: what is left is cut
  std::optional<Duration> expires;   // from now: the drain ends by itself
  std::string reason, author;

  // Error: what is wrong with the body, for people.
  static tl::expected<DrainRequest, std::string> Parse(std::string_view body);
};

// Empty if `target` is there; else what is not, and the nearest name that is.
std::optional<std::string> CheckTarget(const routing::Table& table, std::string_view target);

}  // namespace meridian::admin
