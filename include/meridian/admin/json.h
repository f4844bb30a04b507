// Values as the JSON of the API. Shared by the server and by commands that answer without one
// (explain -c, check).
#pragma once

#include <meridian/config/load.h>
#include <meridian/routing/explain.h>

#include <string>
#include <vector>

namespace meridian::admin {

std::string ToJson(const routing::Explanation& explanation);
std::string ToJson(const std::vector<config::Diagnostic>& diagnostics);

}  // namespace meridian::admin
