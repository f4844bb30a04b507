// The world's turn: replication, checks, clients, operator, Meridian itself. See model_world.h.
#include "model_world.h"

#include <meridian/base/check.h>
#include <meridian/base/format.h>
#include <meridian/base/hash.h>

#include <algorithm>
#include <climits>

namespace meridian::failover::sim {
namespace {

using namespace std::chrono_literals;
using health::Intent;
using health::Probe;
constexpr Duration kStep = 100ms;
constexpr int kHealthSteps = 5, kStatusSteps = 10;

}  // namespace

World::World(uint64_t seed)
    : random_(seed),
      places_(seed % 2 == 0 ? 3 : 5, random_),
      sites_(places_.size(), seed % 7 == 0 ? 0 : 0.02, random_),
      clients_(
          places_, [this](const ModelEndpoint& endpoint) { return Reaches(endpoint); }, random_) {
  meridian_cut_.resize(sites_.size());
  for (size_t i = 0; i < sites_.size(); ++i) {
    tells_position_.push_back(seed % 4 > 1 || (seed % 4 == 1 && i % 2 == 0));  // all, some or none
  }
  policy_.primary = places_.names()[0];
  policy_.standby.assign(places_.names().begin() + 1, places_.names().end());
  const Duration lags[] = {500ms, 2s, 10s, 30s};
  policy_.max_lag = lags[Below(4)];
  policy_.after = Chance(0.5) ? 2s : 5s;
  policy_.cooldown = Chance(0.5) ? 10s : 1min;
  policy_.hold = 5s;
  policy_.failback =
      Chance(0.5) ? topology::FailbackMode::kAutomatic : topology::FailbackMode::kManual;
  fault_rate_ = Chance(0.5) ? 0.005 : 0.02;
  order_rate_ = Chance(0.3) ? 0 : 0.01;
  policy_.reads = Chance(0.7) ? topology::Reads::kNearest : topology::Reads::kActive;
  if (Chance(0.6)) policy_.approval = "promote";
  places_.Recover(policy_);
  while (meridian_ == nullptr && broken_.empty()) Open();
}

void World::Run(int steps) {
  for (int i = 0; i < steps && broken_.empty(); ++i) {
    ++step_;
    clock_.Advance(kStep);
    Faults();
    sites_.Step(places_.IndexOf(last_.active), clock_.Now());
    if (step_ < resume_at_) continue;
    if (step_ == resume_at_) watching_since_ = clock_.Now();
    if (meridian_ == nullptr && step_ >= restart_at_) Open();
    Checks();
    Deliver();
    Look();
    Publish();
    Billing();
    if (meridian_ != nullptr) {
      const std::string broken =
          clients_.Step({*meridian_->table, meridian_->registry, clock_.Now(), clock_.WallNow()});
      if (!broken.empty()) Break(broken);
    }
    Hooks();
    Operator();
    Tick();
    if (meridian_ == nullptr) continue;
    const Controller& controller = *meridian_->controller;
    ++coverage_.states[static_cast<size_t>(controller.state())];
    digest_ = Combine(
        digest_, Combine(controller.record().epoch, static_cast<uint64_t>(controller.state())));
    digest_ = Combine(digest_, clients_.coverage().sessions);
  }
}

void World::Checks() {
  if (meridian_ == nullptr) return;
  for (size_t i = 0; i < sites_.size(); ++i) {
    const int delay = Has(Fault::kSlowCheck, i) ? 1 + static_cast<int>(Below(25)) : 0;
    const int phase = step_ + static_cast<int>(i);
    if (phase % kHealthSteps == 0) {
      for (size_t k = 0; k < places_.endpoints().size(); ++k) {
        if (places_.endpoints()[k].site == i) CheckHealth(k, delay);
      }
    }
    const bool reaches = sites_[i].is_alive && !meridian_cut_[i];
    if (phase % kStatusSteps == 0 && reaches && !Has(Fault::kStaleStatus, i)) {
      answers_.push_back({step_ + delay, i, 0, true, sites_.StatusOf(i, clock_.Now())});
      if (!tells_position_[i]) answers_.back().status->position_bytes.reset();
    }
  }
}

void World::CheckHealth(size_t endpoint, int delay) {
  const size_t site = places_.endpoints()[endpoint].site;
  bool is_good = Reaches(places_.endpoints()[endpoint]);
  if (Has(Fault::kFlappingCheck, site)) is_good = is_good && step_ / kHealthSteps % 4 < 2;
  if (Has(Fault::kLyingCheck, site)) is_good = !is_good;
  answers_.push_back({step_ + delay, site, endpoint, is_good, std::nullopt});
}

void World::Deliver() {
  for (size_t k = 0; k < answers_.size() && meridian_ != nullptr;) {
    if (answers_[k].due > step_) {
      ++k;
      continue;
    }
    const Answer answer = answers_[k];
    answers_.erase(answers_.begin() + static_cast<std::ptrdiff_t>(k));
    if (answer.status) {
      Told& told = told_[answer.site];
      if (!told.status || told.status->at <= answer.status->at) told.status = answer.status;
      const Observation seen{told.verdict, std::nullopt, answer.status};
      Do(std::nullopt,
         [&] { return meridian_->controller->Observe(places_.names()[answer.site], seen); });
      continue;
    }
    ModelEndpoint& endpoint = places_.endpoints()[answer.endpoint];
    Places::Count(endpoint, answer.is_good);
    meridian_->registry.SetProbe(
        meridian_->registry.Endpoint(places_.names()[answer.site], endpoint.address, "ready"),
        endpoint.verdict, clock_.Now());
  }
}

// What health makes of it, told to the controller when it changes.
void World::Look() {
  for (size_t i = 0; i < sites_.size() && meridian_ != nullptr; ++i) {
    const Verdict verdict = Glue(i);
    JudgeVerdict(i, verdict);
    Told& told = told_[i];
    if (verdict == told.verdict) continue;
    told.verdict = verdict;
    if (verdict == Verdict::kDown) told.down_since = clock_.Now();
    const Observation seen{verdict, std::nullopt, std::nullopt};
    Do(std::nullopt, [&] { return meridian_->controller->Observe(places_.names()[i], seen); });
  }
}

Verdict World::Glue(size_t site) const {
  const routing::Table& table = *meridian_->table;
  const ServiceId billing = table.FindService("billing");
  const SiteId id{static_cast<uint32_t>(site)};
  switch (table.SiteState(billing, id)) {
    case health::State::kUp:
    case health::State::kDegraded:
      return Verdict::kUp;
    case health::State::kDraining:
    case health::State::kOut:
      return Verdict::kOut;
    case health::State::kDown:
      break;
  }
  if (table.site(id).health->intent != static_cast<uint8_t>(Intent::kServe)) return Verdict::kOut;
  for (const routing::Endpoint& endpoint : table.Pool(billing, id)) {
    if (endpoint.health->facts().probe != Probe::kUnknown) return Verdict::kDown;
  }
  return Verdict::kUnknown;
}

// As the daemon does after every input: what is decided and durable, for the workers to go by.
void World::Publish() {
  if (meridian_ == nullptr) return;
  const Controller& controller = *meridian_->controller;
  const Direction direction = controller.direction();
  health::Registry& registry = meridian_->registry;
  const auto admission = direction.traffic == Traffic::kRoute  ? health::Admission::kRoute
                         : direction.traffic == Traffic::kHold ? health::Admission::kHold
                                                               : health::Admission::kRefuse;
  health::ServiceHealth& billing = registry.Service("billing");
  billing.Publish({admission, registry.Site(direction.site).ordinal, direction.epoch},
                  direction.reason, direction.until);
  std::vector<health::SiteOrdinal> readers;
  for (const std::string& name : places_.names()) {
    if (controller.TakesReads(name)) readers.push_back(registry.Site(name).ordinal);
  }
  billing.PublishReaders(readers);
}

// One who writes and one who reads; established sessions go on writing while the switch holds.
void World::Billing() {
  if (meridian_ == nullptr) return;
  const Direction direction = meridian_->controller->direction();
  const size_t site = places_.IndexOf(direction.site);
  const bool is_lost = IsLost(site) || meridian_cut_[site];
  Ask(true);
  if (direction.traffic == Traffic::kHold && !is_lost && clock_.Now() < direction.close_at) {
    Ask(false);
    if (sessions_ > 0) sessions_ -= Below(2);
  } else {
    const std::optional<routing::Choice> choice = Ask(false);
    sessions_ = choice ? 1 + Below(20) : 0;
  }
  if (sessions_ > 0 && last_.begun) Break("writes go on while a move is begun");
  if (sessions_ > 0 && sites_.Append(site, direction.epoch, clock_.Now())) ++coverage_.writes;
  TrafficReport report;
  report.version = direction.version;
  report.open_sessions = sessions_;
  report.has_success = sessions_ > 0;
  Do(std::nullopt, [&] { return meridian_->controller->Report(direction.site, report); });
}

// What answered, of all that the walk gave.
std::optional<routing::Choice> World::Ask(bool is_read) {
  const routing::Table& table = *meridian_->table;
  routing::Query query;
  query.service = table.FindService("billing");
  query.client = net::IpAddress::V4(0xc6336400u + static_cast<uint32_t>(Below(24)) * 256);
  query.draw = random_.Next();
  query.is_read = is_read;
  routing::Walk walk;
  walk.Start(table, query);
  bool is_given = false;
  for (routing::Choice choice; walk.Next(choice, random_.Next()); is_given = true) {
    is_read ? JudgeRead(choice) : JudgeWrite(choice);
    if (Reaches(places_.At(table.endpoint(choice.endpoint).address_text))) return choice;
  }
  if (!is_given) JudgeNone(walk, is_read);
  return std::nullopt;
}

void World::Operator() {
  if (meridian_ != nullptr && Chance(order_rate_))
    GiveOrder(static_cast<Order>(Below(kOrderCount)));
}

void World::GiveOrder(Order order) {
  Controller& controller = *meridian_->controller;
  FailoverOrder failover;
  failover.author = "ops";
  failover.force = order == Order::kForce;
  if (failover.force || Chance(0.6)) failover.to = places_.names()[Below(sites_.size())];
  const auto scope = Chance(0.5) ? AutomationScope::kAll : AutomationScope::kService;
  const bool on = Chance(0.7);
  bool is_taken = false;
  switch (order) {
    case Order::kFailover:
    case Order::kForce:
      is_taken = Do(order, [&] { return controller.Failover(failover); });
      break;
    case Order::kFailback:
      is_taken = Do(order, [&] { return controller.Failback("ops"); });
      break;
    case Order::kAcknowledge:
      is_taken = Do(order, [&] { return controller.Acknowledge("ops"); });
      if (is_taken) automatic_move_.reset();
      break;
    case Order::kRelease:
      is_taken = Do(order, [&] { return controller.Release("ops"); });
      break;
    case Order::kAutomation:
      is_taken = Do(order, [&] { return controller.SetAutomation(scope, on, "ops"); });
      if (is_taken) (scope == AutomationScope::kAll ? settled_.are_all_on : settled_.is_on) = on;
      break;
    case Order::kDrain:
    case Order::kOut:
    case Order::kServe:
      is_taken = Intend(order);
  }
  if (is_taken) ++coverage_.orders[static_cast<size_t>(order)];
}

// For a region, a site or an endpoint; to serve again for all, so that worlds stay alive.
bool World::Intend(Order order) {
  const auto set = [&](const std::string& target, const health::IntentRecord& record) {
    places_.Intend(target, record);
    meridian_->registry.SetIntent(target, record, clock_.Now());
  };
  if (order == Order::kServe) {
    const auto all = places_.intents();
    for (const auto& [target, record] : all) set(target, {});
    return !all.empty();
  }
  const ModelEndpoint& endpoint = places_.endpoints()[Below(places_.endpoints().size())];
  std::string target = places_.names()[endpoint.site];
  if (Chance(0.2)) {
    target = places_.region(endpoint.site);
  } else if (Chance(0.5)) {
    target += "/" + endpoint.address;
  }
  health::IntentRecord record;
  record.intent = order == Order::kOut ? Intent::kOut : Intent::kDrain;
  record.author = "ops";
  if (order == Order::kDrain && Chance(0.7)) record.deadline = clock_.WallNow() + 20s;
  set(target, record);
  return true;
}

// Programs go on while Meridian does not; then nobody hears them.
void World::Hooks() {
  if (meridian_ != nullptr) {
    const auto& question = meridian_->controller->question();
    if (question && question->number != last_question_) {
      last_question_ = question->number;
      ++coverage_.questions;
      const int ends = step_ + 1 + static_cast<int>(Below(Chance(0.2) ? 300 : 20));
      const int promotes = Chance(0.8) ? step_ + static_cast<int>(Below(10)) : INT_MAX;
      programs_.push_back(
          {question->number, places_.IndexOf(question->to), promotes, ends, Chance(0.7)});
    }
  }
  for (size_t k = 0; k < programs_.size();) {
    const Program program = programs_[k];
    ModelSite& site = sites_[program.site];
    if (step_ >= program.promotes && site.is_alive) site.role = Role::kPrimary;
    if (step_ < program.ends) {
      ++k;
      continue;
    }
    programs_.erase(programs_.begin() + static_cast<std::ptrdiff_t>(k));
    if (meridian_ == nullptr || program.number == 0) continue;
    const auto& question = meridian_->controller->question();
    if (!question || question->number != program.number) ++coverage_.late;
    if (!program.is_yes) ++coverage_.refused;
    Do(std::nullopt, [&] {
      meridian_->controller->Approve(program.number, {program.is_yes, "hook promote"});
      return Result<>();
    });
  }
}

void World::Tick() {
  if (meridian_ == nullptr) return;
  meridian_->registry.Sweep(clock_.Now());
  Do(std::nullopt, [&] {
    meridian_->controller->Tick();
    return Result<>();
  });
  if (meridian_ != nullptr && Chance(0.0005)) {
    ++coverage_.faults[static_cast<size_t>(Fault::kCrash)];
    Die();
  }
}

void World::Die() {
  clients_.Drop();
  meridian_.reset();
  answers_.clear();
  for (Program& program : programs_) program.number = 0;
  last_question_ = judged_question_ = 0;
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
    restart_at_ = step_ + 1;
    return;
  }
  meridian_ = std::make_unique<Meridian>();
  meridian_->controller = std::move(*opened);
  Compile();
  told_.assign(sites_.size(), Told{});
  automatic_move_.reset();
  watching_since_ = claims_from_ = clock_.Now();
  if (step_ > 0) return JudgeRestart();
  last_ = meridian_->controller->record();
}

void World::Compile() {
  const tls::HmacKey key("a secret for these worlds");
  meridian_->table = routing::Table::Compile({.topology = &places_.topology(),
                                              .locator = clients_.locator(),
                                              .registry = &meridian_->registry,
                                              .cookie_keys = {{key, {}}, {key, {}}}});
  places_.ForgetChecks();
  for (const auto& [target, record] : places_.intents()) {
    meridian_->registry.SetIntent(target, record, clock_.Now());
  }
}

}  // namespace meridian::failover::sim
