// See world.h.
#include "simulate/world.h"

#include <meridian/base/format.h>

#include <map>

namespace meridian::simulate {
namespace {

constexpr Duration kTick = std::chrono::milliseconds(100);  // the sweep, and the controllers'

}  // namespace

World::World(uint64_t seed) : random_(seed) {}

std::unique_ptr<World> World::Make(const config::Config& config, uint64_t seed,
                                   std::vector<std::string>& errors) {
  std::unique_ptr<World> world(new World(seed));
  snapshot::Compiled compiled = snapshot::Compile(config, 1, world->registry_, world->keys_);
  errors = std::move(compiled.errors);
  if (compiled.snapshot == nullptr) return nullptr;
  world->snapshot_ = std::move(compiled.snapshot);
  const routing::Table& table = world->table();
  world->nature_ = std::make_unique<Nature>(table);
  world->chronicle_ = std::make_unique<Chronicle>(world->agenda_);
  world->checks_ = std::make_unique<Checks>(world->agenda_, world->random_, world->registry_,
                                            *world->snapshot_, *world->nature_);
  const Crowd::Context context{world->agenda_,  world->random_,  world->registry_,  table,
                               *world->nature_, *world->checks_, *world->chronicle_};
  world->crowd_ = std::make_unique<Crowd>(context);
  world->recovery_ = std::make_unique<Recovery>(context, *world->crowd_);
  world->states_.resize(table.sites().size() * table.services().size(), health::State::kDown);
  world->registry_.OnSuspect([checks = world->checks_.get()](health::EndpointHealth& endpoint) {
    checks->Recheck(endpoint);
  });
  world->agenda_.After(kTick, [raw = world.get()] { raw->Tick(); });
  world->agenda_.After(-world->agenda_.SinceStart(),
                       [raw = world.get()] { raw->registry_.BeginSlowStarts(); });
  return world;
}

void World::Tick() {
  registry_.Sweep(agenda_.Now());
  recovery_->Tick();
  agenda_.After(kTick, [this] { Tick(); });
}

void World::RunUntil(Duration at) {
  while (agenda_.RunNext(Agenda::kStart + at)) Look();
}

std::vector<config::Target> World::TargetsOf(const std::string& name) const {
  return config::FindTargets(snapshot_->config, name);
}

void World::SetDown(const std::string& name, bool down) {
  std::string sites;
  const std::vector<config::Target> targets = TargetsOf(name);
  for (const config::Target& target : targets) {
    nature_->Set(target, !down);
    sites += (sites.empty() ? "" : ", ") + target.site;
  }
  const bool is_region = targets.size() > 1 || targets[0].site != name;
  const bool is_listed = is_region && targets[0].address.empty();
  chronicle_->Tell(Kind::kStep,
                   Format("{}{}{}{} {}", name, is_listed ? " (" : "", is_listed ? sites : "",
                          is_listed ? ")" : "", down ? "goes down" : "comes back"));
  if (!down) return;
  crowd_->Break(
      [this](const routing::Endpoint& endpoint, bool) { return !nature_->Answers(endpoint); });
}

void World::SetReach(const std::pair<std::string, std::string>& ends, bool reach) {
  nature_->SetReach(ends, reach);
  chronicle_->Tell(Kind::kStep, Format("{} and {} {} one another", ends.first, ends.second,
                                       reach ? "reach" : "do not reach"));
  if (reach) return;
  crowd_->Break(
      [this](const routing::Endpoint& endpoint, bool) { return !nature_->Answers(endpoint); });
}

void World::SetDrain(const std::string& name, bool drain, std::optional<Duration> deadline) {
  health::IntentRecord record;
  record.intent = drain ? health::Intent::kDrain : health::Intent::kServe;
  record.author = "the operator";
  record.since = agenda_.WallNow();
  if (drain && deadline) record.deadline = agenda_.WallNow() + *deadline;
  registry_.SetIntent(name, record, agenda_.Now());
  chronicle_->Tell(Kind::kStep,
                   Format("the operator {} {}{}", drain ? "drains" : "undrains", name,
                          drain && deadline ? ", deadline " + FormatAge(*deadline) : ""));
  if (!drain || !deadline) return;
  agenda_.After(*deadline, [this, name] {
    if (registry_.IntentOf(name) != health::Intent::kDrain) return;
    const std::vector<config::Target> targets = TargetsOf(name);
    crowd_->Break([&](const routing::Endpoint& endpoint, bool) {
      return std::any_of(targets.begin(), targets.end(), [&](const config::Target& target) {
        return table().site(endpoint.site).name == target.site &&
               (target.address.empty() || target.address == endpoint.address_text);
      });
    });
  });
}

health::State World::StateOf(SiteId site) const {
  health::State worst = health::State::kUp;
  for (size_t i = 0; i < table().services().size(); ++i) {
    const ServiceId service{static_cast<uint32_t>(i)};
    if (!table().Pool(service, site).empty())
      worst = std::max(worst, table().SiteState(service, site));
  }
  return worst;
}

void World::Look() {
  if (registry_.version() == seen_version_) return;
  seen_version_ = registry_.version();
  for (const routing::Site& site : table().sites()) LookAt(site.id);
}

// Services whose state at this site changes to the same are told as one.
void World::LookAt(SiteId site) {
  std::map<health::State, Chronicle::Health> changed;
  for (size_t i = 0; i < table().services().size(); ++i) {
    const ServiceId service{static_cast<uint32_t>(i)};
    if (table().Pool(service, site).empty()) continue;
    const health::State now = table().SiteState(service, site);
    health::State& before = states_[site.value * table().services().size() + i];
    if (now == before) continue;
    before = now;
    Chronicle::Health& told = changed[now];
    told.site = table().site(site).name;
    told.state = now;
    told.services += (told.services.empty() ? "" : ", ") + table().service(service).name;
    if (now == health::State::kDown && told.why.empty()) told.why = Why(service, site);
  }
  for (const auto& [state, told] : changed) chronicle_->TellHealth(told);
}

// "its checks say so, 2.1s after the first error": of the first endpoint that is not up.
std::string World::Why(ServiceId service, SiteId site) const {
  for (const routing::Endpoint& endpoint : table().Pool(service, site)) {
    const health::Facts facts = endpoint.health->facts();
    if (health::Effective(facts) == health::State::kUp) continue;
    const std::string cause = health::Cause(facts);
    if (cause == "intent") return {};
    const char* const text = cause == "traffic" ? "traffic showed it" : "its checks say so";
    const auto error = checks_->FirstError(*endpoint.health);
    if (!error) return text;
    const double seconds = std::chrono::duration<double>(agenda_.Now() - *error).count();
    return Format("{}, {:.1f}s after the first error", text, seconds);
  }
  return {};
}

}  // namespace meridian::simulate
