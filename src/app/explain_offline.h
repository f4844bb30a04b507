// Explain from a configuration file alone: the same tables and the same code as live, over a health
// view in which every endpoint is up. Control thread.
#pragma once

#include <meridian/routing/explain.h>
#include <meridian/snapshot/snapshot.h>

#include <string>
#include <utility>
#include <vector>

namespace meridian::app {

struct ExplainRequest {
  std::string service, client, session;
  std::vector<std::pair<std::string, std::string>> headers;
};

// "N:V" with white space around V dropped; empty if there is no name.
std::optional<std::pair<std::string, std::string>> ParseHeader(std::string_view text);

// Error: for people ("no service 'wbe'; did you mean 'web'?").
tl::expected<routing::Explanation, std::string> ExplainOffline(const snapshot::Snapshot& snapshot,
                                                               health::Registry& registry,
                                                               const ExplainRequest& request,
                                                               WallTime now);

}  // namespace meridian::app
