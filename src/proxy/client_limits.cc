// See client_limits.h.
#include "proxy/client_limits.h"

#include <meridian/base/hash.h>

namespace meridian::proxy {
namespace {

constexpr int kOwnPrefix = 64;
constexpr uint64_t kAllClients = 0x616c6c;  // no client's key, but by chance

uint64_t KeyOf(const net::IpAddress& client, uint64_t seed) {
  const bool v6 = client.family() == net::Family::kIpv6;
  return (v6 ? client.Masked(kOwnPrefix) : client).Hash(seed);
}

uint64_t At(const config::Listener& listener, uint64_t key, uint64_t seed) {
  return Combine(Hash(listener.name, seed), key);
}

}  // namespace

bool WithinRate(const Core& core, const config::Listener& listener, const net::IpAddress& client,
                const codec::Head& head) {
  if (!listener.limits.rate) return true;
  const config::RateLimit& limit = *listener.limits.rate;
  snapshot::ClientTables& tables = *core.clients_known;
  const codec::Field* field = limit.header.empty() ? nullptr : head.Find(limit.header);
  const uint64_t key = field != nullptr && !field->value.empty()
                           ? Mix(Hash(field->value, tables.seed))
                           : KeyOf(client, tables.seed);
  return tables.rates.Admit(At(listener, key, tables.seed), core.loop.Now(),
                            {limit.per_second, limit.burst});
}

bool WithinRate(const Core& core, const config::Listener& listener, const net::IpAddress& client) {
  if (!listener.limits.rate) return true;
  snapshot::ClientTables& tables = *core.clients_known;
  return tables.rates.Admit(At(listener, KeyOf(client, tables.seed), tables.seed), core.loop.Now(),
                            {listener.limits.rate->per_second, listener.limits.rate->burst});
}

bool WithinAcceptRate(const Core& core, const config::Listener& listener) {
  const std::optional<uint32_t>& rate = listener.limits.accept_rate;
  if (!rate) return true;
  snapshot::ClientTables& tables = *core.clients_known;
  return tables.rates.Admit(At(listener, kAllClients, tables.seed), core.loop.Now(),
                            {*rate, *rate});
}

bool WithinConnections(const Core& core, const ListenerState& listener) {
  const std::optional<uint32_t>& most = core.Config(listener)->config.limits.connections;
  if (!most) return true;
  uint64_t open = 0;
  for (const Counter* each : core.current.counters().open[listener.id.value]) open += each->value();
  return open < *most;
}

bool EnterConnection(const Core& core, const config::Listener& listener,
                     const net::IpAddress& client, snapshot::ConnectionTable::Place& place) {
  if (!listener.limits.connections_per_client) return true;
  snapshot::ClientTables& tables = *core.clients_known;
  return tables.connections.Enter(At(listener, KeyOf(client, tables.seed), tables.seed),
                                  *listener.limits.connections_per_client, place);
}

}  // namespace meridian::proxy
