// See tcp_session.h.
#include "proxy/tcp_session.h"

#include <meridian/base/text.h>
#include <meridian/codec/client_hello.h>

#include <algorithm>

#include "proxy/client_address.h"
#include "proxy/client_limits.h"
#include "proxy/session_key.h"

namespace meridian::proxy {
namespace {

constexpr size_t kMostHeld = 16 * 1024;  // of what a spare connection may have to lose

}  // namespace

TcpSession::TcpSession(Core& core, ListenerState& listener, Arrival arrival)
    : core_(core),
      listener_(listener),
      client_(*this),
      backend_(*this),
      client_ip_(arrival.client),
      timer_(*this),
      tls_(arrival.tls) {
  client_.stream = std::move(arrival.stream);
}

void TcpSession::Begin() {
  hold_ = core_.current;
  const snapshot::Listener& listener = *core_.Config(listener_);
  service_ = listener.service;
  started_ = active_ = core_.loop.Now();
  dial_ = std::make_unique<Dial>(core_, static_cast<ConnectorOwner&>(*this));
  client_.stream->SetHandler(&client_);
  const auto& config = listener.config;
  if (tls_ == nullptr && Preface::Wanted(config, client_.stream->peer().ip())) {
    core_.loop.Arm(timer_, config.limits.header_timeout);
    client_.stream->StartReading();
  } else {
    Greet();
  }
}

void TcpSession::ReadPreface(std::string_view bytes) {
  const auto step = dial_->preface.Feed(bytes, listener_config().config, client_ip_);
  if (!step) return Fail(Failure::kProxyHeader, true);
  if (*step == Preface::Step::kDone) Greet();
}

// The client's address is known: may it come in, and has it to say more before it is sent on?
void TcpSession::Greet() {
  const snapshot::Listener& listener = listener_config();
  if (!listener.access.Admits(client_ip_)) return Fail(Failure::kDenied, true);
  // Before the handshake, where there is one.
  if (tls_ == nullptr && !WithinRate(core_, listener.config, client_ip_))
    return Fail(Failure::kRateLimited, true);
  if (!EnterConnection(core_, listener.config, client_ip_, place_))
    return Fail(Failure::kTooManyConnections, true);
  const std::string_view rest = dial_->preface.rest();
  if (!listener.reads_hello) {
    return ReadKey(rest);
  }
  if (tls_ != nullptr) {
    std::string name = LowerAscii(tls_->server_name());
    if (name.ends_with('.')) name.pop_back();
    std::string agreed(tls_->alpn());
    if (!agreed.empty()) agreed.insert(agreed.begin(), static_cast<char>(agreed.size()));
    return ChooseService(name, agreed);
  }
  Advance(State::kHello);
  if (!timer_.armed()) core_.loop.Arm(timer_, listener.config.limits.header_timeout);
  client_.stream->StartReading();
  ReadHello(rest);
}

void TcpSession::ReadHello(std::string_view bytes) {
  dial_->early.append(bytes);
  const auto hello = codec::ParseClientHello(dial_->early);
  if (!hello) return Fail(Failure::kClientHello, true);
  if (hello->progress == codec::ClientHello::Progress::kNeedMore) return;
  ChooseService(hello->server_name(), hello->alpn());
}

void TcpSession::ChooseService(std::string_view server_name, std::string_view alpn) {
  dial_->server_name = server_name;
  if (const auto& routes = listener_config().routes) {
    service_ = routes->MatchHello(server_name, alpn);
    if (!service_.ok()) return Fail(Failure::kNoRoute, true);
  }
  const bool by_name = hold_.table().service(service_).session.by == topology::SessionBy::kSni;
  if (by_name) return Pick(server_name);
  ReadKey({});
}

// The service is known; its sessions may have a key that stands in the first bytes.
void TcpSession::ReadKey(std::string_view bytes) {
  dial_->early.append(bytes);
  const topology::SessionPolicy& session = hold_.table().service(service_).session;
  const auto key = StreamKey(session, dial_->early);
  if (key) return Pick(*key);
  if (state_ == State::kKey) return;
  Advance(State::kKey);
  if (!timer_.armed()) core_.loop.Arm(timer_, listener_config().config.limits.header_timeout);
  client_.stream->StartReading();
}

void TcpSession::Pick(std::string_view session_key) {
  Advance(State::kConnect);
  // Nothing is read from the client while there is nobody to give it to.
  client_.stream->StopReading();
  routing::Query query;
  query.service = service_;
  query.client = client_ip_;
  query.session_key = session_key;
  query.wall = core_.loop.WallNow();
  query.now = core_.loop.Now();
  query.draw = core_.random.Next();
  if (hold_.table().service(service_).backend.proxy_protocol != 0) Announce();
  dial_->connector.Start(hold_, query, hold_.table().service(query.service).retries);
  dial_->connector.Continue(true);
}

// What the backend is to know of the client: as the proxy before us said, or as we see it.
void TcpSession::Announce() {
  static constexpr char kHex[] = "0123456789abcdef";
  Dial& dial = *dial_;
  for (size_t i = 0; i < dial.id.size(); i += 16) {
    uint64_t part = core_.random.Next();
    for (size_t digit = 0; digit < 16; ++digit, part >>= 4) dial.id[i + digit] = kHex[part & 15];
  }
  codec::ProxyHeaderOut& said = dial.announced;
  said.server_name = dial.server_name;
  said.unique_id = {dial.id.data(), dial.id.size()};
  const bool told = dial.preface.source().ok();
  said.source = told ? dial.preface.source() : client_.stream->peer();
  said.destination = told ? dial.preface.destination() : client_.stream->local();
  dial.connector.Announce(said);
}

// Counts the session where it is now.
void TcpSession::Account(const routing::Choice& choice) {
  const routing::Walk& walk = dial_->connector.walk();
  counters_ = &hold_.route(service_, choice.site);
  counters_->connections.Add();
  counters_->active.Add();
  counters_->reasons[static_cast<size_t>(choice.reason)].Add();
  counters_->pins[static_cast<size_t>(walk.pin())].Add();
  walk.Settle(choice);
  if (dial_->connector.tried() > 1) counters_->retries.Add(dial_->connector.tried() - 1);
  Counter& geo = walk.has_coordinates() ? hold_.counters().worker->geo_hits
                                        : hold_.counters().worker->geo_misses;
  geo.Add();

  attempts_ = dial_->connector.tried();
  queue_ = dial_->connector.started() - started_ + dial_->connector.queued();
  connect_ = dial_->connector.connect_time();
  reason_ = choice.reason;
  pin_ = walk.pin();
}

void TcpSession::OnBackend(net::StreamPtr stream, const routing::Choice& choice, Use use,
                           bool reused) {
  Account(choice);
  use_ = std::move(use);
  endpoint_ = choice.endpoint;
  backend_.stream = std::move(stream);
  backend_.stream->SetHandler(&backend_);
  Advance(core_.draining ? State::kDrain : State::kRelay);
  active_ = core_.loop.Now();
  ArmRelay();
  if (const std::string_view early = dial_->early; !early.empty()) {
    counters_->bytes_in.Add(early.size() - bytes_in_);
    bytes_in_ = early.size();
    backend_.stream->Write(early);
    Await();
  }
  if (client_.ended) backend_.stream->FinishWriting();
  client_.stream->StartReading();
  backend_.stream->StartReading();
  // What the server said before there was a client.
  const std::string greeting = std::move(dial_->connector.greeting());
  spare_ = reused && greeting.empty() && dial_->early.size() <= kMostHeld;
  dial_->choice = choice;
  if (!greeting.empty()) Deliver(greeting);
}

void TcpSession::OnNoBackend(Failure failure) {
  attempts_ = dial_->connector.tried();
  pin_ = dial_->connector.walk().pin();
  if (failure == Failure::kSessionRejected)
    hold_.route(service_, {}).pins[static_cast<size_t>(routing::Pin::kRejected)].Add();
  Fail(failure, true);
}

void TcpSession::Forward(Side& from, std::string_view bytes) {
  active_ = core_.loop.Now();
  if (state_ == State::kPreface) return ReadPreface(bytes);
  if (state_ == State::kHello) return ReadHello(bytes);
  if (state_ == State::kKey) return ReadKey(bytes);
  if (&from == &backend_) spare_ = false;
  spare_ ? Keep(bytes) : dial_.reset();
  if (&from == &backend_) return Deliver(bytes);
  backend_.stream->Write(bytes);
  Sent(bytes.size());
}

// The other side has them already. Only bulk goes that way, so the session has long begun.
void TcpSession::Moved(Side& from, size_t bytes) {
  active_ = core_.loop.Now();
  &from == &backend_ ? Delivered(bytes) : Sent(bytes);
}

void TcpSession::Sent(size_t bytes) {
  counters_->bytes_in.Add(bytes);
  bytes_in_ += bytes;
  if (backend_.stream->pending_bytes() > 0) client_.stream->StopReading();
  Await();
}

// Of the client's, for another connection, should this be dead already.
void TcpSession::Keep(std::string_view bytes) {
  spare_ = dial_->early.size() + bytes.size() <= kMostHeld;
  spare_ ? static_cast<void>(dial_->early.append(bytes)) : dial_.reset();
}

// The backend has ended. If it closed a spare connection before it got anything of the client's, so
// that no server can have acted on it, another one is made. Its end tells, for it would have
// acknowledged what it got; a reset does not tell how much had been read.
bool TcpSession::Redial() {
  if (!std::exchange(spare_, false) || state_ == State::kDrain) return false;
  const size_t sent = dial_->early.size();
  if (sent > 0 && (!backend_.ended || backend_.stream->path_info().unacknowledged_bytes < sent))
    return false;
  client_.stream->StopReading();
  timer_.Disarm();
  std::exchange(counters_, nullptr)->active.Subtract();
  use_.Release();
  backend_.stream.reset();
  backend_.ended = watching_ = false;
  unheard_since_ = {};
  Advance(State::kConnect);
  dial_->connector.Again(dial_->choice);
  dial_->connector.Continue(false);
  return true;
}

// From the backend to the client.
void TcpSession::Deliver(std::string_view bytes) {
  client_.stream->Write(bytes);
  Delivered(bytes.size());
}

void TcpSession::Delivered(size_t bytes) {
  counters_->bytes_out.Add(bytes);
  bytes_out_ += bytes;
  unheard_since_ = {};
  if (!std::exchange(heard_, true)) {
    first_byte_ = active_ - started_;
    Report(health::Outcome::kSuccess);
  }
  if (client_.stream->pending_bytes() > 0) backend_.stream->StopReading();
}

// Something was sent to the backend: in a while, it is looked whether it arrived. At most one timer
// is armed for it in that time, however many messages go to and fro.
void TcpSession::Await() {
  if (unheard_since_ == MonotonicTime{}) unheard_since_ = active_;
  if (std::exchange(watching_, true)) return;
  check_at_ = active_ + PathDoubt();
  ArmRelay();
}

Duration TcpSession::PathDoubt() const {
  return RaceAfter(hold_.table().service(service_), *use_.endpoint());
}

// As Exchange::CheckPath, but that what was sent cannot be sent again elsewhere: the doubt is for
// others, and for the check that it calls for; the session goes on until the kernel gives it up.
void TcpSession::CheckPath() {
  const MonotonicTime now = core_.loop.Now();
  const Duration doubt = PathDoubt();
  watching_ = unheard_since_ != MonotonicTime{};
  if (!watching_) {
    stalled_ = false;
    return;
  }
  check_at_ = unheard_since_ + doubt;
  if (check_at_ > now) return;
  check_at_ = now + doubt;
  const net::PathInfo path = backend_.stream->path_info();
  if (path.unacknowledged_bytes == 0) {  // it is there, and the server takes its time
    watching_ = stalled_ = false;
    unheard_since_ = {};
  } else if (path.retransmits > 0 && !std::exchange(stalled_, true)) {
    counters_->stalls.Add();
    Report(health::Outcome::kConnectFailed);
  }
}

MonotonicTime TcpSession::RelayDue() const {
  const topology::Timeouts& timeouts = hold_.table().service(service_).timeouts;
  return std::min(active_ + timeouts.idle, started_ + timeouts.session);
}

void TcpSession::ArmRelay() {
  MonotonicTime next = std::min(RelayDue(), cut_at_);
  if (watching_) next = std::min(next, check_at_);
  core_.loop.Arm(timer_, std::max(next - core_.loop.Now(), Duration(0)));
}

void TcpSession::Drained(Side& side) {
  active_ = core_.loop.Now();
  Side& reader = Other(side);
  if (reader.stream && !reader.ended) reader.stream->StartReading();
}

void TcpSession::Ended(Side& side) {
  side.ended = true;
  if (state_ < State::kConnect) return Fail(Failure::kClientGone, false);
  if (state_ == State::kConnect) return;  // told to the backend once it is there
  if (&side == &backend_ && Redial()) return;
  if (client_.ended && backend_.ended) return Close();  // which sends what is pending, and FIN
  Other(side).stream->FinishWriting();
  if (state_ == State::kRelay) Advance(State::kHalfClosed);
}

void TcpSession::Broken(Side& side) {
  if (state_ <= State::kConnect) return Fail(Failure::kClientGone, true);
  if (&side == &backend_ && Redial()) return;
  failure_ = Name(&side == &backend_ ? Failure::kBackendReset : Failure::kClientGone);
  if (&side == &backend_) {
    listener_.counters->failures[static_cast<size_t>(Failure::kBackendReset)].Add();
    if (!heard_) Report(health::Outcome::kReset);
  }
  // What was cut short may not look whole to the other side, whatever cut it: a reset, silence, TLS
  // that is malformed.
  Other(side).stream->Reset();
  Close();
}

void TcpSession::Report(health::Outcome outcome) {
  core_.Report(hold_, hold_.table().endpoint(endpoint_), outcome);
}

void TcpSession::OnTimer(net::Timer&) {
  if (state_ == State::kPreface) return Fail(Failure::kProxyHeader, true);
  if (state_ == State::kHello || state_ == State::kKey) return Fail(Failure::kHeaderTimeout, true);
  const MonotonicTime now = core_.loop.Now();
  if (now >= RelayDue()) return Fail(Failure::kIdleTimeout, false);
  if (now >= cut_at_) {
    cut_at_ = MonotonicTime::max();
    if (MustLeave()) return Abort();
  }
  if (watching_ && now >= check_at_) CheckPath();
  ArmRelay();
}

void TcpSession::Drain() {
  if (state_ <= State::kConnect) return Abort();
  if (state_ == State::kRelay) Advance(State::kDrain);
}

void TcpSession::Abort() {
  if (state_ == State::kClosed) return;
  failure_ = "aborted";
  client_.stream->Reset();
  if (backend_.stream) backend_.stream->Reset();
  Close();
}

void TcpSession::HealthChanged() {
  if (state_ == State::kConnect) return dial_->connector.HealthChanged();
  const routing::Table& table = hold_.table();
  if (use_.endpoint() == nullptr || table.service(service_).on_down != topology::OnDown::kClose)
    return;
  // Two sites may never be active at once, so that is not paced.
  if (!table.Keeps(service_, table.endpoint(endpoint_).site, false)) return Abort();
  if (cut_at_ != MonotonicTime::max() || !MustLeave()) return;
  const Duration delay = core_.CutDelay();
  if (delay == Duration(0)) return Abort();
  cut_at_ = core_.loop.Now() + delay;
  ArmRelay();
}

// A suspicion is not enough to cut what still works: only a check's verdict or the operator is.
bool TcpSession::MustLeave() const {
  const health::Facts facts = use_.endpoint()->facts();
  return facts.probe == health::Probe::kDown || facts.intent == health::Intent::kOut;
}

void TcpSession::LeaveSite(std::string_view service, std::string_view site) {
  if (use_.endpoint() == nullptr) return;
  const routing::Table& table = hold_.table();
  const bool is_there = table.service(service_).name == service &&
                        table.site(table.endpoint(endpoint_).site).name == site;
  if (is_there) Abort();
}

void TcpSession::Fail(Failure failure, bool reset) {
  listener_.counters->failures[static_cast<size_t>(failure)].Add();
  failure_ = Name(failure);
  if (reset) client_.stream->Reset();
  Close();
}

void TcpSession::LogAccess() const {
  const MonotonicTime now = core_.loop.Now();
  const routing::Table& table = hold_.table();
  AccessLine line;
  line.total = now - started_;
  line.time = core_.loop.WallNow() - line.total;
  line.client = client_ip_;
  line.listener = listener_.name;
  if (service_.ok()) line.service = table.service(service_).name;
  if (counters_ != nullptr) {
    const routing::Endpoint& endpoint = table.endpoint(endpoint_);
    line.site = table.site(endpoint.site).name;
    line.endpoint = endpoint.address_text;
    line.reason = routing::Name(reason_);
  }
  if (failure_ != nullptr) line.reason = failure_;
  line.session = SessionWord(pin_);
  line.attempts = attempts_;
  line.protocol = "tcp";
  line.bytes_in = bytes_in_;
  line.bytes_out = bytes_out_;
  line.queue = queue_;
  line.connect = connect_;
  line.first_byte = first_byte_;
  line.tls = TlsWord(tls_);
  core_.access.Write(*hold_.snapshot().locator, line);
}

void TcpSession::Close() {
  if (state_ == State::kClosed) return;
  if (core_.access.on()) LogAccess();
  Advance(State::kClosed);
  timer_.Disarm();
  if (dial_) dial_->connector.Cancel();
  if (counters_ != nullptr) counters_->active.Subtract();
  use_.Release();
  client_.stream.reset();
  backend_.stream.reset();
  core_.Retire(*this, listener_);
}

void TcpSession::Advance(State next) {
  constexpr auto kBit = [](State state) {
    return static_cast<uint8_t>(1u << static_cast<unsigned>(state));
  };
  constexpr uint8_t kEnd = kBit(State::kClosed);
  static constexpr uint8_t kLegal[] = {
      /* kPreface */ kBit(State::kHello) | kBit(State::kKey) | kBit(State::kConnect) | kEnd,
      /* kHello */ kBit(State::kKey) | kBit(State::kConnect) | kEnd,
      /* kKey */ kBit(State::kConnect) | kEnd,
      /* kConnect */ kBit(State::kRelay) | kBit(State::kDrain) | kEnd,
      /* kRelay */ kBit(State::kHalfClosed) | kBit(State::kDrain) | kBit(State::kConnect) | kEnd,
      /* kHalfClosed */ kBit(State::kConnect) | kEnd,
      /* kDrain */ kEnd,
      /* kClosed */ 0,
  };
  MERIDIAN_CHECK((kLegal[static_cast<size_t>(state_)] & kBit(next)) != 0);
  state_ = next;
}

}  // namespace meridian::proxy
