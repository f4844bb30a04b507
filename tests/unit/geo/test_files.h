// The databases that tests of this room read: those committed under tests/data/geo, and MaxMind's
// own test files where this machine has them (MERIDIAN_SHARED_DATA, or shared/data beside the work
// tree).
#pragma once

#include <meridian/base/result.h>
#include <meridian/geo/database.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace meridian::geo {

inline std::string CommittedFile(const std::string& name) {
  return std::string(MERIDIAN_SOURCE_DIR) + "/tests/data/geo/" + name;
}

inline std::filesystem::path SharedData() {
  const char* set = std::getenv("MERIDIAN_SHARED_DATA");
  return set != nullptr ? set : std::filesystem::path(MERIDIAN_SOURCE_DIR) / "../shared/data";
}

// The files of a folder under the shared data, by name; none when it does not exist.
inline std::vector<std::filesystem::path> SharedFiles(const std::string& folder) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(SharedData() / folder, error)) {
    files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

inline Database OpenCommitted(const std::string& name) {
  auto database = Database::Open(CommittedFile(name));
  if (!database) {
    ADD_FAILURE() << name << ": " << Describe(database.error());
    std::abort();
  }
  return std::move(*database);
}

inline std::string ReadBytes(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline net::IpAddress Ip(const char* text) {
  const auto ip = net::IpAddress::Parse(text);
  EXPECT_TRUE(ip) << text;
  return ip.value_or(net::IpAddress());
}

}  // namespace meridian::geo
