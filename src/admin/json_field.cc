// FieldOf: one value out of an answer of the API, for commands that wait for it. Any thread.
#include <meridian/admin/client.h>

#include <nlohmann/json.hpp>

namespace meridian::admin {

std::optional<std::string> FieldOf(std::string_view json, std::string_view pointer) {
  const auto parsed = nlohmann::json::parse(json, nullptr, false);
  if (parsed.is_discarded()) return std::nullopt;
  try {
    const nlohmann::json::json_pointer path{std::string(pointer)};
    if (!parsed.contains(path)) return std::nullopt;
    const nlohmann::json& value = parsed.at(path);
    return value.is_string() ? value.get<std::string>() : value.dump();
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

}  // namespace meridian::admin
