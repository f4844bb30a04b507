// The program's version, as --version, the API and the metrics show it.
#pragma once

namespace meridian::app {

inline constexpr const char* kVersion = "0.1.0";

}  // namespace meridian::app
