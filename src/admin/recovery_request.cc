// See recovery_request.h. No exception of the JSON library is provoked: types are asked before they
// are used.
#include "admin/recovery_request.h"

#include <meridian/base/format.h>

#include <nlohmann/json.hpp>

#include "admin/text.h"

namespace meridian::admin {
namespace {

constexpr size_t kMaxText = 256;

std::optional<std::string> Take(const std::string& key, const nlohmann::json& value,
                                RecoveryCommand& command) {
  if (key == "force") {
    if (!value.is_boolean()) return std::string("force: expected true or false");
    command.force = value.get<bool>();
    return std::nullopt;
  }
  std::string* const field = key == "to"       ? &command.to
                             : key == "author" ? &command.author
                                               : nullptr;
  if (field == nullptr) {
    static constexpr std::string_view kKeys[] = {"to", "force", "author"};
    return UnknownName("field", key, kKeys);
  }
  if (!value.is_string()) return Format("{}: expected a string", key);
  *field = value.get_ref<const std::string&>();
  if (field->size() > kMaxText) return Format("{}: longer than {} bytes", key, kMaxText);
  return std::nullopt;
}

}  // namespace

tl::expected<RecoveryCommand, std::string> ParseRecovery(std::string_view body) {
  RecoveryCommand command;
  if (body.empty()) return command;
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (json.is_discarded()) return tl::unexpected(std::string("the body is not JSON"));
  if (!json.is_object()) {
    return tl::unexpected(std::string("the body: expected an object such as {\"to\": \"dallas\"}"));
  }
  for (const auto& [key, value] : json.items()) {
    if (auto wrong = Take(key, value, command)) return tl::unexpected(std::move(*wrong));
  }
  return command;
}

}  // namespace meridian::admin
