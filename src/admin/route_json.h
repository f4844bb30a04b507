// A route as JSON, in the shape of CONFIG.md.
#pragma once

#include <meridian/config/config.h>

#include "admin/json_value.h"

namespace meridian::admin {

// What a policy tries again, as `on` lists it.
Json RetryReasons(const topology::RetryPolicy& retries);
Json RouteJson(const config::Route& route, config::Protocol protocol);

}  // namespace meridian::admin
