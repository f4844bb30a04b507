// An exchange whose backend speaks HTTP/2: its request is one call of a connection that others use
// too. What both versions have in common is in exchange.cc and exchange_response.cc.
#include <meridian/base/text.h>

#include "proxy/exchange.h"

namespace meridian::proxy {

void Exchange::OnHttp2Backend(Http2Backend& backend, const routing::Choice& choice, Use use,
                              bool reused) {
  BeginAttempt(choice, std::move(use), reused);
  const bool websocket = upgrade_ && !connects();
  if (websocket &&
      (!backend.takes_tunnels() || !EqualIgnoringCase(FieldOf(request_, "Upgrade"), "websocket")))
    return Failed(Failure::kUnsupported);
  core_.scratch.clear();
  AppendAttempt(hold_.table().site(choice.site).name, routing::Name(choice.reason), choice.epoch,
                core_.scratch);
  const bool secure = hold_.backend_tls(service_) != nullptr;
  ReadHttp2Fields({request_, core_.scratch, secure, te_trailers_, websocket}, core_.fields);
  const bool whole = request_complete_ && body_.empty() && trailers_.empty() && !upgrade_;
  call_ = backend.Begin(*this, core_.fields, whole);
  if (call_ == nullptr) return OnCallLost(true);
  if (!body_.empty()) {
    const std::string_view body = body_;
    call_->SendBody(std::span(&body, 1), false);
  }
  if (request_complete_ && !whole && !upgrade_) EndCall();
  if (body_.size() > kReplayBytes) {
    replayable_ = false;
    body_ = std::string();
  }
  ArmForRequest();
  if (call_->pending_bytes() <= kReplayBytes) client_->ResumeRequest();
}

void Exchange::KeepTrailers(std::span<const codec::Field> trailers) {
  for (const codec::Field& field : trailers) {
    trailers_.append(field.name).push_back('\0');
    trailers_.append(field.value).push_back('\0');
  }
}

void Exchange::EndCall() {
  std::string_view rest = trailers_;
  const auto next = [&rest] {
    const std::string_view text = rest.substr(0, rest.find('\0'));
    rest.remove_prefix(text.size() + 1);
    return text;
  };
  while (!rest.empty()) {
    const std::string_view name = next();
    call_->AddTrailer(name, next());
  }
  call_->SendBody({}, true);
}

void Exchange::OnCallHead(const codec::Head& head, bool end) {
  active_ = core_.loop.Now();
  heard_ = true;
  if (head.status < 200) return static_cast<void>(PassInterim(head));
  if (upgrade_ && head.status < 300) {
    connects() ? StartTunnel(head, {}) : StartCallTunnel(head);
    if (end && state_ == State::kTunnel) TunnelBackendEnded();
    return;
  }
  if (!HandleHead(head)) return;
  client_->SendBody({}, end, {});
  if (end) return Complete(false);
  core_.loop.Arm(timer_, timeouts().idle);
}

// The window opens again for what the client took.
void Exchange::OnCallBody(std::string_view bytes) {
  active_ = core_.loop.Now();
  CountOut(bytes.size());
  if (state_ == State::kTunnel) {
    client_->SendTunnel(bytes);
  } else {
    client_->SendBody(std::span(&bytes, 1), false, {});
    core_.loop.Arm(timer_, timeouts().idle);
  }
  if (client_->pending_bytes() == 0) call_->Consumed();
}

void Exchange::OnCallEnd(std::span<const codec::Field> trailers) {
  if (state_ == State::kTunnel) return TunnelBackendEnded();
  client_->SendBody({}, true, trailers);
  Complete(false);
}

void Exchange::OnCallRefused() {
  call_ = nullptr;
  if (state_ == State::kRespond || state_ == State::kTunnel)
    return Broken(Failure::kBackendMalformed);
  AttemptFailed(Failure::kBackendMalformed, health::Outcome::kReset);
}

// What the backend has not begun may be sent again, whatever the method (RFC 9113 section 8.7); the
// endpoint is not to blame.
void Exchange::OnCallLost(bool untouched) {
  call_ = nullptr;
  if (state_ == State::kTunnel && tunnel_backend_ended_) return Complete(false);
  if (state_ == State::kRespond || state_ == State::kTunnel) return Broken(Failure::kBackendReset);
  if (!untouched || !replayable_ || std::exchange(stale_tried_, true))
    return AttemptFailed(Failure::kBackendReset, health::Outcome::kReset);
  DropBackend();
  connector_.Again(choice_);
  state_ = State::kConnect;
  connector_.Continue(true);
}

}  // namespace meridian::proxy
