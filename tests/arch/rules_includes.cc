// Rules on what may know what: includes between rooms, third-party headers, and the links CMake
// declares.
#include <algorithm>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <utility>

#include "rooms.h"
#include "rules.h"

namespace meridian::arch {
namespace {

struct Include {
  std::string path;
  bool quoted;
};

std::optional<Include> ParseInclude(const std::string& line) {
  static const std::regex pattern(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])");
  std::smatch match;
  if (!std::regex_search(line, match, pattern)) return std::nullopt;
  return Include{match[2], match[1] == "\""};
}

const Library* LibraryOfHeader(std::string_view header) {
  for (const Library& library : kLibraries) {
    if (header.starts_with(library.header)) return &library;
  }
  return nullptr;
}

const Library* LibraryOfTarget(std::string_view target) {
  for (const Library& library : kLibraries) {
    if (target.starts_with(library.target)) return &library;
  }
  return nullptr;
}

// The C++ library has no dots or slashes; of the system, only what the kernel and libc offer.
bool IsSystemHeader(std::string_view header) {
  if (header.find_first_of("./") == std::string_view::npos) return true;
  for (std::string_view folder :
       {"sys/", "linux/", "netinet/", "arpa/", "net/", "asm/", "sanitizer/"}) {
    if (header.starts_with(folder)) return true;
  }
  static const std::set<std::string_view> names = {
      "unistd.h", "fcntl.h",  "errno.h",    "signal.h",   "poll.h",   "pthread.h", "sched.h",
      "time.h",   "dirent.h", "ifaddrs.h",  "netdb.h",    "pwd.h",    "grp.h",     "termios.h",
      "limits.h", "spawn.h",  "execinfo.h", "dlfcn.h",    "getopt.h", "locale.h",  "stdlib.h",
      "stdio.h",  "string.h", "stdint.h",   "inttypes.h", "syslog.h", "endian.h",  "byteswap.h",
      "malloc.h", "glob.h",   "strings.h",  "wait.h",     "cpuid.h",  "alloca.h",  "immintrin.h"};
  return names.contains(header);
}

// Empty when `room` may include a header of `other`.
std::string JudgeRoom(std::string_view room, std::string_view other) {
  const std::string mine(room), theirs(other);
  if (room == other) return {};
  if (LevelOf(other) < 0) {
    return "'" + theirs + "' is no room; a new room needs a line in tests/arch/rooms.h";
  }
  if (other == "uvio" && room != "app") {
    return "only app names uvio; use the interfaces of net";
  }
  if (LevelOf(other) < LevelOf(room)) return {};
  return mine + " (level " + std::to_string(LevelOf(room)) + ") may not include " + theirs +
         " (level " + std::to_string(LevelOf(other)) + "): move the shared value to a lower room";
}

std::string JudgeThirdParty(std::string_view room, const Include& include, bool is_test) {
  const std::string_view header = include.path;
  if (is_test && (header.starts_with("gtest/") || header.starts_with("testing/"))) return {};
  if (header == "tl/expected.hpp") return {};
  if (const Library* library = LibraryOfHeader(header)) {
    if (library->IsOf(room)) return {};
    return "<" + include.path + "> belongs to room " + std::string(library->room) +
           " alone: use what that room offers";
  }
  if (IsSystemHeader(header)) return {};
  return "<" + include.path +
         "> is of no known library; a new one needs a line in tests/arch/rooms.h";
}

std::string JudgeInclude(const SourceFile& file, std::string_view room, const Include& include) {
  constexpr std::string_view kPublic = "meridian/";
  const bool is_test = file.path.starts_with("tests/");
  if (include.path.starts_with(kPublic)) {
    const std::string_view rest = std::string_view(include.path).substr(kPublic.size());
    if (include.quoted)
      return "write <" + include.path + ">: quotes are for a room's private headers";
    return JudgeRoom(room, rest.substr(0, rest.find('/')));
  }
  if (!include.quoted) return JudgeThirdParty(room, include, is_test);
  if (file.path.starts_with("include/")) {
    return "a public header may include only public ones, as <meridian/…>";
  }
  const std::string_view folder = std::string_view(include.path).substr(0, include.path.find('/'));
  if (folder.size() == include.path.size() || folder == room) return {};
  if (include.path.starts_with("../")) return "write the path from src/, without ..";
  if (LevelOf(folder) < 0) return {};  // a folder inside the room, or tests' own
  return "\"" + include.path + "\" is private to room " + std::string(folder) +
         ": include what it offers in include/meridian/" + std::string(folder);
}

struct Declaration {
  size_t line = 0;
  std::vector<std::string> rooms, libraries;
};

// Every meridian_room(NAME [ROOMS …] [LIBRARIES …]), which may run over several lines.
std::map<std::string, Declaration> ReadDeclarations(const SourceFile& cmake) {
  static const std::regex pattern(R"(^meridian_room\(([^)]*)\))");
  std::map<std::string, Declaration> declared;
  for (size_t i = 0; i < cmake.lines.size(); ++i) {
    if (!cmake.lines[i].starts_with("meridian_room(")) continue;
    std::string text = cmake.lines[i];
    for (size_t next = i + 1; text.find(')') == std::string::npos && next < cmake.lines.size();
         ++next) {
      text += " " + cmake.lines[next];
    }
    std::smatch match;
    if (!std::regex_search(text, match, pattern)) continue;
    std::istringstream words(match[1]);
    std::string name, word;
    words >> name;
    Declaration& declaration = declared[name];
    declaration.line = i + 1;
    std::vector<std::string>* into = nullptr;
    while (words >> word) {
      if (word == "ROOMS") {
        into = &declaration.rooms;
      } else if (word == "LIBRARIES") {
        into = &declaration.libraries;
      } else if (into != nullptr) {
        into->push_back(word);
      }
    }
  }
  return declared;
}

// All rooms that `name` sees through its links, itself included.
std::set<std::string> Reach(const std::map<std::string, Declaration>& declared,
                            const std::string& name) {
  std::set<std::string> seen;
  std::vector<std::string> next = {name};
  while (!next.empty()) {
    const std::string room = std::move(next.back());
    next.pop_back();
    const auto found = declared.find(room);
    if (!seen.insert(room).second || found == declared.end()) continue;
    next.insert(next.end(), found->second.rooms.begin(), found->second.rooms.end());
  }
  return seen;
}

void JudgeDeclaration(const std::string& path, const std::string& name, const Declaration& room,
                      Violations& out) {
  if (LevelOf(name) < 0) {
    out.push_back(
        {path, room.line, "'" + name + "' is not in the level table (tests/arch/rooms.h)"});
    return;
  }
  for (const std::string& other : room.rooms) {
    const std::string message = JudgeRoom(name, other);
    if (!message.empty()) out.push_back({path, room.line, message});
  }
  for (const std::string& target : room.libraries) {
    const Library* library = LibraryOfTarget(target);
    if (library != nullptr && library->IsOf(name)) continue;
    out.push_back({path, room.line,
                   name + " may not link " + target + ": " +
                       (library == nullptr ? "no known library; add a line in tests/arch/rooms.h"
                                           : "it belongs to " + std::string(library->room))});
  }
}

}  // namespace

Violations CheckIncludes(const SourceTree& tree) {
  Violations out;
  for (const SourceFile& file : tree.sources) {
    const std::string_view room = RoomOf(file.path);
    if (room.empty()) continue;
    if (LevelOf(room) < 0) {
      out.push_back({file.path, 1, "'" + std::string(room) + "' is no room: tests/arch/rooms.h"});
      continue;
    }
    for (size_t i = 0; i < file.code.size(); ++i) {
      const auto include = ParseInclude(file.code[i]);
      if (!include) continue;
      const std::string message = JudgeInclude(file, room, *include);
      if (!message.empty()) out.push_back({file.path, i + 1, message});
    }
  }
  return out;
}

Violations CheckLinks(const SourceTree& tree) {
  Violations out;
  const auto declared = ReadDeclarations(tree.cmake);
  for (const auto& [name, room] : declared) JudgeDeclaration(tree.cmake.path, name, room, out);
  std::map<std::string, std::set<std::string>> reach;
  for (const auto& [name, room] : declared) reach[name] = Reach(declared, name);

  for (const SourceFile& file : tree.sources) {
    const std::string room(RoomOf(file.path));
    if (room.empty() || file.path.starts_with("tests/")) continue;
    if (!declared.contains(room)) {
      out.push_back({file.path, 1, "room " + room + " has no meridian_room() in CMakeLists.txt"});
      continue;
    }
    for (size_t i = 0; i < file.code.size(); ++i) {
      const auto include = ParseInclude(file.code[i]);
      if (!include || !include->path.starts_with("meridian/")) continue;
      const std::string rest = include->path.substr(9);
      const std::string other = rest.substr(0, rest.find('/'));
      if (LevelOf(other) < 0 || reach[room].contains(other)) continue;
      out.push_back({file.path, i + 1,
                     room + " includes " + other + ", which its meridian_room() does not link"});
    }
  }
  return out;
}

}  // namespace meridian::arch
