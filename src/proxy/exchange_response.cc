// The response's half of an exchange: its head rewritten, its body passed on piece by piece, its
// end.
#include <algorithm>

#include "proxy/exchange.h"
#include "proxy/retry_after.h"

namespace meridian::proxy {
namespace {
constexpr uint8_t kMaxInterims = 32;  // responses before the final one

// A server may ask to be left alone for a day; what it takes again shows sooner.
constexpr Duration kLongestBusy = std::chrono::seconds(60);

}  // namespace

void Exchange::OnRead(std::string_view bytes) {
  active_ = core_.loop.Now();
  heard_ = true;
  if (state_ == State::kTunnel) {
    CountOut(bytes.size());
    client_->SendTunnel(bytes);
    if (client_->pending_bytes() > 0) backend_->StopReading();
    return;
  }
  if (state_ == State::kSend && !ReadHead(bytes)) return;
  ForwardBody(bytes);
}

// Parses what may be the head; takes its bytes off `bytes`. True: the head has been dealt with, the
// body follows.
bool Exchange::ReadHead(std::string_view& bytes) {
  std::string kept;
  if (!response_.empty()) {
    response_.append(bytes);
    kept.swap(response_);
    bytes = kept;
  }
  for (;;) {
    codec::Head& head = core_.head;
    const auto parsed = parser_.ParseHead(bytes, head);
    if (!parsed) {
      AttemptFailed(Failure::kBackendMalformed, health::Outcome::kReset);
      return false;
    }
    if (parsed->progress == codec::Progress::kNeedMore) {
      response_.assign(bytes);
      return false;
    }
    bytes.remove_prefix(parsed->consumed);
    if (head.status == 101 || (connects() && head.status >= 200 && head.status < 300)) {
      StartTunnel(head, bytes);
      return false;
    }
    if (head.status >= 200) {
      if (!HandleHead(head)) return false;
      if (kept.empty()) return true;
      ForwardBody(bytes);  // `bytes` points into `kept`, which ends with this call
      return false;
    }
    if (!PassInterim(head)) return false;
    static_cast<void>(parser_.ParseBody({}));
    parser_.ExpectResponseTo(method());
    if (bytes.empty()) return false;
  }
}

// A backend that sends them without end would fill what the client does not read.
bool Exchange::PassInterim(const codec::Head& head) {
  if (interims_ == kMaxInterims) {
    AttemptFailed(Failure::kBackendMalformed, health::Outcome::kReset);
    return false;
  }
  ++interims_;
  client_->SendInterim(head);
  return true;
}

// A final response's head: retried elsewhere, or begun towards the client.
bool Exchange::HandleHead(const codec::Head& head) {
  const bool gateway = head.status == 502 || head.status == 503 || head.status == 504;
  core_.Report(hold_, endpoint(),
               gateway ? health::Outcome::kGatewayStatus : health::Outcome::kSuccess);
  if (head.status == 503 || head.status == 429) HeedRetryAfter(head);
  use_.endpoint()->SetHeard(core_.loop.Now());
  if (retries().hedge_p99 && request_complete_)
    use_.endpoint()->response_time().Observe(core_.loop.Now() + timeouts().response -
                                             response_due_);
  if (RetryStatus(head.status)) return false;
  const Duration took = core_.loop.Now() - connector_.started();
  counters_->response_time.Observe(took.count());
  record_.outcome.first_byte = took;
  StartResponse(head);
  return true;
}

// Further attempts, of any request, pass the endpoint over for so long (RFC 9110 section 10.2.3).
void Exchange::HeedRetryAfter(const codec::Head& head) {
  const codec::Field* field = head.Find("retry-after");
  if (field == nullptr) return;
  const auto wait = ParseRetryAfter(field->value, core_.loop.WallNow());
  if (wait) use_.endpoint()->SetBusy(core_.loop.Now() + std::min(*wait, kLongestBusy));
}

bool Exchange::RetryStatus(uint16_t status) {
  const auto& named = retries().on_status;
  if (std::find(named.begin(), named.end(), status) == named.end()) return false;
  if (!MayRetry(true)) return FallBack();
  DropBackend();
  state_ = State::kConnect;
  connector_.Continue(true);
  return true;
}

void Exchange::StartResponse(const codec::Head& head) {
  state_ = State::kRespond;
  DropRivals(true);
  if (hedge_) counters_->hedges_won.Add();
  backend_keeps_ = head.keep_alive && head.framing != codec::Framing::kUntilClose;
  ResponseEdit edit;
  edit.site = hold_.table().site(choice_.site).name;
  edit.reason = routing::Name(choice_.reason);
  if (!route_->response_edits().empty()) edit.headers = &route_->response_edits();
  if (!via_.empty()) {
    own_via_.clear();
    AppendVia(http2_, head.minor, via_, own_via_);
    edit.via = own_via_;
  }
  const health::EndpointHealth& endpoint = *use_.endpoint();
  if (endpoint.state() == health::State::kDraining) edit.drains_since = endpoint.since();
  connector_.walk().Settle(choice_);
  if (connector_.walk().wants_cookie()) {
    char value[routing::kCookieBytes];
    const size_t bytes =
        routing::MakeCookie(hold_.table(), service_, choice_.endpoint, core_.loop.WallNow(), value);
    cookie_.clear();
    cookie_.append(policy().session.name).append("=").append(value, bytes);
    cookie_.append("; Path=/; HttpOnly; SameSite=Lax");
    if (secure_) cookie_.append("; Secure");
    edit.set_cookie = cookie_;
  }
  static constexpr std::array<Counter RouteCounters::*, 6> kClasses{
      &RouteCounters::requests_5xx, &RouteCounters::requests_1xx, &RouteCounters::requests_2xx,
      &RouteCounters::requests_3xx, &RouteCounters::requests_4xx, &RouteCounters::requests_5xx};
  (counters_->*kClasses[std::min(head.status / 100, 5)]).Add();
  record_.outcome.status = head.status;
  client_->BeginResponse(head, edit);
}

// One write for what one read brought, with the response's head before it if that has just begun.
void Exchange::ForwardBody(std::string_view bytes) {
  bool done = false, malformed = false;
  do {
    std::array<std::string_view, ClientStream::kBodyPieces> pieces;
    size_t count = 0, total = 0;
    while (!done && count < pieces.size()) {
      const auto piece = parser_.ParseBody(bytes);
      malformed = !piece;
      if (malformed) break;
      bytes.remove_prefix(piece->consumed);
      if (!piece->data.empty()) pieces[count++] = piece->data;
      total += piece->data.size();
      done = piece->done;
      if (bytes.empty()) break;
    }
    CountOut(total);
    const auto trailers = done ? parser_.ReadTrailers(core_.head) : std::span<const codec::Field>();
    client_->SendBody(std::span(pieces.data(), count), done, trailers);
  } while (!done && !malformed && !bytes.empty());

  if (malformed) return Broken(Failure::kBackendMalformed);
  if (done) return Complete(backend_keeps_ && bytes.empty());
  if (client_->pending_bytes() > 0) backend_->StopReading();
  core_.loop.Arm(timer_, timeouts().idle);
}

void Exchange::ClientDrained() {
  active_ = core_.loop.Now();
  if (backend_) backend_->StartReading();
  if (call_ != nullptr) call_->Consumed();
}

void Exchange::OnEnd() {
  switch (state_) {
    case State::kSend:
      return AttemptFailed(Failure::kBackendReset, health::Outcome::kReset);
    case State::kRespond:
      if (!parser_.FinishAtEnd()) return Broken(Failure::kBackendReset);
      client_->SendBody({}, true, {});
      return Complete(false);
    case State::kTunnel:
      return TunnelBackendEnded();
    default:
      return;
  }
}

void Exchange::OnError(const Error&) {
  if (state_ == State::kSend) return AttemptFailed(Failure::kBackendReset, health::Outcome::kReset);
  Broken(Failure::kBackendReset);
}

void Exchange::Complete(bool reusable) {
  ClientStream& client = *client_;
  const topology::Service& service = policy();
  const Duration idle = timeouts().idle;
  record_.outcome.complete = true;
  if (reusable && request_complete_ && !core_.draining && use_.endpoint()->takes_pinned()) {
    core_.pool.Keep(*use_.endpoint(), {std::move(backend_), hold_.backend_tls(service_).get(),
                                       service.backend.max_idle, idle});
  }
  Rest();
  client.OnResponseDone(idle);
}

// The response is cut short after its head has gone.
void Exchange::Broken(Failure failure) {
  ClientStream& client = *client_;
  if (!heard_ || failure != Failure::kIdleTimeout)
    core_.Report(hold_, endpoint(), health::Outcome::kReset);
  Refused(failure);
  Rest();
  client.OnBroken(failure);
}

}  // namespace meridian::proxy
