// See warm_pool.h.
#include "proxy/warm_pool.h"

#include <meridian/base/log.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "proxy/core.h"

namespace meridian::proxy {
namespace {

constexpr size_t kMostAtOnce = 64;  // opened in one turn, over all endpoints
constexpr Duration kNextTurn = std::chrono::milliseconds(1);
constexpr Duration kSweepEvery = std::chrono::seconds(1);
constexpr Duration kFirstWait = std::chrono::seconds(1), kLongestWait = std::chrono::seconds(30);
constexpr uint32_t kMostDoublings = 5;

}  // namespace

struct WarmPool::Spare final : ListNode, net::StreamHandler {
  void OnConnected() override { pool->Connected(*this); }
  void OnRead(std::string_view bytes) override { pool->Spoke(*this, bytes); }
  void OnEnd() override { pool->Lost(*this, {.code = ErrorCode::kReset}); }
  void OnDrained() override {}
  void OnError(const Error& error) override { pool->Lost(*this, error); }

  WarmPool* pool = nullptr;
  Shelf* shelf = nullptr;
  net::StreamPtr stream;
  const tls::Stream* tls = nullptr;  // the stream, where it is TLS
  std::string greeting;
  MonotonicTime since{};  // opening, then ready
  bool ready = false;
};

// Those of one endpoint of one service. Linked in short_ while it may lack some.
struct WarmPool::Shelf final : ListNode {
  EndpointId endpoint;
  RouteCounters* counters = nullptr;  // of its service and site: the same over all snapshots
  const health::EndpointHealth* health = nullptr;
  const tls::ClientContext* tls = nullptr;
  List<Spare> opening, ready;  // newest first
  uint32_t count = 0;          // of both
  uint32_t failures = 0;       // in a row
  MonotonicTime not_before{};
  bool spoke = false;  // its server speaks first, and may not
};

WarmPool::WarmPool(Core& core) : core_(core), fill_(*this), sweep_(*this) {}

WarmPool::~WarmPool() {
  Stop();
}

WarmPool::Shelf* WarmPool::ShelfOf(EndpointId endpoint) const {
  return endpoint.value < shelves_.size() ? shelves_[endpoint.value].get() : nullptr;
}

// By ServiceId: whether a listener of streams leads there. What only datagrams ask for, or nobody,
// needs no connection.
std::vector<bool> WarmPool::ServicesInUse() const {
  const routing::Table& table = core_.current.table();
  std::vector<bool> used(table.services().size());
  const auto use = [&](const std::string& name) {
    if (const ServiceId id = table.FindService(name); id.ok()) used[id.value] = true;
  };
  for (const snapshot::Listener& listener : core_.current.snapshot().listeners) {
    if (listener.config.protocol == config::Protocol::kUdp) continue;
    use(listener.config.service);
    for (const config::Route& route : listener.config.routes) {
      use(route.service);
      for (const config::ServiceShare& share : route.shares) use(share.service);
      if (route.mirror) use(route.mirror->service);
    }
  }
  return used;
}

// A shelf goes over to the new snapshot's endpoint if its connections would be made alike.
void WarmPool::Adopt() {
  if (stopped_) return;
  const routing::Table& table = core_.current.table();
  using Key = std::tuple<const void*, const void*, const void*>;
  std::map<Key, std::unique_ptr<Shelf>> before;
  for (auto& shelf : shelves_) {
    if (!shelf) continue;
    const Key key{shelf->counters, shelf->health, shelf->tls};
    before.emplace(key, std::move(shelf));
  }
  const std::vector<bool> used = ServicesInUse();
  std::vector<std::unique_ptr<Shelf>> after(table.endpoints().size());
  for (const routing::Endpoint& endpoint : table.endpoints()) {
    const topology::Service& service = table.service(endpoint.service);
    if (service.backend.warm == 0 || !used[endpoint.service.value]) continue;
    const tls::ClientContext* const tls = core_.current.backend_tls(endpoint.service).get();
    RouteCounters* const counters = &core_.current.route(endpoint.service, endpoint.site);
    auto kept = before.extract({counters, endpoint.health, tls});
    auto shelf = kept.empty() ? std::make_unique<Shelf>() : std::move(kept.mapped());
    shelf->endpoint = endpoint.id;
    shelf->counters = counters;
    shelf->health = endpoint.health;
    shelf->tls = tls;
    shelf->spoke = false;
    after[endpoint.id.value] = std::move(shelf);
  }
  for (auto& [key, shelf] : before) Clear(*shelf);
  shelves_ = std::move(after);
  const bool any = std::any_of(shelves_.begin(), shelves_.end(),
                               [](const auto& shelf) { return shelf != nullptr; });
  if (!any) return shelves_.clear();
  if (!sweep_.armed()) core_.loop.Arm(sweep_, kSweepEvery);
  HealthChanged();
}

bool WarmPool::Wanted(const Shelf& shelf) const {
  const routing::Table& table = core_.current.table();
  const routing::Endpoint& endpoint = table.endpoint(shelf.endpoint);
  return !stopped_ && !shelf.spoke && endpoint.weight > 0 && endpoint.health->takes_new() &&
         table.Keeps(endpoint.service, endpoint.site, false);
}

void WarmPool::HealthChanged() {
  for (const auto& shelf : shelves_) {
    if (!shelf) continue;
    if (Wanted(*shelf)) {
      Missing(*shelf, Duration(0));
    } else {
      Clear(*shelf);
    }
  }
}

void WarmPool::Stop() {
  stopped_ = true;
  fill_.Disarm();
  sweep_.Disarm();
  for (const auto& shelf : shelves_) {
    if (shelf) Clear(*shelf);
  }
}

net::StreamPtr WarmPool::Take(const Hold& hold, EndpointId endpoint, std::string* greeting) {
  if (shelves_.empty() || &hold.snapshot() != &core_.current.snapshot()) return nullptr;
  Shelf* const shelf = ShelfOf(endpoint);
  while (shelf != nullptr && !shelf->ready.empty()) {
    Spare& spare = shelf->ready.front();
    if (greeting == nullptr && !spare.greeting.empty()) {
      Drop(spare, WarmFate::kDropped);
      continue;
    }
    if (greeting != nullptr) *greeting = std::move(spare.greeting);
    shelf->counters->warm_fates[static_cast<size_t>(WarmFate::kUsed)].Add();
    net::StreamPtr stream = Remove(spare);
    stream->SetHandler(nullptr);
    stream->StartReading();
    return stream;
  }
  return nullptr;
}

// It is looked at again in a while.
void WarmPool::Missing(Shelf& shelf, Duration wait) {
  if (stopped_) return;
  if (!shelf.linked()) short_.PushBack(shelf);
  Wake(wait);
}

void WarmPool::Wake(Duration delay) {
  const MonotonicTime at = core_.loop.Now() + delay;
  if (fill_.armed() && fill_at_ <= at) return;
  fill_at_ = at;
  core_.loop.Arm(fill_, delay);
}

void WarmPool::OnTimer(net::Timer& timer) {
  if (&timer == &sweep_) return Sweep();
  // What is opened in one turn is bounded: those that come late in the list come first in the next.
  size_t left = kMostAtOnce;
  const MonotonicTime now = core_.loop.Now();
  MonotonicTime next = MonotonicTime::max();
  List<Shelf> waiting;
  while (!short_.empty() && left > 0) {
    Shelf& shelf = short_.front();
    shelf.Unlink();
    if (!Wanted(shelf)) continue;
    if (shelf.not_before > now) {
      next = std::min(next, shelf.not_before);
      waiting.PushBack(shelf);
      continue;
    }
    while (left > 0 && Lacks(shelf) && Open(shelf)) --left;
    if (left == 0 || shelf.not_before > now) {
      next = std::min(next, std::max(shelf.not_before, now + kNextTurn));
      waiting.PushBack(shelf);
    }
  }
  if (!short_.empty()) next = now + kNextTurn;
  while (!waiting.empty()) {
    Shelf& shelf = waiting.front();
    shelf.Unlink();
    short_.PushBack(shelf);
  }
  if (next != MonotonicTime::max()) Wake(next - now);
}

bool WarmPool::Lacks(const Shelf& shelf) const {
  const routing::Table& table = core_.current.table();
  const auto& policy = table.service(table.endpoint(shelf.endpoint).service).backend;
  if (shelf.count >= policy.warm || size_ >= kMost) return false;
  return !policy.max_connections ||
         shelf.health->in_flight() + shelf.count < *policy.max_connections;
}

// False: not now.
bool WarmPool::Open(Shelf& shelf) {
  const routing::Endpoint& endpoint = core_.current.table().endpoint(shelf.endpoint);
  auto spare = std::make_unique<Spare>();
  spare->pool = this;
  spare->shelf = &shelf;
  spare->since = core_.loop.Now();
  if (const auto& context = core_.current.backend_tls(endpoint.service)) {
    const tls::ConnectInput input{
        endpoint.address, {}, context, core_.current.tls_session(endpoint.id)};
    if (auto stream = tls::Connect(core_.tls, core_.loop, input, *spare)) {
      spare->tls = stream->get();
      spare->stream = std::move(*stream);
    }
  } else if (auto stream = core_.loop.Connect(endpoint.address, {}, *spare)) {
    spare->stream = std::move(*stream);
  }
  shelf.counters->connects.Add();
  if (!spare->stream) {  // no descriptor, say: nobody's fault
    shelf.counters->connect_failures.Add();
    shelf.not_before = core_.loop.Now() + kFirstWait;
    return false;
  }
  shelf.opening.PushFront(*spare.release());  // owned by the shelf until Remove
  ++shelf.count;
  ++size_;
  return true;
}

void WarmPool::Connected(Spare& spare) {
  Shelf& shelf = *spare.shelf;
  const routing::Endpoint& endpoint = core_.current.table().endpoint(shelf.endpoint);
  const MonotonicTime now = core_.loop.Now();
  core_.registry.ObserveConnect(*endpoint.health, now - spare.since);
  RouteCounters& counted = *shelf.counters;
  counted.connect_time.Observe((now - spare.since).count());
  if (spare.tls != nullptr) (spare.tls->resumed() ? counted.tls_resumed : counted.tls_full).Add();
  counted.warm.Add();
  spare.since = now;
  spare.ready = true;
  spare.Unlink();
  shelf.ready.PushFront(spare);
  spare.stream->StartReading();
}

void WarmPool::Spoke(Spare& spare, std::string_view bytes) {
  Shelf& shelf = *spare.shelf;
  const routing::Endpoint& endpoint = core_.current.table().endpoint(shelf.endpoint);
  const topology::Service& service = core_.current.table().service(endpoint.service);
  if (service.backend.warm_greeting) {
    spare.greeting.append(bytes);
    if (spare.greeting.size() >= kMostGreeting) spare.stream->StopReading();
    return;
  }
  log::Warn(
      "backend {}: speaks first, so that no connections are opened ahead for service {}; see "
      "backend.warm_greeting",
      endpoint.address_text, service.name);
  shelf.spoke = true;
  Drop(spare, WarmFate::kSpoke);
  Clear(shelf);
}

// A connect that failed is a sign of the endpoint's health, as a client's would be. A server that
// closes a spare at once does not want any: that is waited out, too.
void WarmPool::Lost(Spare& spare, const Error& error) {
  Shelf& shelf = *spare.shelf;
  const routing::Endpoint& endpoint = core_.current.table().endpoint(shelf.endpoint);
  const MonotonicTime now = core_.loop.Now();
  const bool was_ready = spare.ready;
  if (was_ready && now - spare.since >= kFirstWait) {
    shelf.failures = 0;
  } else {
    const uint32_t doublings = std::min(shelf.failures++, kMostDoublings);
    shelf.not_before = now + std::min(kFirstWait * (1 << doublings), kLongestWait);
  }
  if (!was_ready) {
    shelf.counters->connect_failures.Add();
    const bool refused_by_tls = error.code == ErrorCode::kInvalid ||
                                error.code == ErrorCode::kMalformed ||
                                error.code == ErrorCode::kUnsupported;
    if (spare.tls != nullptr && refused_by_tls) core_.LogTlsFailure(endpoint, error);
  }
  Drop(spare, WarmFate::kClosed);
  Missing(shelf, std::max(shelf.not_before - now, Duration(0)));
  if (!was_ready) core_.Report(core_.current, endpoint, health::Outcome::kConnectFailed);
}

void WarmPool::Clear(Shelf& shelf) {
  shelf.Unlink();
  while (!shelf.opening.empty()) Drop(shelf.opening.front(), WarmFate::kDropped);
  while (!shelf.ready.empty()) Drop(shelf.ready.front(), WarmFate::kDropped);
  shelf.Unlink();
}

void WarmPool::Drop(Spare& spare, WarmFate fate) {
  spare.shelf->counters->warm_fates[static_cast<size_t>(fate)].Add();
  const net::StreamPtr closing = Remove(spare);
}

net::StreamPtr WarmPool::Remove(Spare& spare) {
  Shelf& shelf = *spare.shelf;
  if (spare.ready) shelf.counters->warm.Subtract();
  const std::unique_ptr<Spare> owned(&spare);
  spare.Unlink();
  --shelf.count;
  --size_;
  Missing(shelf, kNextTurn);
  return std::move(spare.stream);
}

// What has grown too old to be trusted, connects that take too long, and what is lacking because
// there was no room for it.
void WarmPool::Sweep() {
  const MonotonicTime now = core_.loop.Now();
  for (const auto& shelf : shelves_) {
    if (!shelf) continue;
    const routing::Table& table = core_.current.table();
    const topology::Timeouts& timeouts =
        table.service(table.endpoint(shelf->endpoint).service).timeouts;
    while (!shelf->opening.empty() && shelf->opening.back().since + timeouts.connect <= now) {
      Lost(shelf->opening.back(), {.code = ErrorCode::kTimeout});
    }
    while (!shelf->ready.empty() && shelf->ready.back().since + timeouts.idle <= now) {
      Drop(shelf->ready.back(), WarmFate::kDropped);
    }
    if (!shelf->linked() && Lacks(*shelf) && Wanted(*shelf)) Missing(*shelf, Duration(0));
  }
  if (!shelves_.empty()) core_.loop.Arm(sweep_, kSweepEvery);
}

}  // namespace meridian::proxy
