// Equal strings once, at addresses that stay: what a Location's city points into. Not for threads
// while filling.
#pragma once

#include <string>
#include <string_view>
#include <unordered_set>

namespace meridian::geo {

class StringPool {
 public:
  // Lives as long as the pool, moved or not. Nothing is stored for an empty text.
  const char* Intern(std::string_view text) {
    return text.empty() ? "" : strings_.emplace(text).first->c_str();
  }

 private:
  std::unordered_set<std::string> strings_;
};

}  // namespace meridian::geo
