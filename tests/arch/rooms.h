// The level table of the house: which room stands where, and which room alone may use which
// third-party library. A new room or library is one line here (and one meridian_room in
// CMakeLists.txt).
#pragma once

#include <string_view>

namespace meridian::arch {

struct Room {
  std::string_view name;
  int level;
};

inline constexpr Room kRooms[] = {
    {"base", 0},     {"net", 1},    {"topology", 1}, {"geo", 2},     {"codec", 2},    {"tls", 2},
    {"uvio", 2},     {"health", 2}, {"failover", 2}, {"resolve", 2}, {"routing", 3},  {"config", 4},
    {"snapshot", 5}, {"proxy", 6},  {"probe", 6},    {"admin", 6},   {"simulate", 6}, {"app", 7},
};

// A header is a library's when its path starts with `header`; a CMake target when its name starts
// with `target`.
struct Library {
  std::string_view header;
  std::string_view target;
  std::string_view room;  // or two, with a space between them

  constexpr bool IsOf(std::string_view name) const {
    const size_t space = room.find(' ');
    if (space == std::string_view::npos) return room == name;
    return room.substr(0, space) == name || room.substr(space + 1) == name;
  }
};

inline constexpr Library kLibraries[] = {
    {"fmt/", "fmt::", "base"},
    {"spdlog/", "spdlog::", "base"},
    {"tl/expected.hpp", "tl::", "base"},
    {"maxminddb", "PkgConfig::maxminddb", "geo"},
    {"llhttp.h", "${LLHTTP_LIBRARY}", "codec"},
    {"nghttp2/", "PkgConfig::nghttp2", "codec"},
    {"openssl/", "OpenSSL::", "tls"},
    {"uv.h", "PkgConfig::uv", "uvio"},
    {"uv/", "PkgConfig::libuv", "uvio"},
    {"yaml-cpp/", "yaml-cpp", "config"},
    {"re2/", "${RE2_LIBRARY}", "config"},
    {"nlohmann/", "nlohmann_json", "admin probe"},
    {"CLI/", "CLI11", "app"},
    {"curl/", "CURL::", "probe"},
    {"libpq", "PkgConfig::pq", "probe"},
    {"ares", "PkgConfig::cares", "resolve"},
};

// Rooms in which exceptions may be thrown or caught, because a library there throws them.
inline constexpr std::string_view kThrowing[] = {"base", "config", "admin", "app"};

// −1 for a name that is no room.
constexpr int LevelOf(std::string_view name) {
  for (const Room& room : kRooms) {
    if (room.name == name) return room.level;
  }
  return -1;
}

}  // namespace meridian::arch
