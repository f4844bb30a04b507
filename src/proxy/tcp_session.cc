// See tcp_session.h.
#include "proxy/tcp_session.h"

#include <meridian/base/text.h>
#include <meridian/codec/client_hello.h>

#include <algorithm>

#include "proxy/client_address.h"
#include "proxy/client_limits.h"
#include "proxy/session_key.h"

namespace meridian::proxy {

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
  if (!EnterConnection(core_, listener.config, client_ip_, place_))
    return Fail(Failure::kTooManyConnections, true);
  const std::string_view rest = dial_->preface.rest();
  if (!listener.reads_hello) {
    return ReadKey(rest);
  }
  if (tls_ != nullptr) {
    std::string name = LowerAscii(tls_->server_name());
    if (name.ends_with('.')) name.pop_back();
    return ChooseService(name);
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
  ChooseService(hello->server_name());
}

void TcpSession::ChooseService(std::string_view server_name) {
  dial_->server_name = server_name;
  if (const auto& routes = listener_config().routes) {
    service_ = routes->MatchName(server_name);
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
  dial_->connector.Continue(false);
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

void TcpSession::OnBackend(net::StreamPtr stream, const routing::Choice& choice, Use use, bool) {
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
  use_ = std::move(use);
  endpoint_ = choice.endpoint;
  backend_.stream = std::move(stream);
  backend_.stream->SetHandler(&backend_);
  Advance(core_.draining ? State::kDrain : State::kRelay);
  active_ = core_.loop.Now();
  core_.loop.Arm(timer_, std::min(hold_.table().service(service_).timeouts.idle,
                                  hold_.table().service(service_).timeouts.session));
  if (const std::string_view early = dial_->early; !early.empty()) {
    counters_->bytes_in.Add(early.size());
    bytes_in_ += early.size();
    backend_.stream->Write(early);
  }
  if (client_.ended) backend_.stream->FinishWriting();
  client_.stream->StartReading();
  backend_.stream->StartReading();
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
  dial_.reset();
  Side& to = Other(from);
  if (&from == &backend_) {
    counters_->bytes_out.Add(bytes.size());
    bytes_out_ += bytes.size();
    if (!std::exchange(heard_, true)) {
      first_byte_ = active_ - started_;
      Report(health::Outcome::kSuccess);
    }
  } else {
    counters_->bytes_in.Add(bytes.size());
    bytes_in_ += bytes.size();
  }
  to.stream->Write(bytes);
  if (to.stream->pending_bytes() > 0) from.stream->StopReading();
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
  Other(side).stream->FinishWriting();
  if (client_.ended && backend_.ended) return Close();
  if (state_ == State::kRelay) Advance(State::kHalfClosed);
}

void TcpSession::Broken(Side& side, const Error& error) {
  if (state_ <= State::kConnect) return Fail(Failure::kClientGone, true);
  failure_ = Name(&side == &backend_ ? Failure::kBackendReset : Failure::kClientGone);
  if (&side == &backend_) {
    listener_.counters->failures[static_cast<size_t>(Failure::kBackendReset)].Add();
    if (!heard_) Report(health::Outcome::kReset);
  }
  Side& other = Other(side);
  // Nor may what was cut short look whole: TLS that is malformed ends like a reset.
  if (error.code == ErrorCode::kReset || error.code == ErrorCode::kMalformed) other.stream->Reset();
  Close();
}

void TcpSession::Report(health::Outcome outcome) {
  core_.Report(hold_, hold_.table().endpoint(endpoint_), outcome);
}

void TcpSession::OnTimer(net::Timer&) {
  if (state_ == State::kPreface) return Fail(Failure::kProxyHeader, true);
  if (state_ == State::kHello || state_ == State::kKey) return Fail(Failure::kHeaderTimeout, true);
  const topology::Timeouts& timeouts = hold_.table().service(service_).timeouts;
  const MonotonicTime now = core_.loop.Now();
  const MonotonicTime due = std::min(active_ + timeouts.idle, started_ + timeouts.session);
  if (now >= due) return Fail(Failure::kIdleTimeout, false);
  core_.loop.Arm(timer_, due - now);
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
  if (!table.Keeps(service_, table.endpoint(endpoint_).site, false)) return Abort();
  const health::Facts facts = use_.endpoint()->facts();
  // A suspicion is not enough to cut what still works: only a check's verdict or the operator is.
  if (facts.probe == health::Probe::kDown || facts.intent == health::Intent::kOut) Abort();
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
      /* kRelay */ kBit(State::kHalfClosed) | kBit(State::kDrain) | kEnd,
      /* kHalfClosed */ kEnd,
      /* kDrain */ kEnd,
      /* kClosed */ 0,
  };
  MERIDIAN_CHECK((kLegal[static_cast<size_t>(state_)] & kBit(next)) != 0);
  state_ = next;
}

}  // namespace meridian::proxy
