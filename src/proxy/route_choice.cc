// See route_choice.h.
#include "proxy/route_choice.h"

#include <meridian/base/hash.h>
#include <meridian/routing/session_cookie.h>

#include "proxy/session_key.h"

namespace meridian::proxy {
namespace {

using topology::SessionBy;

// So that a client's side says nothing about its place inside a service.
constexpr uint64_t kSalt = 0x726f757465736964u;

// The hash that decides on the side of this session; empty: there is no key.
std::optional<uint64_t> KeyHash(const topology::SessionPolicy& session,
                                const RouteChoiceInput& input) {
  if (session.by == SessionBy::kSource) {
    const bool v4 = input.client.family() == net::Family::kIpv4;
    return input.client.Masked(v4 ? session.source_prefix_v4 : session.source_prefix_v6)
        .Hash(kSalt);
  }
  const std::string_view key = SessionKey(session, *input.head, *input.scratch);
  if (key.empty()) return std::nullopt;
  return Hash(key, kSalt);
}

}  // namespace

const snapshot::RouteTarget& ChooseTarget(const snapshot::Route& route,
                                          const RouteChoiceInput& input) {
  const auto& targets = route.targets();
  if (targets.size() == 1) return targets.front();
  std::optional<uint64_t> hash;
  for (const snapshot::RouteTarget& target : targets) {
    const topology::SessionPolicy& session = input.table->service(target.service).session;
    if (session.by == SessionBy::kNone) continue;
    if (session.by != SessionBy::kCookie) {
      if (!hash) hash = KeyHash(session, input);
    } else if (routing::IsCookieOf(*input.table, target.service,
                                   CookieValue(*input.head, session.name), input.wall)) {
      return target;
    }
  }
  return route.TargetOf(Mix(hash.value_or(input.draw ^ kSalt)));
}

}  // namespace meridian::proxy
