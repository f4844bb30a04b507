// Ids of the things in a Topology and the tables compiled from it: dense indices, valid within one
// snapshot.
#pragma once

#include <meridian/base/id.h>

namespace meridian {

using RegionId = Id<struct RegionTag>;
using SiteId = Id<struct SiteTag>;
using ServiceId = Id<struct ServiceTag>;
using EndpointId = Id<struct EndpointTag>;  // across all services and sites of the snapshot
using ListenerId = Id<struct ListenerTag>;

}  // namespace meridian
