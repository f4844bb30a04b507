// What the tests of config share: a small valid configuration to spoil, its diagnostics as text,
// and folders for files.
#pragma once

#include <meridian/config/load.h>

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace meridian::config {

// Three sites, one service, one listener, no warning; the keys of `web` follow from line 8 on.
inline constexpr std::string_view kBase =
    "regions: {r: {sites: {\n"
    "  a: {latitude: 1, longitude: 1, services: {web: [\"10.0.0.1:80\", \"10.0.0.2:80\"]}},\n"
    "  b: {latitude: 2, longitude: 2, services: {web: [\"10.0.0.3:80\", \"10.0.0.4:80\"]}},\n"
    "  c: {latitude: 3, longitude: 3, services: {web: [\"10.0.0.5:80\", \"10.0.0.6:80\"]}}}}}\n"
    "listeners: {l: {bind: \"0.0.0.0:80\", service: web}}\n"
    "services:\n"
    "  web:\n"
    "    mode: distributed\n";

inline std::vector<std::string> Lines(const Loaded& loaded) {
  std::vector<std::string> lines;
  for (const Diagnostic& diagnostic : loaded.diagnostics) lines.push_back(diagnostic.ToString());
  return lines;
}

inline std::optional<std::string> NoVariables(std::string_view) {
  return std::nullopt;
}

inline std::vector<std::string> Diagnose(std::string_view yaml) {
  const Loaded loaded = LoadText(yaml, "m.yaml", NoVariables);
  EXPECT_EQ(loaded.config.has_value(), loaded.errors() == 0);
  return Lines(loaded);
}

// Of kBase with more keys of its service, which begin on line 9, four columns in.
inline std::vector<std::string> DiagnoseService(const std::string& keys) {
  return Diagnose(std::string(kBase) + "    " + keys + "\n");
}
// Of kBase with more keys at the top, which begin on line 9.
inline std::vector<std::string> DiagnoseTop(const std::string& keys) {
  return Diagnose(std::string(kBase) + keys + "\n");
}
// Of kBase with other listeners, on line 5.
inline std::vector<std::string> DiagnoseListeners(const std::string& listeners) {
  std::string yaml(kBase);
  const size_t start = yaml.find("listeners:");
  yaml.replace(start, yaml.find('\n', start) - start, listeners);
  return Diagnose(yaml);
}

inline std::string ReadWhole(const std::filesystem::path& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

inline const std::filesystem::path kConf = std::filesystem::path(MERIDIAN_SOURCE_DIR) / "conf";

// A folder of its own for each test, removed afterwards.
class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "meridian-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string Write(const std::string& name, std::string_view text) const {
    const std::filesystem::path file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
    return file.string();
  }
  std::string Path(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

using Expected = std::vector<std::string>;

}  // namespace meridian::config
