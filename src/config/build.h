// From a validated tree to a Config: defaults that depend on other keys, references between parts,
// and whatever needs more than one key to be judged. Control thread.
#pragma once

#include "config/report.h"
#include "config/sources.h"
#include "config/view.h"

#include <meridian/config/config.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace meridian::config {

// All that the files define under these names, also what was not accepted, whose View is empty: a
// mistake inside a site does not make every mention of it another.
using Names = std::map<std::string, View, std::less<>>;

// What the parts of one build share.
struct Build {
  Report& report;
  const Sources& sources;
  View root;
  Config config = {};
  Names sites = {}, services = {}, health_checks = {};

  void Error(Spot place, const std::string& path, std::string_view what) {
    report.Error(place, path + ": " + std::string(what));
  }
  void Warning(Spot place, const std::string& path, std::string_view what) {
    report.Warning(place, path + ": " + std::string(what));
  }
  // Whether `name` is one of `known`; reports it as "'x' is not `noun`" otherwise.
  bool Refers(const View& name, const Names& known, std::string_view noun);
  // An absolute path; empty for none, off or an absent key.
  std::string Path(const View& map, std::string_view key) const;
  // The same, for a file that must be there and readable.
  std::string ExistingFile(const View& map, std::string_view key);
  bool CheckReadable(const View& value, const std::string& path);
};

// What follows "'x' is not a site": the name that was meant, or those there are.
std::string NearestOf(std::string_view name, const Names& known);

// The lists of clients that a rule, or a listener's allow or deny, names.
topology::Match BuildMatch(const View& view);

// What `on` of retries lists, in place of what `retries` has.
void ReadRetryReasons(const View& on, topology::RetryPolicy& retries);

// Fills build.config; the parts, in the order they are built.
void BuildAll(Build& build);
void BuildProcess(Build& build);  // process, log, geo, admin
void BuildHealthChecks(Build& build);
void BuildTopology(Build& build);  // regions, sites
void BuildServices(Build& build);
void ResolveChecks(Build& build);  // what health checks take from services
void BuildListeners(Build& build);
void BuildHooks(Build& build);  // after services
// listeners.NAME.routes into `listener`, whose protocol is known.
void BuildRoutes(Build& build, const View& routes, Listener& listener);

// A map of keys for TLS to endpoints.
topology::BackendTls BuildClientTls(Build& build, const View& view);
// Whether the endpoints of `service` have what `tls` verifies; an error at `view` otherwise.
void CheckVerifiable(Build& build, const View& view, const std::string& service,
                     const topology::BackendTls& tls);
// user, database and passfile.
topology::DatabaseLogin ReadLogin(Build& build, const View& view);
// That Unix endpoints of a service are sockets that libpq can name; an error at `view` otherwise.
void CheckDatabaseSockets(Build& build, const View& view, const std::string& service);

// Names of sites, each defined and none twice.
std::vector<std::string> ReadSites(Build& build, const View& list);
// Whether the site has endpoints for the service, as far as was accepted.
bool Offers(const Build& build, const std::string& site, const std::string& service);
// services.NAME.mode and the keys of disaster recovery, into `service`, whose policies were read.
void BuildRecovery(Build& build, const View& view, topology::Service& service);

}  // namespace meridian::config
