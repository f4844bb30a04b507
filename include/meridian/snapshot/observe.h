// What the checks and the operator say of a site for a disaster-recovery service, as its controller
// wants to hear it: the same for the daemon and for the simulator. Traffic alone kills no site.
// Control thread; allocates nothing.
#pragma once

#include <meridian/failover/observation.h>
#include <meridian/routing/table.h>

namespace meridian::snapshot {

// Without the replication status. Down: less than min_healthy of the endpoint weight is up by its
// checks; out: an operator or agent drains all of it. `first_error` is when the first endpoint that
// is down now went down.
failover::Observation ObserveSite(const routing::Table& table, ServiceId service, SiteId site);

}  // namespace meridian::snapshot
