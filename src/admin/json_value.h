// JSON as the room writes it: keys in the order given, one line, a line end. For .cc files only.
#pragma once

#include <meridian/base/time.h>

#include <nlohmann/json.hpp>

#include <string>

namespace meridian::admin {

using Json = nlohmann::ordered_json;

// Bytes that are not UTF-8 become U+FFFD.
inline std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

inline double Seconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::duration<double, std::milli>>(
             std::chrono::floor<std::chrono::milliseconds>(duration))
             .count() /
         1000;
}

// In microseconds; null if it was not measured.
inline Json RoundTripJson(Duration round_trip) {
  return round_trip == Duration(0) ? Json() : Json(round_trip / std::chrono::microseconds(1));
}

}  // namespace meridian::admin
