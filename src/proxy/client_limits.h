// What one client may do at a listener, over all workers: how many requests (tcp: new connections,
// udp: new sessions) a second, how many connections or sessions at once; and all of them together.
// A client is its address (of IPv6 the /64 that it has to itself), or for rates a header's value.
// The worker's thread.
#pragma once

#include <meridian/codec/http1.h>
#include <meridian/snapshot/client_tables.h>

#include "proxy/core.h"

namespace meridian::proxy {

// Whether one more request is within the listener's rate; counts it if so.
bool WithinRate(const Core& core, const config::Listener& listener, const net::IpAddress& client,
                const codec::Head& head);

// The same for who has no head: a connection of tcp, a session of udp.
bool WithinRate(const Core& core, const config::Listener& listener, const net::IpAddress& client);

// Whether one more connection is within what the listener takes of all clients together.
bool WithinAcceptRate(const Core& core, const config::Listener& listener);

// Whether one more connection may be open at the listener. Each worker counts its own and reads the
// others' counts: what several accept in the same instant may pass the bound by one for each.
bool WithinConnections(const Core& core, const ListenerState& listener);

// Whether the client may have this connection besides its others; then `place` counts it.
bool EnterConnection(const Core& core, const config::Listener& listener,
                     const net::IpAddress& client, snapshot::ConnectionTable::Place& place);

}  // namespace meridian::proxy
