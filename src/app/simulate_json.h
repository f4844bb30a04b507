// Reports of the simulate room as JSON. Times are seconds from the start.
#pragma once

#include <meridian/simulate/report.h>

#include <string>

namespace meridian::app {

std::string ToJson(const simulate::Report& report);
std::string ToJson(const simulate::WhatIfReport& report);

}  // namespace meridian::app
