// See masks.h.
#include "admin/masks.h"

#include <meridian/base/text.h>

#include <array>

namespace meridian::admin {

bool MayBeSecret(std::string_view name) {
  static constexpr std::array<std::string_view, 6> kWords{"auth",     "token",  "key",
                                                          "password", "secret", "cookie"};
  const std::string lower = LowerAscii(name);
  for (const std::string_view word : kWords) {
    if (lower.find(word) != std::string::npos) return true;
  }
  return false;
}

std::string Masked(std::string_view name, const std::string& value) {
  return MayBeSecret(name) ? "***" : value;
}

}  // namespace meridian::admin
