// What `meridian whatif` is asked, in words, as a question to the simulation. Pure.
#pragma once

#include <meridian/admin/control.h>
#include <meridian/simulate/simulate.h>
#include <tl/expected.hpp>

#include <string>

namespace meridian::app {

// Checked against the configuration. An error is a sentence that begins with the field's name.
tl::expected<simulate::Question, std::string> QuestionOf(const admin::WhatIfRequest& given,
                                                         const config::Config& config);

}  // namespace meridian::app
