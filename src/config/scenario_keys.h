// The keys of a scenario file, as rows of the same kind as those of a configuration. Static data.
#pragma once

#include "config/keys.h"

namespace meridian::config {

const Spec& ScenarioSpec();

}  // namespace meridian::config
