// A route's own answer, given as if a backend had: a redirect or a fixed response, framed by the
// client's side like any other.
#include "proxy/exchange.h"

namespace meridian::proxy {
namespace {

constexpr Duration kIdle = std::chrono::seconds(60);  // of the client's connection afterwards
constexpr Duration kBodyWait = std::chrono::seconds(10);
constexpr uint64_t kBodyBytes = 64 * 1024;

void AddField(std::string_view name, std::string_view value, codec::FieldId id, codec::Head& head) {
  head.fields[head.field_count++] = {name, value, id, false};
}

}  // namespace

// What of the request the answer needs; its head is gone when it is given.
void Exchange::PrepareAnswer(const codec::Head& head) {
  const std::string_view host = head.authority.empty() ? head.host : head.authority;
  request_.append(head.method);
  expects_continue_ = head.expect_continue;
  if (route_->answer()->is_redirect()) route_->answer()->AppendLocation(host, head.path, response_);
}

// The body is of no use, but read if it is short: an answer before its end costs the client its
// connection. One that asks whether to send it at all is told at once.
void Exchange::GoAnswer() {
  if (request_complete_ || expects_continue_) return Answer();
  state_ = State::kAnswer;
  core_.loop.Arm(timer_, kBodyWait);
}

void Exchange::DropBody() {
  if (state_ == State::kAnswer && received_bytes_ > kBodyBytes) core_.loop.Arm(timer_, Duration(0));
}

void Exchange::Answer() {
  const snapshot::OwnAnswer& answer = *route_->answer();
  codec::Head& head = core_.head;
  head = codec::Head();
  head.status = answer.status();
  head.reason = answer.reason();
  if (answer.is_redirect()) AddField("Location", response_, codec::FieldId::kOther, head);
  const bool has_body = answer.has_body() && !answer.body().empty() && method() != "HEAD";
  if (!answer.content_type().empty() && !answer.body().empty()) {
    AddField("Content-Type", answer.content_type(), codec::FieldId::kOther, head);
  }
  if (answer.has_body()) {
    AddField("Content-Length", answer.content_length(), codec::FieldId::kContentLength, head);
  }
  head.framing = has_body ? codec::Framing::kLength : codec::Framing::kNone;
  head.content_length = has_body ? answer.body().size() : 0;
  ResponseEdit edit;
  edit.reason = answer.is_redirect() ? "redirect" : "fixed";
  if (!route_->response_edits().empty()) edit.headers = &route_->response_edits();
  ClientStream& client = *client_;
  client.BeginResponse(head, edit);
  const std::string_view body = answer.body();
  client.SendBody(std::span(&body, has_body ? 1 : 0), true, {});
  record_.outcome.status = answer.status();
  record_.outcome.bytes_out = has_body ? body.size() : 0;
  record_.outcome.first_byte = core_.loop.Now() - record_.begun();
  record_.outcome.complete = true;
  Rest();
  client.OnResponseDone(kIdle);
}

}  // namespace meridian::proxy
