// allow and deny of one listener. Constant once built; any thread; a question allocates nothing.
#include <meridian/snapshot/snapshot.h>

namespace meridian::snapshot {

Access::Access(const config::Listener& listener, const geo::Locator& locator) : locator_(&locator) {
  if (listener.allow) allow_.emplace(*listener.allow);
  if (listener.deny) deny_.emplace(*listener.deny);
}

bool Access::Admits(const net::IpAddress& client) const {
  if (!allow_ && !deny_) return true;
  const geo::Location location = locator_->Locate(client);
  if (deny_ && deny_->HoldsInAny(location, client)) return false;
  return !allow_ || allow_->HoldsInAny(location, client);
}

}  // namespace meridian::snapshot
