// See checks.h. The rhythm is that of src/probe/check.cc.
#include "simulate/checks.h"

#include <meridian/base/hash.h>

#include <algorithm>

namespace meridian::simulate {
namespace {

constexpr Duration kMaxFirstDelay = std::chrono::seconds(1);
constexpr Duration kMinGap = std::chrono::milliseconds(50);
constexpr Duration kAnswerTime = std::chrono::milliseconds(1);

const topology::HealthCheck* FindCheck(const topology::Topology& topology, std::string_view name) {
  for (const topology::HealthCheck& check : topology.health_checks) {
    if (check.name == name) return &check;
  }
  return nullptr;
}

}  // namespace

Checks::Checks(Agenda& agenda, net::Random& random, health::Registry& registry,
               const snapshot::Snapshot& snapshot, const Nature& nature)
    : agenda_(agenda), random_(random), registry_(registry), nature_(nature) {
  const routing::Table& table = *snapshot.table;
  for (const routing::Endpoint& endpoint : table.endpoints()) {
    const topology::HealthCheck* check =
        FindCheck(snapshot.config.topology, table.service(endpoint.service).health_check);
    if (check == nullptr) continue;
    if (check->type == topology::CheckType::kNone) {
      registry_.SetProbe(*endpoint.health, health::Probe::kNotChecked, agenda_.Now());
      continue;
    }
    if (!positions_.emplace(endpoint.health, checks_.size()).second) continue;
    Check& made = checks_.emplace_back();
    made.health = endpoint.health;
    made.endpoint = &endpoint;
    made.definition = check;
    made.started = agenda_.Now() - kMinGap;
  }
  for (size_t i = 0; i < checks_.size(); ++i) {
    const Duration window = std::min(checks_[i].definition->interval, kMaxFirstDelay);
    const double share = Unit(random_.Next());
    AskIn(i, Duration(static_cast<int64_t>(share * static_cast<double>(window.count()))));
  }
}

void Checks::AskIn(size_t index, Duration delay) {
  const uint64_t turn = ++checks_[index].turn;
  agenda_.After(delay, [this, index, turn] {
    if (checks_[index].turn == turn) Ask(index);
  });
}

void Checks::Ask(size_t index) {
  Check& check = checks_[index];
  check.started = agenda_.Now();
  check.is_asking = true;
  check.again = false;
  const bool good = nature_.Answers(*check.endpoint);
  agenda_.After(good ? kAnswerTime : check.definition->timeout,
                [this, index, good] { OnAnswer(index, good); });
}

void Checks::OnAnswer(size_t index, bool good) {
  Check& check = checks_[index];
  check.is_asking = false;
  if (!good && !check.first_error) check.first_error = check.started;
  const bool changed = check.verdict.Observe(good, check.definition->rise, check.definition->fall);
  const bool is_up = check.verdict.value() == health::Probe::kUp;
  if (good && is_up) check.first_error.reset();
  // A good answer that confirms is told too: it clears what traffic suspected.
  if (changed || (good && is_up)) {
    registry_.SetProbe(*check.health, check.verdict.value(), agenda_.Now());
  }
  const Duration period = check.again
                              ? kMinGap
                              : Spread(check.verdict.in_doubt() ? check.definition->fast_interval
                                                                : check.definition->interval);
  const Duration since = agenda_.Now() - check.started;
  AskIn(index, std::max(std::max(period, kMinGap) - since, Duration(0)));
}

void Checks::Recheck(const health::EndpointHealth& endpoint) {
  const auto found = positions_.find(&endpoint);
  if (found == positions_.end()) return;
  Check& check = checks_[found->second];
  if (check.is_asking) {
    check.again = true;
    return;
  }
  AskIn(found->second, std::max(kMinGap - (agenda_.Now() - check.started), Duration(0)));
}

void Checks::NoteError(const health::EndpointHealth& endpoint) {
  const auto found = positions_.find(&endpoint);
  if (found == positions_.end()) return;
  Check& check = checks_[found->second];
  if (!check.first_error) check.first_error = agenda_.Now();
}

std::optional<MonotonicTime> Checks::FirstError(const health::EndpointHealth& endpoint) const {
  const auto found = positions_.find(&endpoint);
  return found == positions_.end() ? std::nullopt : checks_[found->second].first_error;
}

// ±10 %, so that checks that began together do not stay together.
Duration Checks::Spread(Duration period) {
  const double share = (Unit(random_.Next()) - 0.5) * 0.2;
  return period + Duration(static_cast<int64_t>(share * static_cast<double>(period.count())));
}

}  // namespace meridian::simulate
