// A validated configuration to a Snapshot: opens what it names (databases, key files), then builds
// the tables. Every reason why it cannot be used is reported, not only the first. Control thread.
#include <meridian/base/check.h>
#include <meridian/base/format.h>
#include <meridian/geo/site_index.h>
#include <meridian/snapshot/snapshot.h>

#include <algorithm>
#include <map>
#include <random>

#include "snapshot/tls_contexts.h"

namespace meridian::snapshot {
namespace {

template <class Code>
void ReadCode(const std::string& text, const char* what, const std::string& where, Code& code,
              std::vector<std::string>& errors) {
  if (text.empty()) return;
  if (const std::optional<Code> parsed = Code::Parse(text)) {
    code = *parsed;
  } else {
    errors.push_back(Format("{}: '{}' is not a {} code", where, text, what));
  }
}

geo::Location LocationOf(const config::Place& place, const std::string& where,
                         std::vector<std::string>& errors) {
  geo::Location location;
  if (place.latitude && place.longitude) {
    if (const std::optional<geo::Point> point = geo::Point::At(*place.latitude, *place.longitude)) {
      location.point = *point;
      location.has_coordinates = true;
    } else {
      errors.push_back(Format("{}: no such place on earth", where));
    }
  }
  ReadCode(place.country, "country", where, location.country, errors);
  ReadCode(place.continent, "continent", where, location.continent, errors);
  ReadCode(place.subdivision, "subdivision", where, location.subdivision, errors);
  location.asn = place.asn.value_or(0);
  return location;
}

// The key of a service without a file: as long as the process, so that a reload keeps its sessions.
tls::HmacKey EphemeralKey(const std::string& service, Keys& keys) {
  for (const auto& [name, key] : keys.ephemeral) {
    if (name == service) return key;
  }
  keys.ephemeral.emplace_back(service, tls::HmacKey::Ephemeral());
  return keys.ephemeral.back().second;
}

std::vector<tls::HmacKeys> CookieKeys(const config::Config& config, Keys& keys,
                                      Compiled& compiled) {
  std::vector<tls::HmacKeys> all;
  std::map<std::string, tls::HmacKeys> by_file;
  for (const topology::Service& service : config.topology.services) {
    const std::string& path = service.session.key_file;
    const bool needed = service.session.by == topology::SessionBy::kCookie;
    if (needed && !path.empty() && !by_file.contains(path)) {
      if (const Result<tls::HmacKeys> read = tls::HmacKeys::FromFile(path)) {
        by_file.emplace(path, *read);
      } else {
        compiled.errors.push_back(Format("{}: {}", path, Describe(read.error())));
      }
    }
    if (needed && path.empty()) {
      compiled.warnings.push_back(
          Format("services.{}.session: no key_file, so a key was made that this process alone "
                 "knows: its cookies end "
                 "with it, and no other instance honours them",
                 service.name));
    }
    const auto found = by_file.find(path);
    all.push_back(found != by_file.end() ? found->second
                                         : tls::HmacKeys{EphemeralKey(service.name, keys), {}});
  }
  return all;
}

// The table of sessions that stay where they moved to: one for the whole process.
std::shared_ptr<routing::MovedSessions> MovedSessionsOf(const config::Config& config, Keys& keys) {
  using topology::SessionBy;
  const bool needed = std::any_of(config.topology.services.begin(), config.topology.services.end(),
                                  [](const topology::Service& service) {
                                    const topology::SessionPolicy& session = service.session;
                                    return session.by != SessionBy::kNone &&
                                           session.by != SessionBy::kCookie &&
                                           session.on_recovery == topology::OnRecovery::kStay;
                                  });
  if (needed && !keys.moved_sessions) {
    keys.moved_sessions = std::make_shared<routing::MovedSessions>(config.process.session_table);
  }
  return needed ? keys.moved_sessions : nullptr;
}

// What is known of clients: one for the whole process, too.
std::shared_ptr<ClientTables> ClientTablesOf(const config::Config& config, Keys& keys) {
  const bool needed = std::any_of(config.listeners.begin(), config.listeners.end(),
                                  [](const config::Listener& listener) {
                                    return listener.limits.rate || listener.limits.accept_rate ||
                                           listener.limits.connections_per_client;
                                  });
  if (needed && !keys.clients) {
    std::random_device random;  // so that nobody can choose addresses that meet in one set
    const uint64_t seed = uint64_t{random()} << 32 | random();
    keys.clients = std::make_shared<ClientTables>(config.process.client_table, seed);
  }
  return needed ? keys.clients : nullptr;
}

void CheckMatch(const topology::Match& match, const std::string& where,
                std::vector<std::string>& errors) {
  geo::CountryCode country;
  geo::ContinentCode continent;
  geo::SubdivisionCode subdivision;
  for (const std::string& text : match.country) ReadCode(text, "country", where, country, errors);
  for (const std::string& text : match.continent)
    ReadCode(text, "continent", where, continent, errors);
  for (const std::string& text : match.subdivision) {
    ReadCode(text, "subdivision", where, subdivision, errors);
  }
  for (const std::string& text : match.network) {
    if (!net::Prefix::Parse(text))
      errors.push_back(Format("{}: '{}' is not a network", where, text));
  }
}

// Bounds and spellings that the tables need and a configuration file may not have been held to.
void CheckTopology(const topology::Topology& topology, std::vector<std::string>& errors) {
  if (topology.sites.size() > geo::SiteIndex::kMaxSites) {
    errors.push_back(Format("regions: {} sites, at most {} are supported", topology.sites.size(),
                            geo::SiteIndex::kMaxSites));
  }
  for (const topology::Service& service : topology.services) {
    for (size_t i = 0; i < service.rules.size(); ++i) {
      CheckMatch(service.rules[i].match, Format("services.{}.rules[{}]", service.name, i), errors);
    }
  }
}

void CheckAccess(const std::vector<config::Listener>& listeners, std::vector<std::string>& errors) {
  for (const config::Listener& listener : listeners) {
    const std::string where = Format("listeners.{}.", listener.name);
    if (listener.allow) CheckMatch(*listener.allow, where + "allow", errors);
    if (listener.deny) CheckMatch(*listener.deny, where + "deny", errors);
  }
}

Listener CompileListener(const config::Listener& listener, const routing::Table& table) {
  Listener compiled;
  compiled.config = listener;
  compiled.access = Access(listener, table.locator());
  const bool is_tcp = listener.protocol == config::Protocol::kTcp;
  const bool is_udp = listener.protocol == config::Protocol::kUdp;
  if (is_udp || (is_tcp && listener.routes.empty())) {
    compiled.service = table.FindService(listener.service);
    MERIDIAN_CHECK(compiled.service.ok());
    compiled.reads_hello =
        is_tcp && table.service(compiled.service).session.by == topology::SessionBy::kSni;
  } else {
    compiled.routes = std::make_unique<RouteTable>(listener.routes, table);
    compiled.reads_hello = is_tcp;
  }
  return compiled;
}

}  // namespace

std::shared_ptr<const geo::Locator> OpenLocator(const config::Geo& geo,
                                                std::vector<std::string>& errors) {
  geo::Locator::Input input;
  for (const std::string& path : geo.databases) {
    Result<geo::Database> database = geo::Database::Open(path);
    if (database.has_value()) {
      input.databases.push_back(std::move(*database));
    } else {
      errors.push_back(Format("{}: {}", path, Describe(database.error())));
    }
  }
  for (const auto& [network, place] : geo.networks) {
    const std::string where = "geo.networks." + network.ToString();
    input.networks.push_back({network, LocationOf(place, where, errors)});
  }
  if (geo.default_place) input.fallback = LocationOf(*geo.default_place, "geo.default", errors);
  if (!errors.empty()) return nullptr;
  Result<std::shared_ptr<const geo::Locator>> locator = geo::Locator::Build(std::move(input));
  if (locator.has_value()) return std::move(*locator);
  errors.push_back(Format("geo: {}", Describe(locator.error())));
  return nullptr;
}

const Listener* Snapshot::FindListener(std::string_view name) const {
  const auto found =
      std::find_if(listeners.begin(), listeners.end(),
                   [name](const Listener& listener) { return listener.config.name == name; });
  return found == listeners.end() ? nullptr : &*found;
}

Compiled Compile(config::Config config, uint64_t generation, health::Registry& registry, Keys& keys,
                 std::shared_ptr<const geo::Locator> locator) {
  Compiled compiled;
  if (locator == nullptr) locator = OpenLocator(config.geo, compiled.errors);
  CheckTopology(config.topology, compiled.errors);
  CheckAccess(config.listeners, compiled.errors);
  std::vector<tls::HmacKeys> cookie_keys = CookieKeys(config, keys, compiled);
  TlsContexts tls = MakeTlsContexts(config, keys, compiled);
  if (!compiled.errors.empty()) return compiled;

  auto snapshot = std::make_shared<Snapshot>();
  snapshot->generation = generation;
  snapshot->config = std::move(config);
  snapshot->locator = locator;
  snapshot->table =
      routing::Table::Compile({.topology = &snapshot->config.topology,
                               .locator = std::move(locator),
                               .registry = &registry,
                               .cookie_keys = std::move(cookie_keys),
                               .moved_sessions = MovedSessionsOf(snapshot->config, keys)});
  snapshot->clients = ClientTablesOf(snapshot->config, keys);
  for (const config::Listener& listener : snapshot->config.listeners) {
    snapshot->listeners.push_back(CompileListener(listener, *snapshot->table));
  }
  for (size_t i = 0; i < snapshot->listeners.size(); ++i) {
    snapshot->listeners[i].tls = std::move(tls.listeners[i]);
  }
  snapshot->backend_tls = std::move(tls.services);
  snapshot->check_tls = std::move(tls.checks);
  compiled.snapshot = std::move(snapshot);
  return compiled;
}

}  // namespace meridian::snapshot
