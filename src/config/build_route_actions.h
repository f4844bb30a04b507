// What a route does with a request besides choosing its service. Control thread.
#pragma once

#include "config/build.h"

namespace meridian::config {

// Reads rewrite, headers, redirect, respond, timeouts and retries of the route `view` into `route`,
// whose path was read.
void BuildRouteActions(Build& build, const View& view, Route& route);

}  // namespace meridian::config
