// What the client and the backend say to each other once a protocol has been changed (over HTTP/1
// after a 101, over HTTP/2 by extended CONNECT, RFC 8441, which only WebSockets use) or a CONNECT
// been granted. A client of either version may have a backend of either.
#include <meridian/tls/websocket.h>

#include "proxy/exchange.h"

namespace meridian::proxy {

void Exchange::StartTunnel(const codec::Head& head, std::string_view rest) {
  if (!upgrade_ || !request_complete_ || connects() != (head.status != 101))
    return AttemptFailed(Failure::kBackendMalformed, health::Outcome::kReset);
  core_.Report(hold_, endpoint(), health::Outcome::kSuccess);
  use_.endpoint()->SetHeard(core_.loop.Now());
  state_ = State::kTunnel;
  (head.status == 101 ? counters_->requests_1xx : counters_->requests_2xx).Add();
  record_.outcome.status = head.status;
  record_.outcome.first_byte = core_.loop.Now() - connector_.started();
  CountOut(rest.size());
  core_.loop.Arm(timer_, timeouts().idle);
  client_->StartTunnel(head, rest);
}

// A server's 2xx to an extended CONNECT, told as the 101 that a client of HTTP/1.1 waits for.
void Exchange::StartCallTunnel(const codec::Head& head) {
  const std::string accept = tls::WebSocketAccept(FieldOf(request_, "Sec-WebSocket-Key"));
  codec::Head& told = core_.head;
  told = codec::Head();
  told.status = 101;
  told.reason = "Switching Protocols";
  for (const codec::Field& field : head) {
    if (told.field_count + 2 < codec::kMaxFields && field.name != "sec-websocket-accept")
      told.fields[told.field_count++] = field;
  }
  told.fields[told.field_count++] = {"Upgrade", "websocket", codec::FieldId::kUpgrade, true};
  told.fields[told.field_count++] = {"Sec-WebSocket-Accept", accept, codec::FieldId::kOther, false};
  StartTunnel(told, {});
}

void Exchange::TunnelData(std::string_view bytes) {
  active_ = core_.loop.Now();
  received_bytes_ += bytes.size();
  call_ != nullptr ? call_->SendBody(std::span(&bytes, 1), false) : backend_->Write(bytes);
  if (unsent_bytes() > (call_ != nullptr ? kReplayBytes : 0)) client_->PauseRequest();
}

// Over HTTP/2 it is complete when the stream is closed: what was said last may still wait for room.
void Exchange::TunnelEnd() {
  tunnel_client_ended_ = true;
  if (call_ != nullptr) return call_->SendBody({}, true);
  backend_->FinishWriting();
  if (tunnel_backend_ended_) Complete(false);
}

void Exchange::TunnelBackendEnded() {
  tunnel_backend_ended_ = true;
  client_->EndTunnel();
  if (tunnel_client_ended_ && call_ == nullptr) Complete(false);
}

bool Exchange::EndpointGone() const {
  if ((state_ == State::kRespond || state_ == State::kTunnel) && MustLeave()) return true;
  if (state_ != State::kTunnel || policy().on_down != topology::OnDown::kClose) return false;
  const health::Facts facts = use_.endpoint()->facts();
  return facts.probe == health::Probe::kDown || facts.intent == health::Intent::kOut;
}

}  // namespace meridian::proxy
