// See udp_session.h.
#include "proxy/udp_session.h"

#include <algorithm>
#include <utility>

#include "proxy/connector.h"
#include "proxy/session_key.h"

namespace meridian::proxy {
namespace {

constexpr size_t kMaxHeld = 4096;  // of a worker, connectors that wait included
constexpr Duration kHoldSlack = std::chrono::milliseconds(500);
// A worker that drains waits no longer than this for one more datagram: UDP does not say that it is
// done.
constexpr Duration kDrainIdle = std::chrono::seconds(5);

}  // namespace

UdpSession::UdpSession(Core& core, ListenerState& listener, UdpListener& socket,
                       snapshot::ConnectionTable::Place place)
    : core_(core), listener_(listener), socket_(socket), place_(std::move(place)), timer_(*this) {}

void UdpSession::Begin(std::string_view bytes) {
  started_ = active_ = core_.loop.Now();
  Remember(bytes);
  Decide();
}

// The last datagram that nobody has answered: should its backend be gone, the next one gets it.
void UdpSession::Remember(std::string_view bytes) {
  if (!trial_) trial_ = socket_.TakeTrial();
  trial_->datagram.assign(bytes);
}

void UdpSession::Decide() {
  const snapshot::Listener* const listener = core_.Config(listener_);
  if (listener != nullptr) {  // else it was removed, and what it was is what there is
    hold_ = core_.current;
    service_ = listener->service;
    endpoint_ = {};
  }
  routing::Query query;
  query.service = service_;
  query.client = flow.peer;
  query.session_key = DatagramKey(hold_.table().service(service_).session, trial_->datagram);
  query.wall = core_.loop.WallNow();
  query.now = core_.loop.Now();
  query.draw = core_.random.Next();
  trial_->walk.Start(hold_.table(), query);
  trial_->walking = true;
  last_failure_ = Failure::kCount;
  if (state_ != State::kTry) Advance(State::kTry);
  TryNext();
}

void UdpSession::TryNext() {
  routing::Walk& walk = trial_->walk;
  for (routing::Choice choice; walk.Next(choice, core_.random.Next());) {
    if (Try(choice)) return;
  }
  if (Wait()) return;
  // A session that is not to move is told so, whatever showed that its place is down.
  const bool rejected = walk.why() == routing::NoChoice::kSessionRejected;
  pin_ = walk.pin();
  if (rejected) hold_.route(service_, {}).pins[static_cast<size_t>(routing::Pin::kRejected)].Add();
  Fail(rejected || last_failure_ == Failure::kCount ? FailureOf(walk.why()) : last_failure_);
}

// False: it failed at once.
bool UdpSession::Try(const routing::Choice& choice) {
  const routing::Endpoint& to = hold_.table().endpoint(choice.endpoint);
  const topology::Service& policy = hold_.table().service(service_);
  if (policy.backend.max_connections && to.health->in_flight() >= *policy.backend.max_connections) {
    if (last_failure_ == Failure::kCount) last_failure_ = Failure::kAtCapacity;
    return false;
  }
  if (attempts_++ == 0) queue_ = core_.loop.Now() - started_;
  RouteCounters& counted = hold_.route(service_, choice.site);
  counted.connects.Add();
  auto connected = core_.loop.ConnectDatagrams(to.address, *this);
  Result<> sent;
  if (connected) {
    sent = (*connected)->Send(trial_->datagram);
  } else {
    sent = tl::unexpected(connected.error());
  }
  if (!connected || (!sent && sent.error().side == Side::kBackend)) {
    counted.connect_failures.Add();
    last_failure_ = Failure::kConnectFailed;
    if (sent.error().side == Side::kBackend) {
      core_.Report(hold_, to, health::Outcome::kConnectFailed);
    }
    return false;
  }
  backend_ = std::move(*connected);
  use_ = Use(*to.health, *hold_.table().site(choice.site).health);
  endpoint_ = choice.endpoint;
  counters_ = &counted;
  Account(choice);
  if (!sent) {
    const bool large = sent.error().code == ErrorCode::kTooLarge;
    socket_.Drop(large ? DatagramDrop::kTooLarge : DatagramDrop::kNoRoom);
  }
  return true;
}

void UdpSession::Account(const routing::Choice& choice) {
  const routing::Walk& walk = trial_->walk;
  counters_->connections.Add();
  counters_->active.Add();
  CountIn(trial_->datagram.size());
  reason_ = choice.reason;
  pin_ = walk.pin();
  counters_->reasons[static_cast<size_t>(choice.reason)].Add();
  counters_->pins[static_cast<size_t>(walk.pin())].Add();
  walk.Settle(choice);
  (walk.has_coordinates() ? hold_.counters().worker->geo_hits : hold_.counters().worker->geo_misses)
      .Add();
  ArmIdle();
}

void UdpSession::ArmIdle() {
  const topology::Timeouts& timeouts = hold_.table().service(service_).timeouts;
  const Duration idle = core_.draining ? std::min(timeouts.idle, kDrainIdle) : timeouts.idle;
  const MonotonicTime due = std::min(active_ + idle, started_ + timeouts.session);
  core_.loop.Arm(timer_, std::max(due - core_.loop.Now(), Duration(0)));
}

void UdpSession::FromClient(std::string_view bytes) {
  active_ = core_.loop.Now();
  if (state_ == State::kHeld) return Remember(bytes);
  if (!trial_) trial_ = socket_.TakeTrial();
  trial_->datagram.assign(bytes);
  const Result<> sent = backend_->Send(bytes);
  if (sent) {
    CountIn(bytes.size());
  } else if (sent.error().side == Side::kBackend) {
    OnUnreachable(sent.error());
  } else {
    const bool large = sent.error().code == ErrorCode::kTooLarge;
    socket_.Drop(large ? DatagramDrop::kTooLarge : DatagramDrop::kNoRoom);
  }
}

void UdpSession::OnDatagram(const net::Flow&, std::string_view bytes) {
  active_ = core_.loop.Now();
  if (state_ == State::kTry) {
    Advance(State::kOpen);
    core_.Report(hold_, endpoint(), health::Outcome::kSuccess);
  }
  if (trial_) socket_.KeepTrial(std::move(trial_));
  counters_->bytes_out.Add(bytes.size());
  bytes_out_ += bytes.size();
  if (first_byte_ == AccessLine::kNever) first_byte_ = active_ - started_;
  socket_.Answer(flow, bytes);
}

void UdpSession::OnUnreachable(const Error&) {
  counters_->connect_failures.Add();
  core_.Report(hold_, endpoint(), health::Outcome::kConnectFailed);
  last_failure_ = Failure::kConnectFailed;
  RouteCounters& left = *counters_;
  LeaveBackend();
  if (!trial_) return Close();
  if (!hold_.table().service(service_).retries.on_connect) return Fail(Failure::kConnectFailed);
  left.retries.Add();
  if (state_ == State::kTry && trial_->walking) return TryNext();
  Decide();
}

void UdpSession::LeaveBackend() {
  if (counters_ == nullptr) return;
  std::exchange(counters_, nullptr)->active.Subtract();
  use_.Release();
  backend_.reset();
}

// Its place is no more for it.
void UdpSession::Move() {
  LeaveBackend();
  if (!trial_) return Close();
  Decide();
}

// False: the walk does not end in a hold, or too many wait already.
bool UdpSession::Wait() {
  if (trial_->walk.why() != routing::NoChoice::kHeld || core_.waiting >= kMaxHeld) return false;
  const health::ServiceHealth& live = *hold_.table().Recovery(service_);
  const Duration left = live.hold_until() - core_.loop.Now() + kHoldSlack;
  Advance(State::kHeld);
  ++core_.waiting;
  core_.loop.Arm(timer_, std::max(left, Duration(0)));
  return true;
}

void UdpSession::StopWaiting() {
  --core_.waiting;
  Advance(State::kTry);
}

void UdpSession::OnTimer(net::Timer&) {
  if (state_ == State::kHeld) {
    StopWaiting();
    return Fail(Failure::kHeld);
  }
  const topology::Timeouts& timeouts = hold_.table().service(service_).timeouts;
  const Duration idle = core_.draining ? std::min(timeouts.idle, kDrainIdle) : timeouts.idle;
  const MonotonicTime now = core_.loop.Now();
  if (now >= active_ + idle || now >= started_ + timeouts.session) return Close();
  ArmIdle();
}

void UdpSession::Drain() {
  if (state_ == State::kHeld) return Abort();
  ArmIdle();
}

void UdpSession::Abort() {
  if (state_ == State::kHeld) StopWaiting();
  failure_ = "aborted";
  Close();
}

void UdpSession::HealthChanged() {
  if (state_ == State::kHeld) {
    StopWaiting();
    trial_->walk.Resume();
    return TryNext();
  }
  const routing::Table& table = hold_.table();
  if (counters_ == nullptr || table.service(service_).on_down != topology::OnDown::kClose) return;
  if (!table.Keeps(service_, endpoint().site, false)) return Move();
  const health::Facts facts = use_.endpoint()->facts();
  // A suspicion is not enough to leave what still works: only a check's verdict or the operator is.
  if (facts.probe == health::Probe::kDown || facts.intent == health::Intent::kOut) Move();
}

void UdpSession::LeaveSite(std::string_view service, std::string_view site) {
  if (counters_ == nullptr) return;
  const routing::Table& table = hold_.table();
  const bool is_there =
      table.service(service_).name == service && table.site(endpoint().site).name == site;
  if (is_there) Move();
}

void UdpSession::Fail(Failure failure) {
  listener_.counters->failures[static_cast<size_t>(failure)].Add();
  socket_.Drop(DatagramDrop::kNoBackend);
  failure_ = Name(failure);
  Close();
}

void UdpSession::LogAccess() const {
  const routing::Table& table = hold_.table();
  AccessLine line;
  line.total = core_.loop.Now() - started_;
  line.time = core_.loop.WallNow() - line.total;
  line.client = flow.peer;
  line.listener = listener_.name;
  line.service = table.service(service_).name;
  if (endpoint_.ok()) {
    line.site = table.site(endpoint().site).name;
    line.endpoint = endpoint().address_text;
    line.reason = routing::Name(reason_);
  }
  if (failure_ != nullptr) line.reason = failure_;
  line.session = SessionWord(pin_);
  line.attempts = attempts_;
  line.protocol = "udp";
  line.bytes_in = bytes_in_;
  line.bytes_out = bytes_out_;
  line.queue = queue_;
  line.first_byte = first_byte_;
  core_.access.Write(*hold_.snapshot().locator, line);
}

void UdpSession::Close() {
  if (state_ == State::kClosed) return;
  if (core_.access.on()) LogAccess();
  Advance(State::kClosed);
  timer_.Disarm();
  LeaveBackend();
  if (trial_) socket_.KeepTrial(std::move(trial_));
  socket_.Forget(*this);
  core_.Retire(*this, listener_);
}

void UdpSession::Advance(State next) {
  constexpr auto kBit = [](State state) {
    return static_cast<uint8_t>(1u << static_cast<unsigned>(state));
  };
  constexpr uint8_t kEnd = kBit(State::kClosed);
  static constexpr uint8_t kLegal[] = {
      /* kTry */ kBit(State::kOpen) | kBit(State::kHeld) | kEnd,
      /* kOpen */ kBit(State::kTry) | kEnd,
      /* kHeld */ kBit(State::kTry) | kEnd,
      /* kClosed */ 0,
  };
  MERIDIAN_CHECK((kLegal[static_cast<size_t>(state_)] & kBit(next)) != 0);
  state_ = next;
}

}  // namespace meridian::proxy
