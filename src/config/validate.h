// The table against a tree: unknown and missing keys, shapes, values, ranges, and what is not
// supported yet. What it accepts it marks valid; whoever reads the tree afterwards reads only that,
// so one mistake never hides or causes another. Control thread.
#pragma once

#include "config/document.h"
#include "config/keys.h"
#include "config/report.h"

#include <string>

namespace meridian::config {

// `path` is the key's own ("services.web"), for messages; `at` its place, for what is missing.
void Validate(Node& node, const Spec& spec, const std::string& path, Spot at, Report& report);

// "services" + "web" -> "services.web"; the root's path is empty.
std::string JoinPath(const std::string& path, std::string_view name);

}  // namespace meridian::config
