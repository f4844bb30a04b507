// The world's turn: faults, replication, checks, clients, operator, crash. See model_world.h.
#include "model_world.h"

#include <meridian/base/format.h>
#include <meridian/base/hash.h>

#include <algorithm>

namespace meridian::failover::sim {
namespace {

using namespace std::chrono_literals;
constexpr Duration kStep = 100ms;
constexpr int kHealthSteps = 5, kStatusSteps = 10, kRise = 2, kFall = 2;

}  // namespace

World::World(uint64_t seed)
    : random_(seed), sites_(seed % 2 == 0 ? 3 : 5, seed % 7 == 0 ? 0 : 0.02, random_) {
  names_ = {"atlanta", "dallas", "san-jose", "tokyo", "paris"};
  names_.resize(sites_.size());
  meridian_cut_.resize(sites_.size());
  told_.resize(sites_.size());
  policy_.primary = names_[0];
  policy_.standby.assign(names_.begin() + 1, names_.end());
  const Duration lags[] = {500ms, 2s, 10s, 30s};
  policy_.max_lag = lags[Below(4)];
  policy_.after = Chance(0.5) ? 2s : 5s;
  policy_.cooldown = Chance(0.5) ? 10s : 1min;
  policy_.hold = 5s;
  policy_.failback =
      Chance(0.5) ? topology::FailbackMode::kAutomatic : topology::FailbackMode::kManual;
  fault_rate_ = Chance(0.5) ? 0.005 : 0.02;
  order_rate_ = Chance(0.3) ? 0 : 0.005;
  Open();
  last_ = controller_->record();
}

void World::Run(int steps) {
  for (int i = 0; i < steps && broken_.empty(); ++i) {
    ++step_;
    clock_.Advance(kStep);
    Faults();
    Clients();
    sites_.Step(IndexOf(last_.active), clock_.Now());
    Checks();
    Deliver();
    Operator();
    Machine();
    if (controller_ == nullptr) continue;
    ++coverage_.states[static_cast<size_t>(controller_->state())];
    digest_ = Combine(
        digest_, Combine(controller_->record().epoch, static_cast<uint64_t>(controller_->state())));
  }
}

bool World::Has(Fault fault, size_t site) const {
  return std::any_of(faults_.begin(), faults_.end(), [&](const Active& active) {
    return active.fault == fault && active.site == site;
  });
}

void World::Faults() {
  for (size_t i = 0; i < faults_.size();) {
    if (faults_[i].until > step_) {
      ++i;
      continue;
    }
    const Active over = faults_[i];
    faults_.erase(faults_.begin() + static_cast<std::ptrdiff_t>(i));
    if (!Has(over.fault, over.site)) Apply(over, false);
  }
  if (!Chance(fault_rate_) || faults_.size() > 6) return;
  Active fault;
  fault.fault = static_cast<Fault>(Below(kFaults));
  fault.site = Chance(0.5) ? IndexOf(last_.active) : Below(sites_.size());
  fault.other = (fault.site + 1 + Below(sites_.size() - 1)) % sites_.size();
  fault.until = step_ + 5 + static_cast<int>(Below(Chance(0.3) ? 600 : 150));
  faults_.push_back(fault);
  Apply(fault, true);
}

void World::Apply(const Active& fault, bool on) {
  switch (fault.fault) {
    case Fault::kSiteLoss:
      sites_[fault.site].is_alive = !on;
      break;
    case Fault::kMeridianCut:
      meridian_cut_[fault.site] = on;
      break;
    case Fault::kSiteCut:
      sites_.Cut(fault.site, fault.other, on);
      break;
    case Fault::kLagGrowth:
      sites_[fault.site].is_applying = !on;
      break;
    case Fault::kSlowCheck:
    case Fault::kFlappingCheck:
    case Fault::kLyingCheck:
    case Fault::kStaleStatus:
      break;  // asked for where checks are made
  }
}

void World::Checks() {
  if (controller_ == nullptr) return;
  for (size_t i = 0; i < sites_.size(); ++i) {
    const bool reaches = sites_[i].is_alive && !meridian_cut_[i];
    const int delay = Has(Fault::kSlowCheck, i) ? 1 + static_cast<int>(Below(25)) : 0;
    const int phase = step_ + static_cast<int>(i);
    if (phase % kHealthSteps == 0) {
      bool is_good = reaches;
      if (Has(Fault::kFlappingCheck, i)) is_good = reaches && phase / kHealthSteps % 4 < 2;
      if (Has(Fault::kLyingCheck, i)) is_good = !is_good;
      answers_.push_back({step_ + delay, i, is_good, std::nullopt});
    }
    if (phase % kStatusSteps == 0 && reaches && !Has(Fault::kStaleStatus, i)) {
      answers_.push_back({step_ + delay, i, true, sites_.StatusOf(i, clock_.Now())});
    }
  }
}

void World::Deliver() {
  for (size_t k = 0; k < answers_.size() && controller_ != nullptr;) {
    if (answers_[k].due > step_) {
      ++k;
      continue;
    }
    const Answer answer = answers_[k];
    answers_.erase(answers_.begin() + static_cast<std::ptrdiff_t>(k));
    Told& told = told_[answer.site];
    if (answer.status) {
      if (!told.status || told.status->at <= answer.status->at) told.status = answer.status;
    } else {
      DeliverHealth(answer.site, answer.is_good);
    }
    Observation seen;
    seen.verdict = told.verdict;
    seen.replication = answer.status;
    Do(false, [&] { return controller_->Observe(names_[answer.site], seen); });
  }
}

// What room health would make of it: nothing is up before its first good check.
void World::DeliverHealth(size_t site, bool is_good) {
  Told& told = told_[site];
  told.good = is_good ? told.good + 1 : 0;
  told.bad = is_good ? 0 : told.bad + 1;
  const bool rises = told.good >= (told.verdict == Verdict::kUnknown ? 1 : kRise);
  if (rises) told.verdict = Verdict::kUp;
  if (told.bad >= kFall && told.verdict != Verdict::kDown) {
    told.verdict = Verdict::kDown;
    told.down_since = clock_.Now();
  }
}

// New sessions where they are directed; established ones go on writing while the switch holds.
void World::Clients() {
  if (controller_ == nullptr) return;
  const Direction direction = controller_->direction();
  const size_t site = IndexOf(direction.site);
  const bool is_up = told_[site].verdict == Verdict::kUp && !meridian_cut_[site];
  if (direction.traffic == Traffic::kRoute) sessions_ = is_up ? 1 + Below(20) : 0;
  if (direction.traffic == Traffic::kHold && sessions_ > 0) sessions_ -= Below(2);
  if (direction.traffic == Traffic::kRefuse || !is_up) sessions_ = 0;
  if (direction.traffic == Traffic::kHold && clock_.Now() >= direction.close_at) sessions_ = 0;
  if (sessions_ > 0 && sites_.Append(site, direction.epoch, clock_.Now())) ++coverage_.writes;
  TrafficReport report;
  report.version = direction.version;
  report.open_sessions = sessions_;
  report.has_success = sessions_ > 0;
  Do(false, [&] { return controller_->Report(direction.site, report); });
}

void World::Operator() {
  if (controller_ == nullptr || !Chance(order_rate_)) return;
  FailoverOrder order;
  order.author = "ops";
  if (Chance(0.8)) order.to = names_[Below(names_.size())];
  order.force = Chance(0.3);
  switch (Below(7)) {
    case 0:
    case 1:
      Do(true, [&] { return controller_->Failover(order); });
      break;
    case 2:
      Do(true, [&] { return controller_->Failback("ops"); });
      break;
    case 3:
      if (Do(true, [&] { return controller_->Acknowledge("ops"); })) automatic_move_.reset();
      break;
    case 4:
      Do(true, [&] { return controller_->Release("ops"); });
      break;
    default: {
      const auto scope = Chance(0.5) ? AutomationScope::kAll : AutomationScope::kService;
      const bool on = Chance(0.7);
      Do(true, [&] { return controller_->SetAutomation(scope, on, "ops"); });
    }
  }
}

// Meridian's own machine: its tick, its clock, its disk, its end and its return.
void World::Machine() {
  if (controller_ == nullptr) {
    if (step_ >= restart_at_) Open();
    return;
  }
  if (Chance(0.002)) {
    const auto hours = std::chrono::hours(static_cast<int>(Below(20000)) - 10000);
    clock_.SetWall(clock_.WallNow() + hours);
  }
  if (Chance(0.002)) storage_.CrashAfter(static_cast<int>(Below(8)));
  if (Chance(0.002)) {
    storage_.FailStep(static_cast<fakes::MemoryStorage::Step>(Below(4)),
                      1 + static_cast<int>(Below(4)), Chance(0.5));
  }
  Do(false, [&] {
    controller_->Tick();
    return Result<>();
  });
  if (controller_ != nullptr && Chance(0.0005)) Die();
}

void World::Die() {
  controller_.reset();
  answers_.clear();
  sessions_ = 0;
  restart_at_ = step_ + static_cast<int>(Below(100));
  storage_.Restart(static_cast<fakes::MemoryStorage::Crash>(Below(3)));
}

void World::Open() {
  if (Chance(0.1)) storage_.CrashAfter(static_cast<int>(Below(4)));
  auto opened = Controller::Open("billing", policy_, storage_, clock_);
  if (!opened) {
    if (!storage_.is_crashed()) return Break("it does not start: " + Describe(opened.error()));
    storage_.Restart(static_cast<fakes::MemoryStorage::Crash>(Below(3)));
    if (step_ == 0) return Open();
    restart_at_ = step_ + 1;
    return;
  }
  controller_ = std::move(*opened);
  told_.assign(sites_.size(), Told{});
  automatic_move_.reset();
  if (step_ > 0) JudgeRestart();
}

}  // namespace meridian::failover::sim
