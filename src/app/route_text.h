// A route in a line for people: what it takes, and where it leads.
#pragma once

#include <meridian/config/config.h>

#include <string>

namespace meridian::app {

// "app.example.com/api GET POST, header X-Beta: 1 → web 95, canary 5"
std::string DescribeRoute(const config::Route& route, config::Protocol protocol);

}  // namespace meridian::app
