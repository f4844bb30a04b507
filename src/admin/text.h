// Text that several files of the room need: a quoted JSON string, and sentences about names.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace meridian::admin {

// A JSON string with its quotes; bytes that are not UTF-8 become U+FFFD.
std::string Quote(std::string_view text);

// "no site is named 'dalas'; did you mean 'dallas'?"
std::string UnknownName(std::string_view kind, std::string_view name,
                        std::span<const std::string_view> known);

}  // namespace meridian::admin
