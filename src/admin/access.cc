// See access.h. Bearer tokens by RFC 6750 section 2.1.
#include "admin/access.h"

#include <meridian/base/text.h>

namespace meridian::admin {
namespace {

constexpr std::string_view kScheme = "Bearer ";

Response Challenge(std::string_view message) {
  Response response = ErrorResponse(401, "unauthorized", message);
  response.challenge = true;
  return response;
}

}  // namespace

bool EqualSecrets(std::string_view given, std::string_view expected) {
  if (expected.empty()) return false;
  unsigned difference = given.size() == expected.size() ? 0 : 1;
  for (size_t i = 0; i < given.size(); ++i) {
    difference |= static_cast<unsigned char>(given[i]) ^
                  static_cast<unsigned char>(expected[i % expected.size()]);
  }
  return difference == 0;
}

std::optional<Response> RefuseChange(const Request& request, const ServerOptions& options) {
  if (request.has_origin) {
    return ErrorResponse(403, "cross-site", "changes are not taken from a web page");
  }
  if (options.trusted) return std::nullopt;
  if (options.token.empty()) {
    return ErrorResponse(403, "read-only",
                         "changes over TCP need admin.token_file; without it, use the Unix socket");
  }
  const std::string_view given = request.authorization;
  if (given.empty()) return Challenge("changes over TCP need 'Authorization: Bearer TOKEN'");
  if (given.size() <= kScheme.size() ||
      !EqualIgnoringCase(given.substr(0, kScheme.size()), kScheme) ||
      !EqualSecrets(TrimSpace(given.substr(kScheme.size())), options.token)) {
    return Challenge("this is not the token");
  }
  return std::nullopt;
}

}  // namespace meridian::admin
