// The disaster recovery of a service as JSON and as metrics: state, sites with what they say of
// their replication, gates, what comes next, the last moves. Control thread.
#pragma once

#include <meridian/admin/control.h>
#include <meridian/failover/controller.h>

#include "admin/json_value.h"

namespace meridian::admin {

// "dallas is active, epoch 7: failed-over", as the state of the service in one line.
std::string RecoveryText(const failover::Controller& controller);
Json RecoveryJson(const failover::Controller& controller, MonotonicTime now, WallTime wall);
// What a failover to `to` would cost; null if the policy does not name it.
// `why`: that site rather than another, if it was not named.
Json AssessmentJson(const failover::Controller& controller, const std::string& to,
                    const std::string& why);
void CollectRecovery(const failover::Controller& controller, MetricSink& sink);

}  // namespace meridian::admin
