// See request.h.
#include "proxy/request.h"

#include <algorithm>

#include "proxy/client_address.h"
#include "proxy/client_limits.h"
#include "proxy/grpc.h"
#include "proxy/mirror.h"
#include "proxy/route_choice.h"
#include "proxy/session_key.h"

namespace meridian::proxy {
namespace {

// A request's fields as rules see them.
class HeadFields final : public routing::HeaderSource {
 public:
  explicit HeadFields(const codec::Head& head) : head_(head) {}
  std::string_view Header(std::string_view name) const override {
    const codec::Field* field = head_.Find(name);
    return field == nullptr ? std::string_view() : field->value;
  }

 private:
  const codec::Head& head_;
};

// Counts an answer that the route gives itself.
void CountAnswer(const Core& core, const snapshot::Listener& listener, uint16_t status) {
  const auto id = static_cast<size_t>(&listener - core.current.snapshot().listeners.data());
  core.current.counters().listeners[id]->answers[status / 100 - 1].Add();
}

// What the route changes of the request. Uses core.target, and core.scratch in passing.
RequestEdit EditOf(Core& core, const snapshot::Route& route, const codec::Head& head) {
  RequestEdit edit;
  edit.host = route.host();
  if (!route.request_edits().empty()) edit.headers = &route.request_edits();
  if (route.rewrites_path()) {
    core.target.clear();
    route.AppendTarget(head.path, core.scratch, core.target);
    edit.target = core.target;
  }
  return edit;
}

// Which service the request is for, and all that its decision goes by. The key may be in
// core.scratch.
void AimAt(Core& core, const snapshot::RouteTarget& target, ExchangeInput& begin) {
  const codec::Head& head = *begin.head;
  begin.target = &target;
  begin.query.service = target.service;
  begin.query.session_key =
      SessionKey(core.current.table().service(begin.query.service).session, head, core.scratch);
  begin.query.is_read = head.method == "GET" || head.method == "HEAD";
}

void Aim(Core& core, const net::IpAddress& client, ExchangeInput& begin) {
  begin.query.client = client;
  begin.query.wall = core.loop.WallNow();
  begin.query.now = core.loop.Now();
  begin.query.draw = core.random.Next();
  AimAt(core,
        ChooseTarget(*begin.route, {&core.current.table(), begin.head, client, begin.query.wall,
                                    begin.query.draw, &core.scratch}),
        begin);
}

// A copy for the route's mirror, if this request is one of its share; `begin` was prepared. A
// tunnel cannot be copied.
void Copy(Core& core, Exchange& exchange, ExchangeInput& begin) {
  const snapshot::RouteTarget* target = begin.route->MirrorOf(begin.query.draw);
  if (target == nullptr || begin.head->upgrade) return;
  Mirror* mirror = core.TakeMirror();
  if (mirror == nullptr) {
    const auto dropped = static_cast<size_t>(MirrorFate::kDropped);
    return begin.hold.route(target->service, {}).mirrors[dropped].Add();
  }
  AimAt(core, *target, begin);
  begin.access = nullptr;
  begin.query.draw = core.random.Next();
  mirror->Prepare(exchange, begin);
  exchange.GoWith(*mirror);
}

}  // namespace

codec::HttpLimits HeadLimits(const snapshot::Listener& listener) {
  codec::HttpLimits limits;
  limits.head_bytes =
      static_cast<uint32_t>(std::min<uint64_t>(listener.config.limits.header_bytes, UINT32_MAX));
  limits.fields = std::min(listener.config.limits.headers, codec::kMaxFields);
  return limits;
}

Failure FailureOfHead(const Error& error) {
  switch (error.code) {
    case ErrorCode::kTooLarge:
      return error.context == std::string_view("too-many-fields") ? Failure::kTooManyHeaders
                                                                  : Failure::kHeaderTooLarge;
    case ErrorCode::kUnsupported:
      return Failure::kUnsupported;
    default:
      return Failure::kBadRequest;
  }
}

namespace {

// Who the client is, and whether a proxy that is trusted says so.
struct Source {
  net::IpAddress client;
  bool trusted = false;
};

Source SourceOf(const RequestInput& input) {
  const std::vector<net::Prefix>& proxies = input.listener->config.trusted_proxies;
  const bool trusted = !proxies.empty() && Trusted(input.peer, proxies);
  const bool says = trusted && input.head != nullptr;
  return {says ? ClientOf(*input.head, input.peer, proxies) : input.peer, trusted};
}

tl::expected<std::unique_ptr<Exchange>, Failure> Admit(Core& core, const RequestInput& input) {
  const config::Listener& config = input.listener->config;
  const codec::Head& head = *input.head;
  const auto [client, trusted] = SourceOf(input);
  if (!input.listener->access.Admits(client)) return tl::unexpected(Failure::kDenied);
  if (!WithinRate(core, config, client, head)) return tl::unexpected(Failure::kRateLimited);
  if (head.framing == codec::Framing::kLength &&
      head.content_length > config.limits.body_bytes.value_or(UINT64_MAX))
    return tl::unexpected(Failure::kBodyTooLarge);
  const snapshot::Route* route = input.listener->routes->Match(head, core.scratch);
  if (route == nullptr)
    return tl::unexpected(head.method == "CONNECT" ? Failure::kUnsupported : Failure::kNoRoute);
  const snapshot::OwnAnswer* answer = route->answer();
  if (answer != nullptr && answer->needs_host() && head.host.empty())
    return tl::unexpected(Failure::kBadRequest);

  const HeadFields fields(head);
  std::string local;
  if (head.authority.empty()) local = input.stream->local().ToString();
  ExchangeInput begin;
  begin.client = input.client;
  begin.hold = core.current;
  begin.route = route;
  begin.head = &head;
  if (input.grpc) begin.deadline = GrpcTimeout(head);
  begin.query.headers = &fields;
  const std::string_view subject = input.tls != nullptr ? input.tls->peer_subject() : "";
  begin.forwarding = {
      input.peer, trusted,    local, input.tls != nullptr, subject, {}, EditOf(core, *route, head),
      config.via, input.http2};
  begin.forwarding.correlation = {{core.random.Next(), core.random.Next()}, core.random.Next()};
  AccessOrigin origin{input.listener, client, input.tls, input.http2, input.grpc, {}};
  if (core.access.on()) {
    core.request_id.clear();
    AppendRequestId(head, trusted, begin.forwarding.correlation, core.request_id);
    origin.request_id = core.request_id;
    begin.access = &origin;
  }
  if (answer != nullptr) {
    CountAnswer(core, *input.listener, answer->status());
  } else {
    Aim(core, client, begin);
  }
  auto exchange = core.TakeExchange();
  exchange->Prepare(begin);
  if (answer == nullptr) Copy(core, *exchange, begin);
  return exchange;
}

}  // namespace

tl::expected<std::unique_ptr<Exchange>, Failure> StartRequest(Core& core,
                                                              const RequestInput& input) {
  auto started = Admit(core, input);
  if (!started) LogRefusal(core, input, started.error(), DetailOf(started.error()));
  return started;
}

std::string_view DetailOf(Failure failure) {
  return failure == Failure::kUnsupported ? "connect" : "";
}

void LogRefusal(Core& core, const RequestInput& input, Failure failure, std::string_view detail) {
  if (!core.access.on() || input.listener == nullptr) return;
  static const codec::Head kNone;
  const codec::Head& head = input.head != nullptr ? *input.head : kNone;
  AccessRecord record;
  record.Begin({input.listener, SourceOf(input).client, input.tls, input.http2, input.grpc, {}},
               head, core.loop.Now(), core.access.names_agents());
  record.Refuse(failure, detail);
  AccessLine line;
  record.Fill(core.loop.Now(), core.loop.WallNow(), line);
  core.access.Write(*core.current.snapshot().locator, line);
}

}  // namespace meridian::proxy
