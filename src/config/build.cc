// What all parts of a build need: names, references and files.
#include "config/build.h"

#include <meridian/base/format.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace meridian::config {
namespace {

Names NamesOf(const View& map) {
  Names names;
  for (auto& [name, view] : map.AllNames()) names.emplace(name, view);
  return names;
}

}  // namespace

std::string NearestOf(std::string_view name, const Names& known) {
  std::vector<std::string_view> names;
  for (const auto& [key, view] : known) names.push_back(key);
  std::string near = DidYouMean(name, names);
  if (!near.empty()) return near;
  return names.empty() ? "; none is defined" : "; expected " + Alternatives(names);
}

bool Build::Refers(const View& name, const Names& known, std::string_view noun) {
  if (known.contains(name.text())) return true;
  Error(name.place(), name.path(),
        Format("{} is not {}{}", Quote(name.text()), noun, NearestOf(name.text(), known)));
  return false;
}

std::string Build::Path(const View& map, std::string_view key) const {
  const View value = map[key];
  if (!value || value.text() == "none" || value.text() == "off") return {};
  return sources.Resolve(value.place().file, value.text());
}

std::string Build::ExistingFile(const View& map, std::string_view key) {
  std::string path = Path(map, key);
  if (!path.empty()) CheckReadable(map[key], path);
  return path;
}

bool Build::CheckReadable(const View& value, const std::string& path) {
  struct stat status {};
  std::string problem;
  if (stat(path.c_str(), &status) != 0 || access(path.c_str(), R_OK) != 0) {
    problem = Format("cannot be read ({})", std::strerror(errno));
  } else if (!S_ISREG(status.st_mode)) {
    problem = "is not a regular file";
  }
  if (problem.empty()) return true;
  Error(value.place(), value.path(), Format("{} {}", Quote(path), problem));
  return false;
}

void BuildAll(Build& build) {
  build.health_checks = NamesOf(build.root["health_checks"]);
  build.services = NamesOf(build.root["services"]);
  BuildProcess(build);
  BuildHealthChecks(build);
  BuildTopology(build);
  BuildServices(build);
  ResolveChecks(build);
  BuildListeners(build);
  BuildHooks(build);
}

}  // namespace meridian::config
