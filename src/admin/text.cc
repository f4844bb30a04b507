// See text.h.
#include "admin/text.h"

#include <meridian/base/format.h>
#include <meridian/base/text.h>

#include <nlohmann/json.hpp>

namespace meridian::admin {

std::string Quote(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string UnknownName(std::string_view kind, std::string_view name,
                        std::span<const std::string_view> known) {
  std::string text = Format("no {} is named '{}'", kind, name);
  if (const auto nearest = NearestName(name, known)) {
    text += Format("; did you mean '{}'?", *nearest);
  }
  return text;
}

size_t DisplayWidth(std::string_view text) {
  size_t width = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xc0) == 0x80) continue;
    // U+0300…U+036F, in UTF-8 CC 80 … CD AF.
    const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0;
    if (byte == 0xcc || (byte == 0xcd && next <= 0xaf)) continue;
    ++width;
  }
  return width;
}

}  // namespace meridian::admin
