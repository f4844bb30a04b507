// Files to Config in three steps: sources to one tree, the tree against the table, the tree into
// values. Every step goes on after errors with what is left.
#include <meridian/config/load.h>

#include "config/build.h"
#include "config/sources.h"
#include "config/validate.h"

namespace meridian::config {
namespace {

Loaded Finish(Node tree, const Sources& sources, Report& report) {
  Loaded loaded;
  loaded.files = report.files();
  const Spot start{0, 1, 1};
  // A file that could not be read or parsed has been reported; an empty tree would say no more.
  if (tree.kind != Node::Kind::kNull || !report.has_errors()) {
    Validate(tree, RootSpec(), "", start, report);
    Build build{report, sources, View(tree, "", start)};
    if (tree.valid) BuildAll(build);
    if (!report.has_errors()) loaded.config = std::move(build.config);
  }
  loaded.diagnostics = report.Take();
  return loaded;
}

}  // namespace

Loaded LoadFile(const std::string& path, const Environment& environment) {
  Report report;
  Sources sources(environment, report);
  return Finish(sources.LoadMain(path), sources, report);
}

Loaded LoadText(std::string_view yaml, const std::string& name, const Environment& environment) {
  Report report;
  Sources sources(environment, report);
  return Finish(sources.LoadMainText(yaml, name), sources, report);
}

}  // namespace meridian::config
