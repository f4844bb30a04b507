// Text from values, by fmt, whose only door this is. For what people read; allocates.
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>

namespace meridian {

template <class... Args>
std::string Format(fmt::format_string<Args...> format, Args&&... args) {
  return fmt::format(format, std::forward<Args>(args)...);
}

}  // namespace meridian
