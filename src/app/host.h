// The process's place on its machine: usable CPUs, descriptors, the service manager. Control
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace meridian::app {

// CPUs this process may run on (sched_getaffinity), at least 1.
size_t UsableCpus();

// Raises RLIMIT_NOFILE to its hard limit; returns what holds now.
uint64_t RaiseDescriptorLimit();

// Client connections that fit into `descriptors`: each may need one more for its backend, and some
// are kept for everything else.
uint64_t ConnectionsFor(uint64_t descriptors);

// sd_notify(3): one datagram to NOTIFY_SOCKET, if that is set. "READY=1", "STOPPING=1".
void NotifyServiceManager(std::string_view state);
// "RELOADING=1" with the time that the protocol asks for.
void NotifyReloading();

}  // namespace meridian::app
