// The engine from its start to its end. engine_control.cc holds what the admin room asks of it.
#include "engine.h"

#include <meridian/base/format.h>
#include <meridian/base/log.h>
#include <signal.h>

#include <cstdio>

#include "host.h"

namespace meridian::app {
namespace {

// Why a generation was not taken, on one line; empty: it was.
std::string Refusal(const admin::ReloadResult& result) {
  std::string why;
  if (result.accepted) return why;
  for (const std::string& error : result.errors) why += (why.empty() ? "" : "; ") + error;
  return why;
}

}  // namespace

Engine::Engine(uvio::UvLoop& loop, EngineOptions options)
    : loop_(loop),
      options_(std::move(options)),
      started_(loop.WallNow()),
      events_(started_),
      random_(net::SeedFromSystem()),
      config_(
          options_.config_file, registry_,
          [this](const snapshot::SnapshotPtr& snapshot) { return Accept(snapshot); },
          [this](const snapshot::SnapshotPtr& snapshot, std::function<void()> then) {
            Announce(snapshot, std::move(then));
          },
          [this](const snapshot::SnapshotPtr& snapshot) { Published(snapshot); }),
      geo_watch_(loop, [this](const config::Geo& geo, std::shared_ptr<const geo::Locator> locator,
                              GeoWatch::Done done) { SwapLocator(geo, std::move(locator), done); }),
      hooks_(loop, loop, [this](admin::Event event) { Tell(std::move(event)); }),
      drains_(
          loop, registry_, [this](const std::string& target) { return SessionsAt(target); },
          [this](std::string text) { Happened("intent", std::move(text)); }),
      intents_(
          loop, registry_,
          [this] {
            fleet_->HealthChanged();
            drains_.Watch();
          },
          [this](std::string text) { Happened("intent", std::move(text)); }),
      names_(loop, loop, random_.Next(), intents_,
             {.publish = [this](NameWatch::Done done) { SwapNames(std::move(done)); },
              .tell = [this](admin::Event event) { Tell(std::move(event)); }}),
      recovery_(loop, registry_,
                {.look = [this](std::function<void()> done) { fleet_->Look(std::move(done)); },
                 .leave = [this](const std::string& service,
                                 const std::string& site) { fleet_->LeaveSite(service, site); },
                 .tell = [this](admin::Event event) { Tell(std::move(event)); },
                 .ask =
                     [this](const std::string& hook, admin::Event event, Hooks::Done done) {
                       const admin::Event& told = events_.Add(WallNow(), std::move(event));
                       const admin::Event kept = told;
                       hooks_.OnEvent(kept);
                       hooks_.Ask(hook, kept, std::move(done));
                     }}),
      whatif_(loop),
      grace_timer_(*this),
      drain_timer_(*this) {
  config_.SetNames(
      {.foresee = [this](const config::Config& next,
                         std::function<void()> then) { names_.Foresee(next, std::move(then)); },
       .fill = [this](config::Config& config) { names_.Fill(config); }});
}

Engine::~Engine() {
  admin_.reset();
  if (probe_thread_) probe_thread_->Stop();
  if (fleet_) fleet_->Stop();
  if (access_) access_->Stop();
}

bool Engine::Start() {
  auto config = config_.LoadFirst(options_.json_log);
  if (!config) return false;
  WatchHealth();
  AwaitNames(*config);
  if (!config_.CompileFirst(*config)) return false;
  config_.set_loaded(loop_.WallNow());
  // In this order: what can fail for want of a port or a path fails before anything has begun.
  if (!StartWorkers(*config) || !StartProbe() || !OpenAdmin(config->admin) || !WatchSignals() ||
      !StartRecovery(*config)) {
    return false;
  }
  intents_.Open(config->process.state_directory);
  drains_.Watch();
  fleet_->Start();
  names_.SettleIntents();
  probe_thread_->Start("probe", nullptr);
  probe_thread_->loop().Post([this, snapshot = config_.snapshot()] {
    prober_->Update(snapshot);
    prober_->WhenAllAnswered([this] { loop_.Post([this] { BeginServing(); }); });
  });
  loop_.Arm(grace_timer_, config->process.startup_grace);
  return true;
}

// Nothing has begun yet, so this may wait: the first generation has the addresses that there are.
void Engine::AwaitNames(const config::Config& config) {
  bool known = false;
  names_.Foresee(config, [&known] { known = true; });
  while (!known) loop_.RunTurn();
}

// Changes are told on the thread that made them; that may be a worker, which must not wait for a
// log. The listener runs as long as there are threads, and they end before the engine does.
void Engine::WatchHealth() {
  registry_.OnChange([this](const health::Change& change) {
    if (fleet_) fleet_->HealthChanged();
    if (untold_.fetch_add(1) >= kMaxUntold) {
      untold_.fetch_sub(1);
      return;
    }
    loop_.Post([this, change] {
      untold_.fetch_sub(1);
      LogChange(change);
    });
  });
  registry_.OnSuspect([this](health::EndpointHealth& endpoint) { prober_->Recheck(endpoint); });
}

void Engine::Happened(std::string_view kind, std::string text, bool grave) {
  admin::Event event;
  event.kind = kind;
  event.grave = grave;
  event.text = std::move(text);
  Tell(std::move(event));
}

void Engine::Tell(admin::Event event) {
  const admin::Event told = events_.Add(WallNow(), std::move(event));
  hooks_.OnEvent(told);
}

// Whether an endpoint whose drain is over is none of those that are routed to any more: what a name
// no longer stands for comes up nowhere.
bool Engine::IsGone(const health::Change& change) const {
  if (change.before != health::State::kDraining && change.before != health::State::kOut) {
    return false;
  }
  const routing::Table& table = *snapshot()->table;
  const SiteId site = table.FindSite(change.site);
  if (!site.ok()) return true;
  for (uint32_t i = 0; i < table.services().size(); ++i) {
    for (const routing::Endpoint& endpoint : table.Pool(ServiceId{i}, site)) {
      if (endpoint.health == change.endpoint) return false;
    }
  }
  return true;
}

void Engine::LogChange(const health::Change& change) {
  if (IsGone(change)) return;
  const bool expected = state_ == State::kStarting && change.after == health::State::kUp;
  const char* cause = health::Cause(change.facts);
  const std::string text = Format("site {} endpoint {}: {} → {}{}", change.site, change.address,
                                  health::Name(change.before), health::Name(change.after),
                                  *cause == '\0' ? std::string() : Format(" ({})", cause));
  admin::Event event;
  event.kind = "endpoint";
  event.site = change.site;
  event.endpoint = change.address;
  event.text = text;
  Tell(std::move(event));
  if (expected) {
    log::Debug("{}", text);
  } else {
    log::Info("{}", text);
  }
}

bool Engine::StartWorkers(const config::Config& config) {
  const uint64_t descriptors = RaiseDescriptorLimit();
  Fleet::Input input;
  input.control = &loop_;
  input.registry = &registry_;
  input.workers = config.process.workers == 0 ? UsableCpus() : config.process.workers;
  input.max_connections = config.process.max_connections == 0 ? ConnectionsFor(descriptors)
                                                              : config.process.max_connections;
  metrics_ = std::make_unique<proxy::Metrics>(input.workers);
  input.metrics = metrics_.get();
  access_ = std::make_unique<AccessWriter>(input.workers);
  if (auto opened = access_->Prepare(config.log.access); !opened) {
    log::Error("{}", opened.error());
    return false;
  }
  access_->Commit();
  input.access = access_.get();
  auto fleet = Fleet::Create(input);
  if (!fleet) {
    log::Error("workers: {}", Describe(fleet.error()));
    return false;
  }
  fleet_ = std::move(*fleet);
  auto bound = fleet_->PrepareFirst(config_.snapshot());
  if (!bound) {
    log::Error("{}", bound.error());
    return false;
  }
  config_.SetBound(std::move(*bound));
  log::Info("{} workers, at most {} connections ({} descriptors)", input.workers,
            input.max_connections, descriptors);
  return true;
}

bool Engine::StartProbe() {
  auto thread = LoopThread::Create();
  if (!thread) {
    log::Error("probe: {}", Describe(thread.error()));
    return false;
  }
  probe_thread_ = std::move(*thread);
  probe_random_ = std::make_unique<net::Xoshiro>(net::SeedFromSystem());
  prober_ = std::make_unique<probe::Prober>(probe_thread_->loop(), *probe_random_, registry_,
                                            &probe_thread_->loop());
  return true;
}

// Before a worker routes: what was decided before the start holds.
bool Engine::StartRecovery(const config::Config& config) {
  hooks_.Adopt(config.hooks);
  recovery_.Open(config.process.state_directory, *metrics_);
  if (auto adopted = recovery_.Adopt(snapshot()); !adopted) {
    log::Error("{}", adopted.error());
    return false;
  }
  recovery_.Settle(snapshot());
  prober_->OnStatus([this](const probe::SiteStatus& status) {
    loop_.Post([this, status] { recovery_.OnStatus(status); });
  });
  return true;
}

bool Engine::WatchSignals() {
  const auto stop = [this] { Stop(false); };
  const std::pair<int, std::function<void()>> watched[] = {
      {SIGHUP, [this] { Reload(false, [](const admin::ReloadResult&) {}); }},
      {SIGTERM, stop},
      {SIGINT, stop},
      {SIGUSR1, [this] { access_->Reopen(); }},
      {SIGUSR2, [] { log::Warn("SIGUSR2: upgrading in place is not supported yet"); }},
  };
  for (const auto& [signal, handler] : watched) {
    if (auto set = loop_.WatchSignal(signal, handler); !set) {
      log::Error("signals: {}", Describe(set.error()));
      return false;
    }
  }
  return true;
}

void Engine::BeginServing() {
  if (begun_ || state_ != State::kStarting) return;
  begun_ = true;
  grace_timer_.Disarm();
  fleet_->Commit([this] { Serving(); });
}

void Engine::Serving() {
  if (state_ != State::kStarting) return;
  state_ = State::kServing;
  registry_.BeginSlowStarts();
  for (const config::Listener& listener : snapshot()->config.listeners) {
    const char* protocol = config::Name(listener.protocol);
    for (size_t i = 0; i < listener.bind.size(); ++i) {
      const auto bound = config_.bound().find(Format("{}/{}", listener.name, i));
      if (bound == config_.bound().end()) continue;
      std::printf("listening %s %s %s\n", listener.name.c_str(), protocol,
                  bound->second.ToString().c_str());
    }
  }
  std::fflush(stdout);
  log::Info("serving generation {} of {}", snapshot()->generation, config_.file());
  Happened("process", Format("serving generation {}", snapshot()->generation));
  geo_watch_.Adopt(snapshot());
  names_.Adopt(snapshot());
  NotifyServiceManager("READY=1");
  if (options_.on_serving) options_.on_serving();
}

tl::expected<void, std::string> Engine::Accept(const snapshot::SnapshotPtr& snapshot) {
  if (auto opened = access_->Prepare(snapshot->config.log.access); !opened) return opened;
  return recovery_.Adopt(snapshot);
}

void Engine::Announce(const snapshot::SnapshotPtr& snapshot, std::function<void()> then) {
  probe_thread_->loop().Post([this, snapshot, then = std::move(then)]() mutable {
    prober_->Update(snapshot);
    loop_.Post(std::move(then));
  });
}

void Engine::Published(const snapshot::SnapshotPtr& snapshot) {
  const config::Log& log = snapshot->config.log;
  log::Configure(log.level, log.json || options_.json_log);
  access_->Commit();
  recovery_.Settle(snapshot);
  recovery_.HooksChanged(hooks_.Adopt(snapshot->config.hooks));
  fleet_->HealthChanged();
  geo_watch_.Adopt(snapshot);
  names_.Adopt(snapshot);
}

void Engine::SwapLocator(const config::Geo& geo, std::shared_ptr<const geo::Locator> locator,
                         GeoWatch::Done done) {
  if (state_ != State::kServing) return done("it is stopping");
  config_.SwapLocator(
      *fleet_, geo, std::move(locator),
      [done = std::move(done)](const admin::ReloadResult& result) { done(Refusal(result)); });
}

void Engine::SwapNames(NameWatch::Done done) {
  if (state_ != State::kServing) return done("it is stopping");
  config_.SwapNames(*fleet_, [done = std::move(done)](const admin::ReloadResult& result) {
    done(Refusal(result));
  });
}

void Engine::Stop(bool now) {
  if (state_ == State::kStopped) return;
  config_.Stop();
  names_.Stop();
  if (now || state_ != State::kServing) return Finish();
  state_ = State::kDraining;
  const Duration limit = snapshot()->config.process.drain_timeout;
  log::Info("draining: nothing new, {} for what is established", FormatDuration(limit));
  Happened("process", Format("draining, for {} at most", FormatDuration(limit)));
  NotifyServiceManager("STOPPING=1");
  loop_.Arm(drain_timer_, limit);
  fleet_->Drain([this] { Finish(); });
}

void Engine::Finish() {
  if (state_ == State::kStopped) return;
  state_ = State::kStopped;
  log::Info("stopped");
  fleet_->Close();
  hooks_.Stop([this] { loop_.Stop(); });
}

void Engine::OnTimer(net::Timer& timer) {
  if (&timer == &grace_timer_) {
    log::Warn("not every check has answered within startup_grace; serving with what is known");
    BeginServing();
  } else {
    log::Warn("drain_timeout has passed: cutting what is left");
    Finish();
  }
}

}  // namespace meridian::app
