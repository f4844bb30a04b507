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

}  // namespace meridian::admin
