// Changes to headers that an operator asks for: which names and values may be written, so that no
// configuration can split a message, change its framing, or speak for Meridian. Control thread.
#pragma once

#include "config/build.h"

namespace meridian::config {

enum class Direction : uint8_t { kRequest, kResponse, kCheck };

// The changes under `view` (set, add, remove), with an error for each that cannot be made.
HeaderChanges ReadHeaderChanges(Build& build, const View& view, Direction direction);

// The header fields of a map, to be sent by a health check.
std::vector<std::pair<std::string, std::string>> ReadCheckHeaders(Build& build, const View& map);

// What is wrong with a header's name or value, to be sent this way; empty: nothing.
std::string NameProblem(std::string_view name, Direction direction);
std::string ValueProblem(std::string_view value);

}  // namespace meridian::config
