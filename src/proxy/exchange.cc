// The request's half of an exchange, its attempts and retries. exchange_response.cc holds the
// response's half.
#include "proxy/exchange.h"
#include "proxy/mirror.h"

#include <meridian/base/text.h>

#include <algorithm>
#include <charconv>

namespace meridian::proxy {
namespace {

constexpr Duration kPathCheckAgain = std::chrono::milliseconds(50);

// RFC 9110 section 9.2.2.
bool Idempotent(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE" ||
         method == "OPTIONS" || method == "TRACE";
}

}  // namespace

Exchange::Exchange(Core& core)
    : core_(core),
      connector_(core, *this, true),
      parser_(codec::Http1Parser::Kind::kResponse, kResponseLimits),
      timer_(*this),
      deadline_(*this) {
  for (Rival& rival : rivals_) rival.exchange = this;
}

void Exchange::Prepare(const ExchangeInput& input) {
  MERIDIAN_CHECK(state_ == State::kRest);
  state_ = State::kPrepared;
  client_ = input.client;
  hold_ = input.hold;
  route_ = input.route;
  target_ = input.target;
  service_ = input.query.service;
  const codec::Head& head = *input.head;
  method_bytes_ = static_cast<uint16_t>(head.method.size());
  core_.BeginExchange();
  if (input.access != nullptr)
    record_.Begin(*input.access, head, core_.loop.Now(), core_.access.names_agents());
  if (target_ == nullptr) return PrepareAnswer(head);
  if (input.deadline) core_.loop.Arm(deadline_, *input.deadline);
  AppendRequestHead(head, input.forwarding, request_);
  idempotent_ = Idempotent(head.method);
  is_read_ = input.query.is_read;
  upgrade_ = head.upgrade;
  secure_ = input.forwarding.secure;
  via_ = input.forwarding.via;
  http2_ = policy().backend.protocol == topology::BackendProtocol::kHttp2;
  chunked_request_ = head.framing == codec::Framing::kChunked && !http2_;
  const codec::Field* te = head.Find(codec::FieldId::kTe);
  te_trailers_ = te != nullptr && EqualIgnoringCase(te->value, "trailers");
  connector_.Start(hold_, input.query, retries());
  if (upgrade_ && !connects()) connector_.OpensTunnel();
}

void Exchange::Go() {
  if (mirror_ != nullptr) mirror_->Go();
  if (target_ == nullptr) return GoAnswer();
  state_ = State::kConnect;
  connector_.Continue(true);
}

void Exchange::Rest() {
  if (state_ == State::kRest) return;
  if (record_.on()) LogAccess();
  state_ = State::kRest;
  --core_.exchanges;
  if (mirror_ != nullptr) std::exchange(mirror_, nullptr)->Leave();
  connector_.Cancel();
  deadline_.Disarm();
  DropBackend();
  DropRivals(false);
  if (counters_ != nullptr) {
    counters_->active.Subtract();
    counters_->bytes_in.Add(received_bytes_);
    counters_ = nullptr;
  }
  received_bytes_ = 0;
  route_ = nullptr;
  target_ = nullptr;
  hold_ = Hold();
  request_.clear();
  response_.clear();
  cookie_.clear();
  trailers_.clear();
  body_.clear();
  if (body_.capacity() > 4096) body_ = std::string();
  retries_ = 0;
  replayable_ = true;
  http2_ = te_trailers_ = hedging_ = hedge_ = false;
  idempotent_ = chunked_request_ = request_complete_ = upgrade_ = reused_ = heard_ = stale_tried_ =
      false;
  backend_keeps_ = tunnel_client_ended_ = tunnel_backend_ended_ = false;
}

void Exchange::RequestBody(std::string_view data) {
  if (data.empty()) return;
  received_bytes_ += data.size();
  if (target_ == nullptr) return DropBody();
  if (mirror_ != nullptr) mirror_->RequestBody(data);
  if (!chunked_request_) return SendBody(std::span<const std::string_view>(&data, 1));
  char size[20];
  char* end = std::to_chars(size, size + 16, data.size(), 16).ptr;
  *end++ = '\r';
  *end++ = '\n';
  const std::array<std::string_view, 3> slices{
      std::string_view(size, static_cast<size_t>(end - size)), data, "\r\n"};
  SendBody(slices);
}

void Exchange::RequestEnd(std::span<const codec::Field> trailers) {
  request_complete_ = true;
  if (mirror_ != nullptr) mirror_->RequestEnd(trailers);
  if (state_ == State::kAnswer) return Answer();
  if (http2_) {
    KeepTrailers(trailers);
    if (call_ != nullptr && !upgrade_) EndCall();
  } else if (chunked_request_ && target_ != nullptr) {
    core_.scratch.clear();
    AppendLastChunk(trailers, core_.scratch);
    const std::string_view last = core_.scratch;
    SendBody(std::span<const std::string_view>(&last, 1));
  }
  if (state_ == State::kSend) ArmForRequest();
}

// Bytes of the body in wire form: kept while they may be needed (again), sent when there is a
// backend.
void Exchange::SendBody(std::span<const std::string_view> slices) {
  const bool connected = backend_ != nullptr || call_ != nullptr;
  if (replayable_ || !connected) {
    for (const std::string_view slice : slices) body_.append(slice);
  }
  if (connected && body_.size() > kReplayBytes) {
    replayable_ = false;
    body_ = std::string();
  }
  active_ = core_.loop.Now();
  if (connected) {
    call_ != nullptr ? call_->SendBody(slices, false) : backend_->Write(slices);
    if (unsent_bytes() > (call_ != nullptr ? kReplayBytes : 0)) client_->PauseRequest();
  } else if (body_.size() >= kReplayBytes) {
    client_->PauseRequest();
  }
}

void Exchange::BeginAttempt(const routing::Choice& choice, Use use, bool reused) {
  choice_ = choice;
  use_ = std::move(use);
  reused_ = reused;
  heard_ = false;
  interims_ = 0;
  record_.outcome.connect = connector_.connect_time();
  CountDecision();
  state_ = State::kSend;
}

void Exchange::OnBackend(net::StreamPtr stream, const routing::Choice& choice, Use use,
                         bool reused) {
  BeginAttempt(choice, std::move(use), reused);
  backend_ = std::move(stream);
  parser_ = codec::Http1Parser(codec::Http1Parser::Kind::kResponse, kResponseLimits);
  parser_.ExpectResponseTo(method());
  response_.clear();

  core_.scratch.clear();
  AppendAttempt(hold_.table().site(choice.site).name, routing::Name(choice.reason), choice.epoch,
                core_.scratch);
  const std::array<std::string_view, 3> slices{request_, core_.scratch, body_};
  backend_->SetHandler(this);
  backend_->Write(std::span(slices.data(), body_.empty() ? 2 : 3));
  backend_->StartReading();
  if (body_.size() > kReplayBytes) {
    replayable_ = false;
    body_ = std::string();
  }
  ArmForRequest();
  if (backend_->pending_bytes() == 0) client_->ResumeRequest();
}

void Exchange::CountDecision() {
  MoveCounters();
  RouteCounters& route = *counters_;
  route.reasons[static_cast<size_t>(choice_.reason)].Add();
  hedge_ = std::exchange(hedging_, false);
  if (connector_.tried() > 1) {
    if (!hedge_) route.retries.Add();
    return;
  }
  const routing::Walk& walk = connector_.walk();
  route.pins[static_cast<size_t>(walk.pin())].Add();
  WorkerCounters& worker = *hold_.counters().worker;
  (walk.has_coordinates() ? worker.geo_hits : worker.geo_misses).Add();
}

// Counts the request as in progress where it is now.
void Exchange::MoveCounters() {
  RouteCounters& route = hold_.route(service_, choice_.site);
  if (counters_ != nullptr) counters_->active.Subtract();
  counters_ = &route;
  route.active.Add();
}

// A complete request is first waited for as long as its acknowledgement may take.
void Exchange::ArmForRequest() {
  active_ = core_.loop.Now();
  if (!request_complete_) return core_.loop.Arm(timer_, timeouts().idle);
  use_.endpoint()->SetAsked(active_);
  response_due_ = active_ + timeouts().response;
  check_at_ = active_ + connector_.RaceAfter(choice_);
  const Duration hedge = HedgeAfter();
  hedge_at_ = hedge == Duration::max() ? MonotonicTime::max() : active_ + hedge;
  ArmWait();
}

void Exchange::ArmWait() {
  const MonotonicTime next = std::min({response_due_, check_at_, hedge_at_});
  core_.loop.Arm(timer_, std::max(next - core_.loop.Now(), Duration(0)));
}

void Exchange::Wait() {
  const MonotonicTime now = core_.loop.Now();
  if (now >= response_due_) {
    // Nothing came for anybody since this was sent: no more is sent that way.
    if (call_ != nullptr && call_->connection().heard() < active_) call_->connection().Leave();
    return AttemptFailed(Failure::kResponseTimeout, health::Outcome::kResponseTimeout);
  }
  if (now >= check_at_ && !CheckPath()) return;
  if (now >= hedge_at_ && Hedge()) return;
  ArmWait();
}

// The request was sent a while ago. Is it in the backend's kernel? A slow server acknowledges, and
// a delayed acknowledgement comes before the first repetition (RFC 6298), so one that was repeated
// in vain is on a dead path: the endpoint is in doubt, and the request goes elsewhere if it may. If
// it may not, or nowhere, it waits on: a single loss heals. False: it went elsewhere.
bool Exchange::CheckPath() {
  check_at_ = MonotonicTime::max();
  const net::PathInfo path =
      call_ != nullptr ? call_->connection().path_info() : backend_->path_info();
  if (path.unacknowledged_bytes == 0) return true;
  // Where another's was found out already, that one's word is enough: the kernel probes first, and
  // may take twice as long until it repeats.
  if (path.retransmits == 0 && use_.endpoint()->takes_pinned()) {
    check_at_ = core_.loop.Now() + kPathCheckAgain;
    return true;
  }
  core_.Report(hold_, endpoint(), health::Outcome::kConnectFailed);
  core_.pool.DropUnusable();
  core_.http2_backends.LeaveUnusable();
  if (call_ != nullptr) call_->connection().Leave();
  if (!MayRetry(retries().on_timeout, Unheard())) return true;
  ResetBackend();
  state_ = State::kConnect;
  connector_.Continue(false);  // the next may lie behind the same hole: a fresh connect is raced
  return false;
}

void Exchange::OnNoBackend(Failure failure) {
  hedging_ = false;
  if (!FallBack()) Failed(failure);
}

void Exchange::OnDrained() {
  active_ = core_.loop.Now();
  client_->ResumeRequest();
}

// It says nothing about the endpoint: the client chose how long.
void Exchange::DeadlinePassed() {
  if (state_ != State::kRespond) return Failed(Failure::kDeadline);
  ClientStream& client = *client_;
  Refused(Failure::kDeadline);
  Rest();
  client.OnBroken(Failure::kDeadline);
}

void Exchange::OnTimer(net::Timer& timer) {
  if (&timer == &deadline_) return DeadlinePassed();
  if (state_ == State::kAnswer) return Answer();
  if (state_ == State::kSend && request_complete_) return Wait();
  const MonotonicTime now = core_.loop.Now();
  const Duration idle = timeouts().idle;
  if (now < active_ + idle) return core_.loop.Arm(timer_, active_ + idle - now);
  if (state_ == State::kSend) return Failed(Failure::kHeaderTimeout);
  Broken(Failure::kIdleTimeout);
}

void Exchange::ResetBackend() {
  if (backend_) backend_->Reset();
  DropBackend();
}

void Exchange::DropBackend() {
  timer_.Disarm();
  backend_.reset();
  if (call_ != nullptr) std::exchange(call_, nullptr)->Leave();
  use_.Release();
}

// The attempt ended without a response. On whether it may be made again: RFC 9110 section 9.2.2 and
// ROUTING.md.
void Exchange::AttemptFailed(Failure failure, health::Outcome outcome) {
  // A pooled connection that the backend closed meanwhile says nothing about the backend.
  const bool stale = reused_ && !heard_ && failure == Failure::kBackendReset;
  DropBackend();
  if (stale && idempotent_ && replayable_ && !std::exchange(stale_tried_, true)) {
    connector_.Again(choice_);
    state_ = State::kConnect;
    return connector_.Continue(false);
  }
  if (!stale) core_.Report(hold_, endpoint(), outcome);
  const topology::RetryPolicy& again = retries();
  const bool late = failure == Failure::kResponseTimeout;
  const bool unheard = late && Unheard();
  // Those who come later need not wait as long to learn it; unless there is nowhere else to go.
  if (unheard && PeekNext(true) == Connector::Next::kGood) core_.Doubt(hold_, endpoint());
  if (!MayRetry(late ? again.on_timeout : again.on_reset, unheard)) {
    if (!FallBack()) Failed(failure);
    return;
  }
  state_ = State::kConnect;
  connector_.Continue(true);
}

// Soon: what was answered as it hung must not look as if it had not.
bool Exchange::Unheard() const {
  return endpoint().health->heard() < active_ + (core_.loop.Now() - active_) / 4;
}

Connector::Next Exchange::PeekNext(bool unheard) {
  const Duration waited = core_.loop.Now() - active_;
  return connector_.PeekWilling(unheard ? active_ + waited / 2 : MonotonicTime::min());
}

bool Exchange::MayRetry(bool allowed_by_policy, bool unheard) {
  const topology::RetryPolicy& again = retries();
  if (!allowed_by_policy || !idempotent_ || !replayable_ || retries_ >= again.attempts)
    return false;
  const Connector::Next next = PeekNext(unheard);
  if (next == Connector::Next::kNone) return false;
  const bool relieves = unheard && next == Connector::Next::kGood;
  if (!relieves && !core_.AllowRetry(again)) return false;
  ++retries_;
  return true;
}

// Another site is active now, and what is established at the old one is to be closed.
bool Exchange::MustLeave(SiteId site) const {
  return policy().on_down == topology::OnDown::kClose &&
         !hold_.table().Keeps(service_, site, is_read_);
}

void Exchange::HealthChanged() {
  for (Rival& rival : rivals_) {
    if (rival.active() && MustLeave(rival.attempt.choice.site)) rival.Drop();
  }
  if (state_ == State::kConnect) return connector_.HealthChanged();
  if (state_ != State::kSend || !MustLeave()) return;
  ResetBackend();
  if (!MayRetry(retries().on_reset)) {
    if (!FallBack()) Failed(Failure::kSiteChanged);
    return;
  }
  state_ = State::kConnect;
  connector_.Continue(true);
}

bool Exchange::IsAt(std::string_view service, std::string_view site) const {
  const bool at_backend =
      state_ == State::kSend || state_ == State::kRespond || state_ == State::kTunnel;
  return at_backend && policy().name == service && hold_.table().site(choice_.site).name == site;
}

void Exchange::Failed(Failure failure) {
  ClientStream& client = *client_;
  RouteCounters& none = hold_.route(service_, {});
  (StatusOf(failure) >= 500 ? none.requests_5xx : none.requests_4xx).Add();
  if (failure == Failure::kSessionRejected)
    none.pins[static_cast<size_t>(routing::Pin::kRejected)].Add();
  Refused(failure);
  Rest();
  client.OnFailed(failure);
}

}  // namespace meridian::proxy
