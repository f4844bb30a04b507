// The body of an order to disaster recovery, checked: {"to", "force", "author"}, all optional.
#pragma once

#include <meridian/admin/control.h>

#include <string>
#include <string_view>

namespace meridian::admin {

// Error: what is wrong with the body. An empty one is an order without words.
tl::expected<RecoveryCommand, std::string> ParseRecovery(std::string_view body);

}  // namespace meridian::admin
