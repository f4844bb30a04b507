// What the sessions of one worker share: its loop, the snapshot in force, pools, scratch space and
// the list of sessions. Owned by Worker; one thread; nothing here is touched by another.
#pragma once

#include <meridian/base/list.h>
#include <meridian/codec/http2.h>
#include <meridian/health/health.h>
#include <meridian/net/loop.h>
#include <meridian/proxy/metrics.h>
#include <meridian/snapshot/snapshot.h>
#include <meridian/tls/stream.h>

#include <memory>
#include <string>
#include <vector>

#include "proxy/access_log.h"
#include "proxy/backend_pool.h"
#include "proxy/http2_backend.h"
#include "proxy/warm_pool.h"

namespace meridian::proxy {

class Exchange;
struct HttpInbound;
class Mirror;
class Http2ClientStream;

// A snapshot with this worker's counters for it, counted without atomics: a session takes a Hold
// for each decision and keeps it while it uses ids of that snapshot.
class Hold {
 public:
  Hold() = default;
  Hold(snapshot::SnapshotPtr snapshot, Metrics::Binding counters)
      : shared_(new Shared{std::move(snapshot), std::move(counters), 1}) {}
  Hold(const Hold& other) : shared_(other.shared_) {
    if (shared_ != nullptr) ++shared_->uses;
  }
  Hold(Hold&& other) noexcept : shared_(std::exchange(other.shared_, nullptr)) {}
  Hold& operator=(Hold other) noexcept {
    std::swap(shared_, other.shared_);
    return *this;
  }
  ~Hold() {
    if (shared_ != nullptr && --shared_->uses == 0) delete shared_;
  }

  explicit operator bool() const { return shared_ != nullptr; }
  const snapshot::Snapshot& snapshot() const { return *shared_->snapshot; }
  const routing::Table& table() const { return *shared_->snapshot->table; }
  const Metrics::Binding& counters() const { return shared_->counters; }
  // How the service's backends are spoken to; null: plainly.
  const std::shared_ptr<const tls::ClientContext>& backend_tls(ServiceId service) const {
    return shared_->snapshot->backend_tls[service.value];
  }
  // Where this worker keeps the endpoint's TLS session.
  const std::shared_ptr<tls::SessionSlot>& tls_session(EndpointId endpoint) const {
    auto& sessions = shared_->tls_sessions;
    if (sessions.size() <= endpoint.value) sessions.resize(table().endpoints().size());
    auto& slot = sessions[endpoint.value];
    if (!slot) slot = std::make_shared<tls::SessionSlot>();
    return slot;
  }
  // `site` !ok(): requests that no site answered.
  RouteCounters& route(ServiceId service, SiteId site) const {
    const size_t sites = table().sites().size();
    return *shared_->counters
                .routes[service.value * (sites + 1) + (site.ok() ? site.value : sites)];
  }

 private:
  struct Shared {
    snapshot::SnapshotPtr snapshot;
    Metrics::Binding counters;
    size_t uses;
    std::vector<std::shared_ptr<tls::SessionSlot>> tls_sessions = {};  // by EndpointId, on demand
  };
  Shared* shared_ = nullptr;
};

// One endpoint in use by one session: counted in its endpoint's and site's health as long as it
// lives.
class Use {
 public:
  Use() = default;
  Use(health::EndpointHealth& endpoint, health::SiteHealth& site)
      : endpoint_(&endpoint), site_(&site) {
    endpoint_->Begin();
    site_->sessions.fetch_add(1, std::memory_order_relaxed);
  }
  Use(Use&& other) noexcept
      : endpoint_(std::exchange(other.endpoint_, nullptr)), site_(other.site_) {}
  Use& operator=(Use&& other) noexcept {
    std::swap(endpoint_, other.endpoint_);
    std::swap(site_, other.site_);
    return *this;
  }
  ~Use() { Release(); }

  void Release() {
    if (endpoint_ == nullptr) return;
    endpoint_->End();
    site_->sessions.fetch_sub(1, std::memory_order_relaxed);
    endpoint_ = nullptr;
  }
  health::EndpointHealth* endpoint() const { return endpoint_; }

 private:
  health::EndpointHealth* endpoint_ = nullptr;
  health::SiteHealth* site_ = nullptr;
};

// One of the snapshot's listeners in this worker, over all the snapshots that have it. Sessions
// refer to it, so it outlives its removal until the last of them has gone.
struct ListenerState {
  std::string name;
  ListenerId id;  // in the current snapshot; !ok(): removed by a reload
  ListenerCounters* counters = nullptr;
  size_t clients = 0;
};

// A client's connection on its way from the listener to its session.
struct Arrival {
  net::StreamPtr stream;
  net::IpAddress client;             // the peer, or whom a PROXY header named
  const tls::Stream* tls = nullptr;  // the stream where it is TLS; then the PROXY header is behind
};

// A client's session, of either protocol. In Core::sessions from its start to its Retire.
class Session : public ListNode {
 public:
  virtual ~Session() = default;
  // Finish what is under way, begin nothing new; close at once if nothing is under way.
  virtual void Drain() = 0;
  // End now: reset both sides, then Retire.
  virtual void Abort() = 0;
  // Some endpoint's state, or the direction of a disaster-recovery service, changed: abort or move
  // if this session's policy says so, go on if it waited for that.
  virtual void HealthChanged() = 0;
  // A planned switch ends what is still at `site` of `service`.
  virtual void LeaveSite(std::string_view service, std::string_view site) = 0;
};

class Core final : private net::TimerHandler {
 public:
  static constexpr Duration kMostCutDelay = std::chrono::seconds(2);

  Core(net::Loop& loop_used, net::Random& random_used, health::Registry& registry_used,
       AccessQueue* access_queue);
  ~Core();

  // Takes the session out of the list; it is deleted on the loop's next turn, when no call into it
  // is on the stack.
  void Retire(Session& session, ListenerState& listener);
  // The same for one whose client goes on in another session.
  void Bury(Session& session);
  // `next` takes over from `old`, which is deleted as by Retire; the client is the same.
  void Replace(Session& old, Session& next);
  std::unique_ptr<HttpInbound> TakeInbound();
  void KeepInbound(std::unique_ptr<HttpInbound> inbound);
  // An exchange from the spare ones, or a new one.
  std::unique_ptr<Exchange> TakeExchange();
  // `exchange` may be on the stack still; it is at rest, and must not touch itself before it is
  // taken again.
  void KeepExchange(std::unique_ptr<Exchange> exchange);
  // The same for an HTTP/2 client's streams.
  std::unique_ptr<Http2ClientStream> TakeStream();
  void KeepStream(std::unique_ptr<Http2ClientStream> stream);
  // A mirror in `mirrors`, or null: there are as many as there may be.
  Mirror* TakeMirror();
  // It may be on the stack still, and must not touch itself before it is taken again.
  void KeepMirror(Mirror& mirror);
  void Report(const Hold& hold, const routing::Endpoint& endpoint, health::Outcome outcome);
  // It is silent: in doubt for all workers until a check says otherwise. Nothing idle is kept.
  void Doubt(const Hold& hold, const routing::Endpoint& endpoint);
  // Logs why a backend's TLS was refused, at most once a second.
  void LogTlsFailure(const routing::Endpoint& endpoint, const Error& error);
  // When to end a session whose endpoint is down, from now: the first at once, the others one after
  // the other, so that their clients do not all come again in one instant; at most kMostCutDelay.
  Duration CutDelay();
  // One more request is under way; `exchanges` counts it until it has ended.
  void BeginExchange();
  // Whether one more retry is within the service's budget of this second, a share of the requests
  // that this second or the last one has seen; counts it if so.
  bool AllowRetry(const topology::RetryPolicy& policy);
  const snapshot::Listener* Config(const ListenerState& listener) const {
    return listener.id.ok() ? &current.snapshot().listeners[listener.id.value] : nullptr;
  }

  net::Loop& loop;
  net::Random& random;
  health::Registry& registry;
  Hold current;
  tls::Workspace tls;  // outlives every stream
  BackendPool pool;
  WarmPool warm;
  std::shared_ptr<snapshot::ClientTables> clients_known;  // of the newest snapshot that has them
  size_t handshakes = 0;                                  // clients', under way
  codec::Http2Pool http2;
  Http2Backends http2_backends;
  codec::Head head;     // scratch for the head being read
  std::string scratch;  // scratch for the head being written, and for a decoded session key
  std::vector<codec::Field> fields;  // scratch for a head being written in HTTP/2
  std::string target;                // scratch for a target that a route rewrites
  std::string request_id;            // scratch
  List<Session> sessions;
  List<Mirror> mirrors;
  size_t clients = 0;
  uint64_t exchanges = 0;  // under way
  size_t waiting = 0;      // connectors that wait for a planned switch to end
  AccessLog access;
  bool draining = false;
  bool cutting = false;            // what ends now, ends because the worker says so
  std::function<void()> on_empty;  // once, when draining and the last session has gone

 private:
  void OnTimer(net::Timer& timer) override;

  net::Timer bury_timer_;
  std::vector<std::unique_ptr<Session>> graves_;
  MonotonicTime tls_logged_{}, next_cut_{};
  std::vector<std::unique_ptr<HttpInbound>> spare_inbounds_;
  std::vector<std::unique_ptr<Exchange>> spare_exchanges_;
  std::vector<std::unique_ptr<Mirror>> spare_mirrors_;
  size_t mirror_count_ = 0;
  std::vector<std::unique_ptr<Http2ClientStream>> spare_streams_;
  void TurnSecond();

  MonotonicTime second_{};                 // began then
  uint64_t begun_ = 0, begun_before_ = 0;  // exchanges, in this second and the one before
  uint64_t retries_ = 0;                   // in this second
};

}  // namespace meridian::proxy
