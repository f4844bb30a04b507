// JSON from app itself (RFC 8259), for the few answers that do not come from the admin room:
// quoting and nothing else; shape is written by hand where it is used.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace meridian::app {

// With its quotes; bytes that are not UTF-8 become U+FFFD.
std::string JsonQuote(std::string_view text);
// ["a","b"]
std::string JsonArray(const std::vector<std::string>& texts);

}  // namespace meridian::app
