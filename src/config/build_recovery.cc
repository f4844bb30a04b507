// services.NAME.mode, and what only a disaster-recovery service has: its sites, how their
// replication is watched, and when it moves.
#include "config/build.h"

#include <meridian/base/format.h>

namespace meridian::config {
namespace {

using topology::DisasterRecovery;
using topology::ReplicationCheck;
using topology::Service;

constexpr const char* kRecoveryKeys[] = {"primary", "standby",  "replication",
                                         "reads",   "failover", "failback"};

void RefuseRecoveryKeys(Build& build, const View& view) {
  for (const char* const key : kRecoveryKeys) {
    const View value = view[key];
    if (!value) continue;
    build.Error(value.at(), value.path(),
                "is for mode disaster-recovery alone; this service is distributed");
  }
}

void Require(Build& build, const View& view, const char* key, const char* what) {
  if (view.Has(key)) return;
  build.Error(view.at(), view.path() + "." + key,
              Format("is required in mode disaster-recovery: {}", what));
}

// Whether the site at `name`, which is defined, can be active at all.
bool CheckOffers(Build& build, const View& name, const Service& service) {
  if (Offers(build, name.text(), service.name)) return true;
  build.Error(name.place(), name.path(),
              Format("{} has no endpoints for the service; expected some under its "
                     "services.{}",
                     Quote(name.text()), service.name));
  return false;
}

void ReadMembers(Build& build, const View& view, const Service& service, DisasterRecovery& out) {
  Require(build, view, "primary", "a site");
  Require(build, view, "standby", "a list of sites");
  const View primary = view["primary"];
  if (primary && build.Refers(primary, build.sites, "a site")) {
    CheckOffers(build, primary, service);
    out.primary = primary.text();
  }
  const View standby = view["standby"];
  out.standby = ReadSites(build, standby);
  for (const View& entry : standby.Entries()) {
    if (entry.text() == out.primary) {
      build.Error(entry.place(), entry.path(),
                  Format("{} is the primary; expected other sites", Quote(entry.text())));
    } else if (build.sites.contains(entry.text())) {
      CheckOffers(build, entry, service);
    }
  }
  if (out.standby.size() >= topology::kMaxRecoverySites) {
    build.Error(standby.place(), standby.path(),
                Format("{} sites; at most {} are supported", out.standby.size(),
                       topology::kMaxRecoverySites - 1));
  }
}

void WarnOfMembers(Build& build, const View& view, const Service& service,
                   const DisasterRecovery& recovery) {
  const bool is_whole = !recovery.primary.empty() && !recovery.standby.empty() &&
                        recovery.standby.size() == view["standby"].Entries().size();
  if (!is_whole) return;  // an error says so
  if (recovery.standby.size() == 1) {
    build.Warning(view.at(), view.path(),
                  "only two sites can be active: no safety net after one failure; expected three "
                  "or more");
  }
  for (const auto& [site, site_view] : build.sites) {
    const bool is_member =
        site == recovery.primary ||
        std::find(recovery.standby.begin(), recovery.standby.end(), site) != recovery.standby.end();
    if (is_member || !site_view || !Offers(build, site, service.name)) continue;
    build.Warning(view.at(), view.path(),
                  Format("{} has endpoints for it but is neither primary nor standby: they are "
                         "never used",
                         Quote(site)));
  }
}

std::optional<ReplicationCheck> ReadCheck(Build& build, const View& view, Duration& interval) {
  if (!view) return std::nullopt;
  ReplicationCheck check;
  Read(view, "interval", interval);
  ReadWord(view, "type", check.postgresql, {{"http", false}, {"postgresql", true}});
  check.login = ReadLogin(build, view);
  Read(view, "port", check.port);
  Read(view, "path", check.path);
  check.timeout = std::min(check.timeout, interval);
  Read(view, "timeout", check.timeout);
  if (check.timeout > interval) {
    const View timeout = view["timeout"];
    build.Warning(timeout.place(), timeout.path(),
                  Format("{} is more than the interval of {}: a slow check delays the next one",
                         FormatDuration(check.timeout), FormatDuration(interval)));
  }
  for (const char* const key : {"path", "pointers", "user", "database", "passfile"}) {
    const View value = view[key];
    const bool is_of_http = key[0] == 'p' && key[2] != 's';
    if (!value || !view["type"] || is_of_http != check.postgresql) continue;
    build.Warning(value.at(), value.path(),
                  Format("has no effect with type {}", view["type"].text()));
  }
  const View pointers = view["pointers"];
  Read(pointers, "role", check.pointers.role);
  Read(pointers, "lag_seconds", check.pointers.lag_seconds);
  Read(pointers, "backlog_bytes", check.pointers.backlog_bytes);
  Read(pointers, "epoch", check.pointers.epoch);
  Read(pointers, "reconciled", check.pointers.reconciled);
  Read(pointers, "source_connected", check.pointers.source_connected);
  Read(pointers, "position_bytes", check.pointers.position_bytes);
  return check;
}

void ReadReplication(Build& build, const View& view, const std::string& service,
                     DisasterRecovery& out) {
  const View check = view["check"];
  out.check = ReadCheck(build, check, out.status_interval);
  if (out.check && out.check->postgresql) CheckDatabaseSockets(build, check, service);
  Read(view, "max_lag", out.max_lag);
  const View backlog = view["max_backlog"];
  if (backlog && backlog.text() != "unlimited") {
    out.max_backlog = 0;
    ReadBytes(view, "max_backlog", *out.max_backlog);
  }
  const View lag = view["max_lag"];
  if (lag && out.check && out.max_lag < out.status_interval) {
    build.Warning(lag.place(), lag.path(),
                  Format("{} is less than the check's interval of {}: a standby in good order may "
                         "look too far behind",
                         FormatDuration(out.max_lag), FormatDuration(out.status_interval)));
  }
}

void ReadMoves(const View& view, DisasterRecovery& out) {
  ReadWord(view, "reads", out.reads,
           {{"active", topology::Reads::kActive}, {"nearest", topology::Reads::kNearest}});
  const View failover = view["failover"];
  Read(failover, "automatic", out.automatic);
  Read(failover, "after", out.after);
  Read(failover, "cooldown", out.cooldown);
  Read(failover, "switch_hold", out.switch_hold);
  const View failback = view["failback"];
  ReadWord(failback, "mode", out.failback,
           {{"manual", topology::FailbackMode::kManual},
            {"automatic", topology::FailbackMode::kAutomatic}});
  Read(failback, "hold", out.hold);
}

// What keeps an automatic failover from ever happening.
void WarnOfBlindness(Build& build, const View& view, const Service& service,
                     const DisasterRecovery& recovery) {
  if (!recovery.automatic) return;
  const View replication = view["replication"];
  if (!recovery.check && !(replication && replication.Has("check"))) {
    build.Warning(view.at(), view.path(),
                  "failover is automatic, but without replication.check no standby's lag is ever "
                  "known: nothing fails over by itself");
  }
  if (service.health_check.empty() && !view.Has("health_check")) {
    build.Warning(view.at(), view.path(),
                  "failover is automatic, but without health_check the active site is never known "
                  "to be dead: nothing fails over by itself");
  }
}

}  // namespace

void BuildRecovery(Build& build, const View& view, Service& service) {
  if (view.Has("mode") && !view["mode"]) return;  // whatever was meant
  ReadWord(view, "mode", service.mode,
           {{"distributed", topology::Mode::kDistributed},
            {"disaster-recovery", topology::Mode::kDisasterRecovery}});
  if (service.mode == topology::Mode::kDistributed) return RefuseRecoveryKeys(build, view);
  if (!view["panic"]) service.panic = topology::Panic::kReject;
  DisasterRecovery& recovery = service.disaster_recovery.emplace();
  ReadMembers(build, view, service, recovery);
  ReadReplication(build, view["replication"], service.name, recovery);
  ReadMoves(view, recovery);
  WarnOfMembers(build, view, service, recovery);
  WarnOfBlindness(build, view, service, recovery);
}

}  // namespace meridian::config
