// ${NAME} and ${NAME:-default} in values, replaced after the YAML is parsed, so that what stands in
// the environment can never change a file's structure.
#pragma once

#include "config/document.h"

#include <meridian/config/load.h>

namespace meridian::config {

inline constexpr size_t kMaxExpanded = 64 * 1024;  // bytes of one value

// Replaces in every scalar value under `node`. One that cannot be replaced becomes broken, which
// Validate reports with its key.
void ExpandEnvironment(Node& node, const Environment& environment);

}  // namespace meridian::config
