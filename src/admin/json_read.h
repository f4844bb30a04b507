// Reading an answer's JSON without provoking an exception: what is absent or of another type is
// empty. Numbers are cut at 10^15. For .cc files only.
#pragma once

#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace meridian::admin {

class Reader {
 public:
  static Reader Parse(std::string_view text) {
    return Reader(nlohmann::ordered_json::parse(text, nullptr, false));
  }
  explicit Reader(nlohmann::ordered_json json) : json_(std::move(json)) {}

  bool ok() const { return json_.is_object() || json_.is_array(); }
  bool is_null() const { return json_.is_null() || json_.is_discarded(); }
  Reader operator[](const char* key) const {
    const auto found = json_.is_object() ? json_.find(key) : json_.end();
    return Reader(json_.is_object() && found != json_.end() ? *found : nlohmann::ordered_json());
  }
  // Of a list, or of an object's values.
  std::vector<Reader> items() const {
    std::vector<Reader> all;
    if (!ok()) return all;
    for (const auto& item : json_) all.emplace_back(item);
    return all;
  }
  // An object's keys, in order.
  std::vector<std::string> keys() const {
    std::vector<std::string> all;
    if (!json_.is_object()) return all;
    for (const auto& [key, value] : json_.items()) all.push_back(key);
    return all;
  }
  std::string text() const { return json_.is_string() ? json_.get<std::string>() : std::string(); }
  double number() const {
    return json_.is_number() ? std::clamp(json_.get<double>(), -1e15, 1e15) : 0;
  }
  uint64_t count() const { return static_cast<uint64_t>(std::max(0.0, number())); }
  bool flag() const { return json_.is_boolean() && json_.get<bool>(); }

 private:
  nlohmann::ordered_json json_;
};

}  // namespace meridian::admin
