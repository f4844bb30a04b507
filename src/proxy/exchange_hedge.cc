// Hedging: further copies of a request whose server takes too long, and what becomes of the others
// when one is heard of.
#include <algorithm>

#include "proxy/exchange.h"

namespace meridian::proxy {
namespace {

// Below, a further copy would cost more than it saves.
constexpr Duration kHedgeLeast = std::chrono::milliseconds(10);

}  // namespace

// max(): never. Only what may be sent twice is, and whose body is there to be sent again.
Duration Exchange::HedgeAfter() const {
  const topology::RetryPolicy& policy = retries();
  if (!idempotent_ || !replayable_ || upgrade_) return Duration::max();
  if (policy.hedge_after) return *policy.hedge_after;
  const Duration p99 = policy.hedge_p99 ? use_.endpoint()->response_time().p99() : Duration(0);
  return p99 == Duration(0) ? Duration::max() : std::max(p99, kHedgeLeast);
}

// False: it waits on. If nobody has heard of the endpoint since this was sent, it is not slow for
// this request alone: in doubt for everyone, unless there is no other.
bool Exchange::Hedge() {
  hedge_at_ = MonotonicTime::max();
  const auto free = std::find_if(rivals_.begin(), rivals_.end(),
                                 [](const Rival& rival) { return !rival.active(); });
  if (heard_ || free == rivals_.end()) return false;
  const bool unheard = Unheard();
  if (!MayRetry(true, unheard)) return false;
  if (unheard) core_.Doubt(hold_, endpoint());
  counters_->hedges.Add();
  free->Hold(TakeAttempt());
  hedging_ = true;
  state_ = State::kConnect;
  connector_.Continue(true);
  return true;
}

Exchange::Attempt Exchange::TakeAttempt() {
  timer_.Disarm();
  return {std::move(backend_), std::exchange(call_, nullptr), std::move(use_), choice_,
          response_due_,       record_.outcome.connect,       reused_,         hedge_};
}

// Precondition: the exchange has no attempt of its own, or it was taken.
void Exchange::Promote(Rival& rival) {
  connector_.Cancel();
  Attempt attempt = std::move(rival.attempt);
  rival.attempt = {};
  backend_ = std::move(attempt.stream);
  call_ = attempt.call;
  use_ = std::move(attempt.use);
  choice_ = attempt.choice;
  reused_ = attempt.reused;
  hedge_ = attempt.hedge;
  response_due_ = attempt.due;
  record_.outcome.connect = attempt.connect;
  check_at_ = hedge_at_ = MonotonicTime::max();
  heard_ = hedging_ = false;
  interims_ = 0;
  state_ = State::kSend;
  MoveCounters();
  if (call_ != nullptr) {
    call_->SetOwner(*this);
  } else {
    parser_ = codec::Http1Parser(codec::Http1Parser::Kind::kResponse, kResponseLimits);
    parser_.ExpectResponseTo(method());
    response_.clear();
    backend_->SetHandler(this);
  }
  ArmWait();
}

bool Exchange::RivalHeard(Rival& rival) {
  if (state_ == State::kSend && heard_) {  // another answers already
    rival.Drop();
    return false;
  }
  const bool sent = state_ == State::kSend;
  Attempt own = sent ? TakeAttempt() : Attempt();
  Promote(rival);
  if (sent) rival.Hold(std::move(own));
  return true;
}

// A pooled connection that the backend closed meanwhile says nothing about the backend.
void Exchange::RivalFailed(Rival& rival) {
  if (!rival.attempt.reused) {
    core_.Report(hold_, hold_.table().endpoint(rival.attempt.choice.endpoint),
                 health::Outcome::kReset);
  }
  rival.Drop();
}

bool Exchange::FallBack() {
  const auto rival =
      std::find_if(rivals_.begin(), rivals_.end(), [](const Rival& r) { return r.active(); });
  if (rival == rivals_.end()) return false;
  DropBackend();
  Promote(*rival);
  return true;
}

// `beaten`: by a response. Then it is known that theirs would have taken longer than until now.
void Exchange::DropRivals(bool beaten) {
  for (Rival& rival : rivals_) {
    if (!rival.active()) continue;
    if (beaten && retries().hedge_p99) {
      const Duration silent = core_.loop.Now() + timeouts().response - rival.attempt.due;
      rival.attempt.use.endpoint()->response_time().Observe(silent);
    }
    rival.Drop();
  }
}

void Exchange::Rival::Hold(Attempt taken) {
  attempt = std::move(taken);
  if (attempt.stream) attempt.stream->SetHandler(this);
  if (attempt.call != nullptr) attempt.call->SetOwner(*this);
}

void Exchange::Rival::Drop() {
  if (attempt.stream) attempt.stream->Reset();
  if (attempt.call != nullptr) std::exchange(attempt.call, nullptr)->Leave();
  attempt = {};
}

void Exchange::Rival::OnRead(std::string_view bytes) {
  if (exchange->RivalHeard(*this)) exchange->OnRead(bytes);
}

void Exchange::Rival::OnCallHead(const codec::Head& head, bool end) {
  if (exchange->RivalHeard(*this)) exchange->OnCallHead(head, end);
}

void Exchange::Rival::OnCallRefused() {
  attempt.call = nullptr;
  exchange->RivalFailed(*this);
}

void Exchange::Rival::OnCallLost(bool) {
  attempt.call = nullptr;
  exchange->RivalFailed(*this);
}

}  // namespace meridian::proxy
