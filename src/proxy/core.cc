// See core.h.
#include "proxy/core.h"

#include <meridian/base/hash.h>
#include <meridian/base/log.h>

#include <algorithm>

#include "proxy/exchange.h"
#include "proxy/http2_stream.h"
#include "proxy/http_inbound.h"
#include "proxy/mirror.h"

namespace meridian::proxy {
namespace {
constexpr size_t kMaxSpareExchanges = 256;
constexpr size_t kMaxSpareStreams = 1024;
constexpr uint64_t kLeastRetriesPerSecond = 10;
constexpr Duration kSecond = std::chrono::seconds(1);
constexpr Duration kCutEvery = std::chrono::milliseconds(1);
}  // namespace

Core::Core(net::Loop& loop_used, net::Random& random_used, health::Registry& registry_used,
           AccessQueue* access_queue)
    : loop(loop_used),
      random(random_used),
      registry(registry_used),
      tls(loop_used),
      pool(loop_used),
      warm(*this),
      http2_backends(loop_used, http2),
      access(access_queue),
      bury_timer_(*this) {}

Core::~Core() {
  MERIDIAN_CHECK(sessions.empty());
  while (!mirrors.empty()) {
    const std::unique_ptr<Mirror> mirror(&mirrors.front());
    mirror->Unlink();
  }
  graves_.clear();
}

void Core::Retire(Session& session, ListenerState& listener) {
  Bury(session);
  --clients;
  --listener.clients;
  listener.counters->active.Subtract();
}

void Core::Bury(Session& session) {
  session.Unlink();
  graves_.emplace_back(&session);
  if (!bury_timer_.armed()) loop.Arm(bury_timer_, Duration(0));
}

void Core::Replace(Session& old, Session& next) {
  Bury(old);
  sessions.PushBack(next);
}

void Core::OnTimer(net::Timer&) {
  const auto burying = std::move(graves_);
  graves_.clear();
  if (spare_exchanges_.size() > kMaxSpareExchanges) spare_exchanges_.resize(kMaxSpareExchanges);
  if (draining && clients == 0 && on_empty) std::exchange(on_empty, nullptr)();
}

std::unique_ptr<HttpInbound> Core::TakeInbound() {
  if (spare_inbounds_.empty()) return std::make_unique<HttpInbound>();
  std::unique_ptr<HttpInbound> inbound = std::move(spare_inbounds_.back());
  spare_inbounds_.pop_back();
  return inbound;
}

void Core::KeepInbound(std::unique_ptr<HttpInbound> inbound) {
  if (spare_inbounds_.size() < kMaxSpareExchanges) spare_inbounds_.push_back(std::move(inbound));
}

std::unique_ptr<Exchange> Core::TakeExchange() {
  if (spare_exchanges_.empty()) return std::make_unique<Exchange>(*this);
  std::unique_ptr<Exchange> exchange = std::move(spare_exchanges_.back());
  spare_exchanges_.pop_back();
  return exchange;
}

void Core::KeepExchange(std::unique_ptr<Exchange> exchange) {
  spare_exchanges_.push_back(std::move(exchange));
  if (spare_exchanges_.size() > kMaxSpareExchanges && !bury_timer_.armed())
    loop.Arm(bury_timer_, Duration(0));
}

std::unique_ptr<Http2ClientStream> Core::TakeStream() {
  if (spare_streams_.empty()) return std::make_unique<Http2ClientStream>();
  std::unique_ptr<Http2ClientStream> stream = std::move(spare_streams_.back());
  spare_streams_.pop_back();
  return stream;
}

void Core::KeepStream(std::unique_ptr<Http2ClientStream> stream) {
  if (spare_streams_.size() < kMaxSpareStreams) spare_streams_.push_back(std::move(stream));
}

Mirror* Core::TakeMirror() {
  if (mirror_count_ >= Mirror::kMost || draining) return nullptr;
  std::unique_ptr<Mirror> mirror;
  if (spare_mirrors_.empty()) {
    mirror = std::make_unique<Mirror>(*this);
  } else {
    mirror = std::move(spare_mirrors_.back());
    spare_mirrors_.pop_back();
  }
  ++mirror_count_;
  mirrors.PushBack(*mirror);
  return mirror.release();  // in `mirrors` until KeepMirror
}

void Core::KeepMirror(Mirror& mirror) {
  mirror.Unlink();
  --mirror_count_;
  spare_mirrors_.emplace_back(&mirror);
}

void Core::Report(const Hold& hold, const routing::Endpoint& endpoint, health::Outcome outcome) {
  const auto peers = hold.table().PoolHealth(endpoint.service, endpoint.site);
  registry.Report(*endpoint.health, outcome, hold.table().service(endpoint.service).outliers,
                  peers.data(), peers.size(), loop.Now());
}

void Core::Doubt(const Hold& hold, const routing::Endpoint& endpoint) {
  registry.Suspect(*endpoint.health, hold.table().service(endpoint.service).outliers, loop.Now());
  pool.DropUnusable();
  http2_backends.LeaveUnusable();
}

void Core::LogTlsFailure(const routing::Endpoint& endpoint, const Error& error) {
  const MonotonicTime now = loop.Now();
  if (tls_logged_ != MonotonicTime{} && now - tls_logged_ < std::chrono::seconds(1)) return;
  tls_logged_ = now;
  log::Warn("backend {}: {}", endpoint.address.ToString(), tls::Explain(error));
}

Duration Core::CutDelay() {
  const MonotonicTime now = loop.Now();
  const auto within = [this](Duration most) {
    return Duration(static_cast<int64_t>(Unit(random.Next()) * static_cast<double>(most.count())));
  };
  if (next_cut_ <= now) {
    next_cut_ = now + kCutEvery;
    return Duration(0);
  }
  if (next_cut_ - now >= kMostCutDelay) return within(kMostCutDelay);
  const Duration delay = next_cut_ - now + within(kCutEvery);
  next_cut_ += kCutEvery;
  return delay;
}

void Core::TurnSecond() {
  const MonotonicTime now = loop.Now();
  if (now - second_ < kSecond) return;
  begun_before_ = now - second_ < 2 * kSecond ? begun_ : 0;
  begun_ = retries_ = 0;
  second_ = now;
}

void Core::BeginExchange() {
  TurnSecond();
  ++begun_;
  ++exchanges;
}

// Fast answers leave few requests under way at any time, however many there are.
bool Core::AllowRetry(const topology::RetryPolicy& policy) {
  TurnSecond();
  const uint64_t requests = std::max({exchanges, begun_, begun_before_});
  const auto share = static_cast<uint64_t>(policy.budget * static_cast<double>(requests));
  if (retries_ >= std::max(kLeastRetriesPerSecond, share)) return false;
  ++retries_;
  return true;
}

}  // namespace meridian::proxy
