// Which of a route's services a request goes to. The worker's thread; nothing is kept.
#pragma once

#include <meridian/codec/http1.h>
#include <meridian/routing/decide.h>
#include <meridian/snapshot/route_table.h>

#include <string>

namespace meridian::proxy {

struct RouteChoiceInput {
  const routing::Table* table = nullptr;
  const codec::Head* head = nullptr;
  net::IpAddress client;
  WallTime wall{};
  uint64_t draw = 0;               // one uniform random value, for requests without a session
  std::string* scratch = nullptr;  // its content is replaced
};

// By the route's weights, but a session stays on one side: a cookie with the service that set it;
// any other session by its key, as the first of the services with such a policy has it.
const snapshot::RouteTarget& ChooseTarget(const snapshot::Route& route,
                                          const RouteChoiceInput& input);

}  // namespace meridian::proxy
