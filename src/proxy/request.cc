// See request.h.
#include "proxy/request.h"

#include <algorithm>

#include "proxy/client_address.h"
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
      return Failure::kHeaderTooLarge;
    case ErrorCode::kUnsupported:
      return Failure::kUnsupported;
    default:
      return Failure::kBadRequest;
  }
}

tl::expected<std::unique_ptr<Exchange>, Failure> StartRequest(Core& core,
                                                              const RequestInput& input) {
  const config::Listener& config = input.listener->config;
  const codec::Head& head = *input.head;
  const bool trusted =
      !config.trusted_proxies.empty() && Trusted(input.peer, config.trusted_proxies);
  const net::IpAddress client =
      trusted ? ClientOf(head, input.peer, config.trusted_proxies) : input.peer;
  if (!input.listener->access.Admits(client)) return tl::unexpected(Failure::kDenied);
  if (head.framing == codec::Framing::kLength &&
      head.content_length > config.limits.body_bytes.value_or(UINT64_MAX))
    return tl::unexpected(Failure::kBodyTooLarge);
  const ServiceId service = input.listener->routes->Match(head.host, head.path);
  if (!service.ok()) return tl::unexpected(Failure::kNoRoute);
  const HeadFields fields(head);
  ExchangeInput begin;
  begin.client = input.client;
  begin.hold = core.current;
  begin.head = &head;
  begin.query.service = service;
  begin.query.client = client;
  begin.query.session_key =
      SessionKey(core.current.table().service(service).session, head, core.scratch);
  begin.query.headers = &fields;
  begin.query.wall = core.loop.WallNow();
  begin.query.now = core.loop.Now();
  begin.query.draw = core.random.Next();
  begin.query.is_read = head.method == "GET" || head.method == "HEAD";
  std::string local;
  if (head.authority.empty()) local = input.stream->local().ToString();
  const std::string_view subject = input.tls != nullptr ? input.tls->peer_subject() : "";
  begin.forwarding = {input.peer, trusted, local, input.tls != nullptr, subject};
  auto exchange = core.TakeExchange();
  exchange->Prepare(begin);
  return exchange;
}

}  // namespace meridian::proxy
