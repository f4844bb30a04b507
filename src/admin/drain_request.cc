// See drain_request.h. No exception of the JSON library is provoked: types are asked before they
// are used.
#include "admin/drain_request.h"

#include <meridian/base/format.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <vector>

#include "admin/text.h"

namespace meridian::admin {
namespace {

constexpr size_t kMaxText = 1024;
constexpr Duration kLongest = std::chrono::hours(24 * 365);

std::optional<std::string> Take(const std::string& key, const nlohmann::json& value,
                                DrainRequest& request) {
  if (value.is_null()) return std::nullopt;
  if (!value.is_string()) return Format("{}: expected a string", key);
  const auto& text = value.get_ref<const std::string&>();
  if (text.size() > kMaxText) return Format("{}: longer than {} bytes", key, kMaxText);
  if (key == "deadline" || key == "expires") {
    std::optional<Duration>& time = key == "deadline" ? request.deadline : request.expires;
    time = ParseDuration(text);
    if (!time || *time <= Duration(0)) {
      return Format("{}: '{}' is not a duration such as 30s, 5m or 1h", key, text);
    }
    if (*time > kLongest) return Format("{}: at most a year", key);
    return std::nullopt;
  }
  for (const auto& [name, field] :
       {std::pair("target", &DrainRequest::target), std::pair("reason", &DrainRequest::reason),
        std::pair("author", &DrainRequest::author)}) {
    if (key != name) continue;
    request.*field = text;
    return std::nullopt;
  }
  static constexpr std::string_view kKeys[] = {"target", "deadline", "expires", "reason", "author"};
  return UnknownName("field", key, kKeys);
}

}  // namespace

tl::expected<DrainRequest, std::string> DrainRequest::Parse(std::string_view body) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (json.is_discarded()) return tl::unexpected(std::string("the body is not JSON"));
  if (!json.is_object()) {
    return tl::unexpected(
        std::string("the body: expected an object such as {\"target\": \"dallas\"}"));
  }
  DrainRequest request;
  for (const auto& [key, value] : json.items()) {
    if (auto wrong = Take(key, value, request)) return tl::unexpected(std::move(*wrong));
  }
  if (request.target.empty()) return tl::unexpected(std::string("target: is missing"));
  return request;
}

std::optional<std::string> CheckTarget(const routing::Table& table, std::string_view target) {
  const size_t slash = target.find('/');
  if (slash == std::string_view::npos) {
    std::vector<std::string_view> known;
    for (const routing::Site& site : table.sites()) {
      known.push_back(site.name);
      known.push_back(site.region);
    }
    if (std::find(known.begin(), known.end(), target) != known.end()) return std::nullopt;
    return UnknownName("site or region", target, known);
  }
  const std::string_view site_name = target.substr(0, slash), address = target.substr(slash + 1);
  const SiteId site = table.FindSite(site_name);
  if (!site.ok()) {
    std::vector<std::string_view> known;
    for (const routing::Site& one : table.sites()) known.push_back(one.name);
    return UnknownName("site", site_name, known);
  }
  std::vector<std::string_view> known;
  for (const routing::Endpoint& endpoint : table.endpoints()) {
    if (endpoint.site == site) known.push_back(endpoint.address_text);
  }
  if (std::find(known.begin(), known.end(), address) != known.end()) return std::nullopt;
  return UnknownName(Format("endpoint of {}", site_name), address, known);
}

}  // namespace meridian::admin
