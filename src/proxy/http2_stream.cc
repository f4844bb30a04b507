// See http2_stream.h.
#include "proxy/http2_stream.h"

#include <meridian/base/text.h>

#include <charconv>

#include "proxy/grpc.h"
#include "proxy/http2_client.h"
#include "proxy/request.h"

namespace meridian::proxy {
namespace {

// A response's fields on their way into HPACK: views, in the worker's scratch list.
class FieldList {
 public:
  explicit FieldList(Core& core) : fields_(core.fields) { fields_.clear(); }
  void Add(std::string_view name, std::string_view value) { fields_.push_back({name, value}); }
  std::span<const codec::Field> span() const { return fields_; }

 private:
  std::vector<codec::Field>& fields_;
};

}  // namespace

void Http2ClientStream::Begin(Http2Client& client) {
  client_ = &client;
  body_bytes_ = 0;
  body_limit_ = UINT64_MAX;
  head_only_ = response_begun_ = whole_ = paused_ = grpc_ = false;
  opens_ = tunnel_ = client_ended_ = false;
  cut_at_ = {};
  early_ = std::string();
}

void Http2ClientStream::OnHead(const codec::Head& head, bool end) {
  head_only_ = head.method == "HEAD";
  grpc_ = head.method == "POST" && IsGrpc(head);
  const snapshot::Listener* listener = client_->listener();
  if (listener == nullptr) {
    client_->connection().Reset(*this, codec::Http2Code::kRefusedStream);
    return client_->Drain();
  }
  const config::Limits& limits = listener->config.limits;
  body_limit_ = limits.body_bytes.value_or(UINT64_MAX);
  client_->CountRequest(limits);
  auto started = StartRequest(client_->core(), {listener, client_->peer(), &client_->stream(),
                                                client_->tls(), &head, this, grpc_, true});
  if (!started) return Answer(started.error(), DetailOf(started.error()));
  exchange_ = std::move(*started);
  client_->ExchangeBegun();
  opens_ = head.upgrade;
  if (end || opens_) return exchange_->RequestEnd({});
  pace_.Begin(limits, client_->core().loop.Now());
  if (limits.body_timeout || limits.min_rate) client_->WatchPace();
}

void Http2ClientStream::OnRefused(const Error& error) {
  Refuse(FailureOfHead(error), error.context);
}

void Http2ClientStream::Go() {
  if (exchange_) exchange_->Go();
}

void Http2ClientStream::HealthChanged() {
  if (!exchange_) return;
  if (!exchange_->EndpointGone()) return exchange_->HealthChanged();
  if (cut_at_ != MonotonicTime{} && !exchange_->LeavesAtOnce()) return;
  const Duration delay = exchange_->LeavesAtOnce() ? Duration(0) : client_->core().CutDelay();
  if (delay == Duration(0)) return client_->GiveUp(*this);
  cut_at_ = client_->core().loop.Now() + delay;
  client_->WatchCuts(delay);
}

MonotonicTime Http2ClientStream::CheckCut(MonotonicTime now) {
  if (cut_at_ > now || cut_at_ == MonotonicTime{}) return cut_at_;
  cut_at_ = {};
  if (exchange_ && exchange_->EndpointGone()) client_->GiveUp(*this);
  return {};
}

void Http2ClientStream::OnBody(std::string_view bytes) {
  if (!exchange_) return client_->connection().Consumed(*this);
  if (opens_ && !tunnel_) {
    early_.append(bytes);
    return;
  }
  if (tunnel_) {
    exchange_->TunnelData(bytes);
    if (!paused_) client_->connection().Consumed(*this);
    return;
  }
  body_bytes_ += bytes.size();
  pace_.Add(bytes.size());
  if (body_bytes_ > body_limit_) return Refuse(Failure::kBodyTooLarge, {});
  exchange_->RequestBody(bytes);
  if (!paused_) client_->connection().Consumed(*this);
}

void Http2ClientStream::OnEnd(std::span<const codec::Field> trailers) {
  client_ended_ = true;
  if (!exchange_ || (opens_ && !tunnel_)) return;
  if (tunnel_) return exchange_->TunnelEnd();
  exchange_->RequestEnd(trailers);
}

void Http2ClientStream::OnDrained() {
  if (exchange_) exchange_->ClientDrained();
}

void Http2ClientStream::OnClosed(codec::Http2Code) {
  if (Rest()) client_->Count(Failure::kClientGone);
  client_->Release(*this);
}

bool Http2ClientStream::Rest() {
  if (!exchange_) return false;
  exchange_->Rest();
  client_->core().KeepExchange(std::move(exchange_));
  client_->ExchangeEnded();
  return true;
}

void Http2ClientStream::SendInterim(const codec::Head& head) {
  FieldList fields(client_->core());
  ForEachInterimField(
      head, [&](std::string_view name, std::string_view value) { fields.Add(name, value); });
  client_->connection().Respond(*this, head.status, fields.span(), false);
  client_->Touch();
}

void Http2ClientStream::BeginResponse(const codec::Head& head, const ResponseEdit& edit) {
  const bool has_length =
      head.framing == codec::Framing::kNone || head.framing == codec::Framing::kLength;
  if (edit.drains_since > client_->began()) client_->Drain();
  ResponseEdit whole = edit;
  whole.keep_length = has_length && head.status != 204;
  FieldList fields(client_->core());
  ForEachResponseField(
      head, whole, [&](std::string_view name, std::string_view value) { fields.Add(name, value); });
  response_begun_ = true;
  whole_ = has_length && head.content_length == 0;
  client_->connection().Respond(*this, head.status, fields.span(), whole_);
  client_->Touch();
}

void Http2ClientStream::SendBody(std::span<const std::string_view> pieces, bool end,
                                 std::span<const codec::Field> trailers) {
  if (whole_) return;
  for (const codec::Field& field : trailers)
    client_->connection().AddTrailer(*this, field.name, field.value);
  client_->connection().SendBody(*this, pieces, end);
  client_->Touch();
}

void Http2ClientStream::StartTunnel(const codec::Head& head, std::string_view rest) {
  FieldList fields(client_->core());
  ForEachInterimField(head, [&](std::string_view name, std::string_view value) {
    if (!EqualIgnoringCase(name, "sec-websocket-accept")) fields.Add(name, value);
  });
  response_begun_ = tunnel_ = true;
  const uint16_t status = head.status == 101 ? 200 : head.status;
  client_->connection().Respond(*this, status, fields.span(), false);
  SendTunnel(rest);
  if (!early_.empty()) exchange_->TunnelData(early_);
  early_ = std::string();
  if (!paused_) client_->connection().Consumed(*this);
  if (client_ended_) exchange_->TunnelEnd();
}

void Http2ClientStream::SendTunnel(std::string_view bytes) {
  client_->connection().SendBody(*this, std::span(&bytes, 1), false);
  client_->Touch();
}

void Http2ClientStream::EndTunnel() {
  client_->connection().SendBody(*this, {}, true);
  client_->Touch();
}

bool Http2ClientStream::CheckPace(MonotonicTime now) {
  if (!exchange_ || opens_ || client_ended_) return false;
  const Failure failure = pace_.Check(now);
  if (failure != Failure::kCount) Refuse(failure, {});
  return failure == Failure::kCount;
}

void Http2ClientStream::PauseRequest() {
  paused_ = true;
  pace_.Pause(client_->core().loop.Now());
}

void Http2ClientStream::ResumeRequest() {
  if (!std::exchange(paused_, false)) return;
  pace_.Resume(client_->core().loop.Now());
  client_->connection().Consumed(*this);
  client_->Touch();
}

void Http2ClientStream::OnResponseDone(Duration idle) {
  client_->core().KeepExchange(std::move(exchange_));
  client_->SetIdle(idle);
  client_->ExchangeEnded();
  if (!tunnel_ || client_ended_) return;
  client_->connection().Reset(*this, codec::Http2Code::kNoError);  // nobody is there to take more
  client_->Touch();
}

void Http2ClientStream::OnFailed(Failure failure) {
  client_->core().KeepExchange(std::move(exchange_));
  client_->ExchangeEnded();
  Answer(failure, {});
}

void Http2ClientStream::OnBroken(Failure failure) {
  client_->core().KeepExchange(std::move(exchange_));
  client_->ExchangeEnded();
  client_->Count(failure);
  client_->connection().Reset(*this, codec::Http2Code::kInternalError);
  client_->Touch();
}

// Of a request that cannot be understood or taken, or not to its end.
void Http2ClientStream::Refuse(Failure failure, std::string_view detail) {
  if (exchange_) {
    exchange_->Refused(failure);
  } else if (!response_begun_) {
    LogRefusal(client_->core(),
               {client_->listener(), client_->peer(), &client_->stream(), client_->tls(), nullptr,
                this, grpc_, true},
               failure, detail);
  }
  Rest();
  client_->connection().Consumed(*this);
  if (!response_begun_) return Answer(failure, detail);
  client_->Count(failure);
  client_->connection().Reset(*this, codec::Http2Code::kCancel);
  client_->Touch();
}

void Http2ClientStream::Answer(Failure failure, std::string_view detail) {
  client_->Count(failure);
  response_begun_ = true;
  std::string& body = client_->core().scratch;
  body.clear();
  AppendErrorBody(failure, detail, body);
  if (grpc_) return AnswerCall(failure, std::string_view(body).substr(0, body.size() - 1));
  char length[20];
  const char* end = std::to_chars(length, length + sizeof(length), body.size()).ptr;
  const int status = StatusOf(failure);
  FieldList fields(client_->core());
  fields.Add("content-type", "text/plain");
  fields.Add("content-length", {length, static_cast<size_t>(end - length)});
  fields.Add("meridian-reason", Name(failure));
  if (AsksToRetry(failure)) fields.Add("retry-after", "1");
  client_->connection().Respond(*this, static_cast<uint16_t>(status), fields.span(), head_only_);
  const std::string_view piece = body;
  if (!head_only_) client_->connection().SendBody(*this, std::span(&piece, 1), true);
  client_->Touch();
}

// As a server that has nothing but a status to say: trailers alone, under 200.
void Http2ClientStream::AnswerCall(Failure failure, std::string_view sentence) {
  std::string message;
  AppendGrpcMessage(sentence, message);
  FieldList fields(client_->core());
  fields.Add("content-type", "application/grpc");
  fields.Add("grpc-status", GrpcStatusOf(failure));
  fields.Add("grpc-message", message);
  fields.Add("meridian-reason", Name(failure));
  client_->connection().Respond(*this, 200, fields.span(), true);
  client_->Touch();
}

}  // namespace meridian::proxy
