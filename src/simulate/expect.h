// Whether what a scenario expects holds in a world, and if not, what holds instead.
#pragma once

#include <meridian/config/scenario.h>

#include <optional>
#include <string>

#include "simulate/world.h"

namespace meridian::simulate {

// Empty: it holds. Else "sessions are 12", "active is atlanta, state is blocked".
std::string Mismatch(World& world, const config::Expectation& expected);

}  // namespace meridian::simulate
