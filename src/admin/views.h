// The API's answers about the present state, as JSON text. Each reads one snapshot and the health
// behind it. Control thread.
#pragma once

#include <meridian/admin/control.h>
#include <meridian/routing/explain.h>

#include <string>

namespace meridian::admin {

std::string StatusJson(Control& control);
std::string SitesJson(Control& control);
std::string ServicesJson(Control& control);
// Preconditions: the id is of the control's present snapshot.
std::string SiteJson(Control& control, SiteId site);
std::string ServiceJson(Control& control, ServiceId service);
// The record of one target, as it is now in force.
std::string IntentJson(Control& control, const std::string& target);
// As loaded, in the shape of CONFIG.md with every default filled in; values that may be secret are
// masked.
std::string ConfigJson(const snapshot::Snapshot& snapshot);
// {"accepted", "generation", "diagnostics", "errors"}, with an "error" beside it if it was refused.
std::string ReloadJson(const ReloadResult& result);
// explain's JSON with the generation it was made by.
std::string ExplanationJson(const routing::Explanation& explanation, uint64_t generation);

}  // namespace meridian::admin
