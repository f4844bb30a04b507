// What of a configuration is not shown: values under names that speak of a credential.
#pragma once

#include <string>
#include <string_view>

namespace meridian::admin {

bool MayBeSecret(std::string_view name);
// `value`, or a mask in its place.
std::string Masked(std::string_view name, const std::string& value);

}  // namespace meridian::admin
