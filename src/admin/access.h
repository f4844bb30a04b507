// Who may change something. Over the Unix socket, whoever reaches it; over TCP, who has the token;
// a script in somebody's browser, never.
#pragma once

#include <meridian/admin/server.h>

#include <optional>
#include <string_view>

#include "admin/message.h"

namespace meridian::admin {

// The refusal, or empty: go on.
std::optional<Response> RefuseChange(const Request& request, const ServerOptions& options);

// In a time that depends on the length of `given` alone.
bool EqualSecrets(std::string_view given, std::string_view expected);

}  // namespace meridian::admin
