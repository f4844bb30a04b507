// See recovery_json.h.
#include "admin/recovery_json.h"

#include <meridian/base/format.h>

namespace meridian::admin {
namespace {

using failover::Status;

constexpr failover::State kStates[] = {failover::State::kNormal,      failover::State::kActivating,
                                       failover::State::kBlocked,     failover::State::kFailedOver,
                                       failover::State::kReconciling, failover::State::kReady,
                                       failover::State::kSwitching,   failover::State::kSplitBrain};

template <class T>
Json OrNull(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

Json SecondsOrNull(const std::optional<Duration>& value) {
  return value ? Json(Seconds(*value)) : Json();
}

Json InstantOrNull(const std::optional<failover::Instant>& instant) {
  return instant ? Json(FormatTime(instant->wall)) : Json();
}

Json SiteJson(const failover::SiteView& site, MonotonicTime now) {
  Json json = {{"name", site.name},
               {"active", site.is_active},
               {"primary", site.is_primary},
               {"verdict", failover::Name(site.seen.verdict)},
               {"takes_reads", site.takes_reads},
               {"claim_refused", site.is_claim_refused},
               {"sessions", site.open_sessions},
               {"replication", nullptr},
               {"channel",
                {{"alarm", failover::Name(site.channel.alarm)},
                 {"lag_seconds", SecondsOrNull(site.channel.lag)},
                 {"backlog_bytes", OrNull(site.channel.backlog_bytes)},
                 {"backlog_bytes_per_second", OrNull(site.channel.backlog_growth)},
                 {"lag_seconds_per_second", OrNull(site.channel.lag_growth)},
                 {"seconds_until_full", SecondsOrNull(site.channel.until_full)},
                 {"seconds_until_too_late", SecondsOrNull(site.channel.until_too_late)},
                 {"stalled", site.channel.is_stalled}}}};
  if (site.seen.replication) {
    const failover::ReplicationStatus& status = *site.seen.replication;
    json["replication"] = {{"age_seconds", Seconds(now - status.at)},
                           {"role", failover::Name(status.role)},
                           {"lag_seconds", SecondsOrNull(status.lag)},
                           {"backlog_bytes", OrNull(status.backlog_bytes)},
                           {"position_bytes", OrNull(status.position_bytes)},
                           {"epoch", OrNull(status.epoch)},
                           {"reconciled", status.reconciled},
                           {"source_connected", OrNull(status.source_connected)}};
  }
  return json;
}

Json GateJson(const failover::Gate& gate) {
  Json obstacles = Json::array();
  for (size_t i = 0; i < failover::kObstacleCount; ++i) {
    const auto obstacle = static_cast<failover::Obstacle>(i);
    if (gate.Has(obstacle)) obstacles.push_back(failover::Name(obstacle));
  }
  return {{"site", gate.site},
          {"open", gate.is_open()},
          {"obstacles", std::move(obstacles)},
          {"lag_seconds", SecondsOrNull(gate.lag)},
          {"backlog_bytes", OrNull(gate.backlog_bytes)},
          {"position_bytes", OrNull(gate.position_bytes)}};
}

Json MoveJson(const failover::Timeline& move) {
  return {{"epoch", move.epoch},
          {"cause", failover::Name(move.cause)},
          {"from", move.from},
          {"to", move.to},
          {"author", move.author},
          {"why", move.why},
          {"first_error", InstantOrNull(move.first_error)},
          {"detected", InstantOrNull(move.detected)},
          {"decided", InstantOrNull(move.decided)},
          {"persisted", InstantOrNull(move.persisted)},
          {"first_success", InstantOrNull(move.first_success)},
          {"drained", InstantOrNull(move.drained)},
          {"sessions_moved", move.sessions_moved},
          {"requests_lost", move.requests_lost}};
}

// What an approval waits for, or was refused by.
Json ApprovalJson(const Status& status, MonotonicTime now) {
  if (status.question) {
    return {{"state", "asked"},
            {"hook", status.question->hook},
            {"to", status.question->to},
            {"epoch", status.question->epoch},
            {"seconds", Seconds(now - status.question->asked)}};
  }
  if (!status.veto) return nullptr;
  const Duration left = std::max(status.veto->until - now, Duration(0));
  return {{"state", "vetoed"},
          {"to", status.veto->to},
          {"reason", status.veto->reason},
          {"retry_seconds", Seconds(left)}};
}

std::string AutomationText(const Status& status) {
  if (!status.is_all_automation_on) return ", automation off for all services";
  return status.is_automation_on ? "" : ", automation off";
}

}  // namespace

std::string RecoveryText(const failover::Controller& controller) {
  const Status status = controller.GetStatus();
  std::string text = Format("{}, epoch {}, redundancy {}", failover::Name(status.state),
                            status.epoch, status.redundancy);
  if (!status.is_saved) text += ", not saved";
  if (status.question) {
    text += Format(", waits for hook {} to open {}", status.question->hook, status.question->to);
  } else if (status.veto) {
    text += Format(", {} vetoed: {}", status.veto->to, status.veto->reason);
  }
  return text + AutomationText(status);
}

Json RecoveryJson(const failover::Controller& controller, MonotonicTime now, WallTime wall) {
  const Status status = controller.GetStatus();
  const failover::Outlook outlook = controller.Foresee();
  const failover::Direction direction = controller.direction();
  Json sites = Json::array(), gates = Json::array(), moves = Json::array();
  Json hindrances = Json::array();
  for (const failover::SiteView& site : status.sites) sites.push_back(SiteJson(site, now));
  for (const failover::Gate& gate : outlook.gates) gates.push_back(GateJson(gate));
  for (const failover::Timeline& move : controller.timelines()) moves.push_back(MoveJson(move));
  for (const failover::Hindrance hindrance : outlook.hindrances) {
    hindrances.push_back(failover::Name(hindrance));
  }
  return {
      {"state", failover::Name(status.state)},
      {"state_seconds", Seconds(now - status.since.monotonic)},
      {"active", status.active},
      {"epoch", status.epoch},
      {"epoch_since", FormatTime(status.epoch_since)},
      {"epoch_seconds", Seconds(std::max(wall - status.epoch_since, Duration(0)))},
      {"cause", failover::Name(status.cause)},
      {"author", status.author},
      {"traffic", failover::Name(direction.traffic)},
      {"traffic_reason", direction.reason},
      {"life", failover::Name(outlook.life)},
      {"operator_choice", status.is_operator_choice},
      {"acknowledged", status.is_acknowledged},
      {"automation", status.is_automation_on},
      {"all_automation", status.is_all_automation_on},
      {"saved", status.is_saved},
      {"cooldown_seconds", Seconds(status.cooldown_left)},
      {"redundancy", status.redundancy},
      {"claims", status.claims},
      {"approval", ApprovalJson(status, now)},
      {"sites", std::move(sites)},
      {"gates", std::move(gates)},
      {"hindrances", std::move(hindrances)},
      {"would_activate", outlook.would_activate.empty() ? Json() : Json(outlook.would_activate)},
      {"would_activate_why", outlook.would_activate_why},
      {"next", outlook.text},
      {"next_seconds", SecondsOrNull(outlook.due_in)},
      {"moves", std::move(moves)}};
}

Json AssessmentJson(const failover::Controller& controller, const std::string& to,
                    const std::string& why) {
  const auto assessment = controller.Assess(to);
  if (!assessment) return nullptr;
  return {{"to", assessment->gate.site},
          {"gate", GateJson(assessment->gate)},
          {"needs_force", assessment->needs_force},
          {"planned", assessment->is_planned},
          {"lag_at_risk_seconds", SecondsOrNull(assessment->lag_at_risk)},
          {"bytes_at_risk", OrNull(assessment->bytes_at_risk)},
          {"why", why},
          {"text", (why.empty() ? "" : Format("{} ({}): ", to, why)) + assessment->text}};
}

void CollectRecovery(const failover::Controller& controller, MetricSink& sink) {
  const Status status = controller.GetStatus();
  const std::string& service = status.service;
  sink.Gauge("meridian_failover_epoch", "The epoch of a disaster-recovery service.",
             {{"service", service}}, static_cast<double>(status.epoch));
  for (const failover::State state : kStates) {
    sink.Gauge("meridian_failover_state", "1 for the state that holds.",
               {{"service", service}, {"state", failover::Name(state)}},
               state == status.state ? 1 : 0);
  }
  sink.Gauge("meridian_failover_automation", "1 while failover may happen by itself.",
             {{"service", service}},
             status.is_automation_on && status.is_all_automation_on ? 1 : 0);
  sink.Gauge("meridian_failover_redundancy", "Sites that could be active now, less one.",
             {{"service", service}}, status.redundancy);
  for (const failover::SiteView& site : status.sites) {
    const Labels place = {{"service", service}, {"site", site.name}};
    sink.Gauge("meridian_failover_active", "1 for the active site.", place, site.is_active ? 1 : 0);
    if (site.channel.lag) {
      sink.Gauge("meridian_replication_lag_seconds", "Lag, as last told and still fresh.", place,
                 std::chrono::duration<double>(*site.channel.lag).count());
    }
    if (site.channel.backlog_bytes) {
      sink.Gauge("meridian_replication_backlog_bytes", "Backlog, as last told and still fresh.",
                 place, static_cast<double>(*site.channel.backlog_bytes));
    }
  }
}

}  // namespace meridian::admin
