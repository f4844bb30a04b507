// See connector.h.
#include "proxy/connector.h"

#include <algorithm>

namespace meridian::proxy {
namespace {

constexpr Duration kRaceLeast = std::chrono::milliseconds(50);
constexpr Duration kRaceMost = std::chrono::milliseconds(500);
constexpr Duration kRaceUnmeasured = std::chrono::milliseconds(200);
// After a hold should have ended: until control has decided and told.
constexpr Duration kHoldSlack = std::chrono::milliseconds(500);

}  // namespace

Duration RaceAfter(const topology::Service& service, const health::EndpointHealth& endpoint) {
  if (service.timeouts.race_after) return *service.timeouts.race_after;
  const Duration average = endpoint.connect_time();
  return average == Duration(0) ? kRaceUnmeasured : std::clamp(3 * average, kRaceLeast, kRaceMost);
}

Failure FailureOf(routing::NoChoice why) {
  switch (why) {
    case routing::NoChoice::kNoSites:
      return Failure::kNoSites;
    case routing::NoChoice::kSessionRejected:
      return Failure::kSessionRejected;
    case routing::NoChoice::kAtCapacity:
      return Failure::kAtCapacity;
    case routing::NoChoice::kHeld:
      return Failure::kHeld;
    case routing::NoChoice::kRefused:
      return Failure::kRefused;
    case routing::NoChoice::kNone:
    case routing::NoChoice::kAllDown:
    case routing::NoChoice::kExhausted:
      return Failure::kAllDown;
  }
  return Failure::kAllDown;
}

Connector::Connector(Core& core, ConnectorOwner& owner, bool http)
    : core_(core), owner_(owner), timer_(*this), http_(http) {
  for (Attempt& attempt : attempts_) attempt.connector = this;
}

void Connector::Start(const Hold& hold, const routing::Query& query,
                      const topology::RetryPolicy& retries) {
  retries_ = &retries;
  hold_ = hold;
  service_ = query.service;
  walk_.Start(hold_.table(), query);
  started_ = first_tried_ = core_.loop.Now();
  connect_time_ = {};
  last_failure_ = Failure::kCount;
  tried_ = 0;
  tunnel_ = false;
  again_ = {};
}

void Connector::Continue(bool pooled) {
  pooled_ = pooled;
  exhausted_ = false;
  TryNext();
}

void Connector::Cancel() {
  StopWaiting();
  timer_.Disarm();
  for (Attempt& attempt : attempts_) attempt.Drop();
}

void Connector::Attempt::Drop() {
  Unlink();
  stream.reset();
  making.Release();
  use.Release();
}

bool Connector::Shares() const {
  return http_ &&
         hold_.table().service(service_).backend.protocol == topology::BackendProtocol::kHttp2;
}

Http2Backends::Key Connector::KeyOf(const routing::Choice& choice) const {
  return {hold_.table().endpoint(choice.endpoint).health, hold_.backend_tls(service_).get()};
}

bool Connector::Peek() {
  return again_.endpoint.ok() || walk_.Next(again_, core_.random.Next());
}

Connector::Next Connector::PeekWilling(MonotonicTime silent_since) {
  const MonotonicTime now = core_.loop.Now();
  routing::Choice silent;
  while (Peek()) {
    const health::EndpointHealth& health = *hold_.table().endpoint(again_.endpoint).health;
    if (health.busy_until() <= now) {
      if (health.silent_since() > silent_since)
        return health.takes_new() ? Next::kGood : Next::kDoubtful;
      if (!silent.endpoint.ok()) silent = again_;
    }
    again_ = {};
  }
  again_ = silent;
  return silent.endpoint.ok() ? Next::kDoubtful : Next::kNone;
}

bool Connector::NextChoice(routing::Choice& choice) {
  if (!Peek()) return false;
  choice = std::exchange(again_, {});
  return true;
}

void Connector::TryNext() {
  for (routing::Choice choice; NextChoice(choice);) {
    if (Try(choice)) return;
  }
  exhausted_ = true;
  if (in_flight() == 0) {
    Finish();
  } else {
    ArmTimer();
  }
}

bool Connector::Try(const routing::Choice& choice) {
  const routing::Endpoint& endpoint = hold_.table().endpoint(choice.endpoint);
  const topology::Service& policy = hold_.table().service(service_);
  if (policy.backend.max_connections &&
      endpoint.health->in_flight() >= *policy.backend.max_connections) {
    if (last_failure_ == Failure::kCount) last_failure_ = Failure::kAtCapacity;
    return false;
  }
  if (tried_++ == 0) first_tried_ = core_.loop.Now();
  connect_time_ = Duration(0);
  Use use(*endpoint.health, *hold_.table().site(choice.site).health);
  if (Shares()) {
    if (Http2Backend* const backend = core_.http2_backends.Find(KeyOf(choice), tunnel_)) {
      counters(choice).reused.Add();
      Give(*backend, choice, std::move(use), true);
      return true;
    }
  } else if (pooled_) {
    if (net::StreamPtr stream = TakeIdle(choice)) {
      Deliver(std::move(stream), choice, std::move(use), true);
      return true;
    }
  }
  const auto free = std::find_if(attempts_.begin(), attempts_.end(),
                                 [](const Attempt& a) { return !a.active(); });
  MERIDIAN_CHECK(free != attempts_.end());
  const bool waits = Shares() && core_.http2_backends.Wait(KeyOf(choice), *free);
  if (!waits && !Dial(*free, choice)) {
    last_failure_ = Failure::kConnectFailed;
    return false;
  }
  free->choice = choice;
  free->use = std::move(use);
  free->started = core_.loop.Now();
  race_at_ = free->started + RaceAfter(free->choice);
  ArmTimer();
  return true;
}

// One that has carried requests is for requests alone; a spare one is anybody's.
net::StreamPtr Connector::TakeIdle(const routing::Choice& choice) {
  if (http_) {
    const health::EndpointHealth& health = *hold_.table().endpoint(choice.endpoint).health;
    if (net::StreamPtr stream = core_.pool.Take(health, hold_.backend_tls(service_).get())) {
      counters(choice).reused.Add();
      return stream;
    }
  }
  net::StreamPtr stream = core_.warm.Take(hold_, choice.endpoint, http_ ? nullptr : &greeting_);
  if (!stream) return nullptr;
  if (const std::string_view header = ProxyHeaderFor(choice); !header.empty())
    stream->Write(header);
  return stream;
}

// False: it failed at once.
bool Connector::Dial(Attempt& attempt, const routing::Choice& choice) {
  counters(choice).connects.Add();
  const net::Address& address = hold_.table().endpoint(choice.endpoint).address;
  attempt.tls = nullptr;
  if (const auto& context = hold_.backend_tls(service_); context != nullptr) {
    tls::ConnectInput input{
        address, {}, context, hold_.tls_session(choice.endpoint), ProxyHeaderFor(choice)};
    if (auto stream = tls::Connect(core_.tls, core_.loop, input, attempt)) {
      attempt.tls = stream->get();
      attempt.stream = std::move(*stream);
    }
  } else if (auto stream = core_.loop.Connect(address, {}, attempt)) {
    attempt.stream = std::move(*stream);
    if (const std::string_view header = ProxyHeaderFor(choice); !header.empty())
      attempt.stream->Write(header);
  }
  if (!attempt.stream) {
    counters(choice).connect_failures.Add();
    return false;
  }
  if (Shares()) attempt.making = core_.http2_backends.Make(KeyOf(choice));
  return true;
}

// In the worker's scratch buffer; empty where none is sent.
std::string_view Connector::ProxyHeaderFor(const routing::Choice& choice) {
  const uint8_t version = hold_.table().service(service_).backend.proxy_protocol;
  if (version == 0 || announced_ == nullptr) return {};
  announced_->version = version;
  announced_->site = hold_.table().site(choice.site).name;
  announced_->epoch = choice.epoch;
  core_.scratch.clear();
  codec::AppendProxyHeader(*announced_, core_.scratch);
  return core_.scratch;
}

Duration Connector::RaceAfter(const routing::Choice& choice) const {
  return proxy::RaceAfter(hold_.table().service(service_),
                          *hold_.table().endpoint(choice.endpoint).health);
}

void Connector::Won(Attempt& attempt) {
  if (!walk_.IsCurrent(attempt.choice)) return HealthChanged();
  if (Shares() && attempt.tls != nullptr && attempt.tls->alpn() != "h2")
    return Lost(attempt, {.code = ErrorCode::kUnsupported, .context = "no-http2"});
  const routing::Endpoint& endpoint = hold_.table().endpoint(attempt.choice.endpoint);
  const Duration took = core_.loop.Now() - attempt.started;
  connect_time_ = took;
  core_.registry.ObserveConnect(*endpoint.health, took);
  RouteCounters& counted = counters(attempt.choice);
  counted.connect_time.Observe(took.count());
  if (attempt.tls != nullptr)
    (attempt.tls->resumed() ? counted.tls_resumed : counted.tls_full).Add();
  net::StreamPtr stream = std::move(attempt.stream);
  const routing::Choice choice = attempt.choice;
  if (!Shares()) {
    ObserveRace(attempt);
    Use use = std::move(attempt.use);
    return Deliver(std::move(stream), choice, std::move(use), false);
  }
  const Duration idle = hold_.table().service(service_).timeouts.idle;
  Http2Backend& backend = core_.http2_backends.Adopt(KeyOf(choice), std::move(stream), idle);
  if (tunnel_ && !backend.ready() && core_.http2_backends.Wait(KeyOf(choice), attempt))
    return attempt.making.Release();  // within its connect timeout, as before
  ObserveRace(attempt);
  Use use = std::move(attempt.use);
  Give(backend, choice, std::move(use), false);
}

// What the others' not having won says of them.
void Connector::ObserveRace(const Attempt& winner) {
  bool raced = false;
  for (const Attempt& other : attempts_) {
    if (!other.active() || &other == &winner) continue;
    raced = true;
    // It had its time and was overtaken: a path in doubt, for every worker, until a check says
    // otherwise.
    if (other.started < winner.started) {
      core_.Report(hold_, hold_.table().endpoint(other.choice.endpoint),
                   health::Outcome::kConnectFailed);
    }
  }
  if (raced) counters(winner.choice).races_won.Add();
}

// The connection that this attempt waited for is there.
void Connector::Share(Attempt& attempt, Http2Backend& backend) {
  if (!walk_.IsCurrent(attempt.choice)) {
    attempt.Drop();
    return Resume();
  }
  ObserveRace(attempt);
  connect_time_ = core_.loop.Now() - attempt.started;
  counters(attempt.choice).reused.Add();
  Use use = std::move(attempt.use);
  const routing::Choice choice = attempt.choice;
  Give(backend, choice, std::move(use), true);
}

// Whoever made the connection that this attempt waited for has given up.
void Connector::TakeTurn(Attempt& attempt) {
  if (Dial(attempt, attempt.choice)) return;
  Lost(attempt, {.code = ErrorCode::kRefused});
}

void Connector::Give(Http2Backend& backend, const routing::Choice& choice, Use use, bool reused) {
  Cancel();
  owner_.OnHttp2Backend(backend, choice, std::move(use), reused);
}

void Connector::Deliver(net::StreamPtr stream, const routing::Choice& choice, Use use,
                        bool reused) {
  Cancel();
  stream->SetHandler(nullptr);
  owner_.OnBackend(std::move(stream), choice, std::move(use), reused);
}

// Why the attempt failed, as the client is told; counts what is TLS's.
Failure Connector::Judge(const Attempt& attempt, const Error& error) {
  if (error.code == ErrorCode::kTimeout) return Failure::kConnectTimeout;
  const bool untrusted = error.code == ErrorCode::kInvalid;
  const bool refused = error.code == ErrorCode::kMalformed || error.code == ErrorCode::kUnsupported;
  if (attempt.tls == nullptr || (!untrusted && !refused)) return Failure::kConnectFailed;
  RouteCounters& counted = counters(attempt.choice);
  (untrusted ? counted.tls_untrusted : counted.tls_failed).Add();
  core_.LogTlsFailure(hold_.table().endpoint(attempt.choice.endpoint), error);
  return Failure::kBackendTls;
}

void Connector::Lost(Attempt& attempt, const Error& error) {
  counters(attempt.choice).connect_failures.Add();
  last_failure_ = Judge(attempt, error);
  attempt.making.Fail();
  attempt.Drop();
  core_.Report(hold_, hold_.table().endpoint(attempt.choice.endpoint),
               health::Outcome::kConnectFailed);
  if (!retries_->on_connect) exhausted_ = true;
  if (!exhausted_) {
    TryNext();
  } else if (in_flight() == 0) {
    Finish();
  }
}

void Connector::Finish() {
  timer_.Disarm();
  if (Wait()) return;
  // A session that is not to move is told so, whatever showed that its place is down.
  const bool rejected = walk_.why() == routing::NoChoice::kSessionRejected;
  const bool by_walk = rejected || last_failure_ == Failure::kCount;
  owner_.OnNoBackend(by_walk ? FailureOf(walk_.why()) : last_failure_);
}

// False: the walk does not end in a hold, or too many wait already.
bool Connector::Wait() {
  if (walk_.why() != routing::NoChoice::kHeld || core_.waiting >= kMaxWaiting) return false;
  const health::ServiceHealth& live = *hold_.table().Recovery(service_);
  const Duration left = live.hold_until() - core_.loop.Now() + kHoldSlack;
  waiting_ = true;
  ++core_.waiting;
  core_.loop.Arm(timer_, std::max(left, Duration(0)));
  return true;
}

void Connector::StopWaiting() {
  if (std::exchange(waiting_, false)) --core_.waiting;
}

void Connector::HealthChanged() {
  if (waiting_) {
    StopWaiting();
    walk_.Resume();
    return TryNext();
  }
  bool gave_up = false;
  for (Attempt& attempt : attempts_) {
    if (!attempt.active() || walk_.IsCurrent(attempt.choice)) continue;
    attempt.Drop();
    gave_up = true;
  }
  if (gave_up) Resume();
}

// An attempt was given up: with no other, the walk begins again.
void Connector::Resume() {
  if (in_flight() > 0) return;
  again_ = {};
  exhausted_ = false;
  walk_.Resume();
  TryNext();
}

void Connector::ArmTimer() {
  const Duration connect = hold_.table().service(service_).timeouts.connect;
  MonotonicTime next = MonotonicTime::max();
  for (const Attempt& attempt : attempts_) {
    if (attempt.active()) next = std::min(next, attempt.started + connect);
  }
  if (!exhausted_ && in_flight() < kMaxAttempts) next = std::min(next, race_at_);
  core_.loop.Arm(timer_, next - core_.loop.Now());
}

void Connector::OnTimer(net::Timer&) {
  if (waiting_) {
    StopWaiting();
    return owner_.OnNoBackend(Failure::kHeld);
  }
  const MonotonicTime now = core_.loop.Now();
  const Duration connect = hold_.table().service(service_).timeouts.connect;
  for (Attempt& attempt : attempts_) {
    if (attempt.active() && now >= attempt.started + connect) {
      Lost(attempt, {.code = ErrorCode::kTimeout});  // may start the next, or end it all
      if (in_flight() > 0) ArmTimer();
      return;
    }
  }
  if (!exhausted_ && in_flight() < kMaxAttempts && now >= race_at_) {
    TryNext();
  } else if (in_flight() > 0) {
    ArmTimer();
  }
}

size_t Connector::in_flight() const {
  return static_cast<size_t>(std::count_if(attempts_.begin(), attempts_.end(),
                                           [](const Attempt& a) { return a.active(); }));
}

RouteCounters& Connector::counters(const routing::Choice& choice) const {
  return hold_.route(service_, choice.site);
}

}  // namespace meridian::proxy
