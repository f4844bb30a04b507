// What the workers count. Each worker writes its own blocks with plain stores; Collect sums them. A
// block belongs to names, not ids, so that numbers go on over reloads; blocks are made when a
// worker takes a snapshot, never on the request path.
#pragma once

#include <meridian/base/metrics.h>
#include <meridian/codec/http2.h>
#include <meridian/routing/decide.h>
#include <meridian/snapshot/snapshot.h>
#include <meridian/tls/stream.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

namespace meridian::proxy {

// Why a request or session failed, as in Meridian-Reason and meridian_failures_total{reason}.
enum class Failure : uint8_t {
  kBadRequest,          // 400: malformed or ambiguous
  kHeaderTooLarge,      // 431
  kTooManyHeaders,      // 431
  kBodyTooLarge,        // 413
  kUnsupported,         // 501, 505
  kHeaderTimeout,       // 408
  kBodyTimeout,         // 408
  kBodyTooSlow,         // 408: below the listener's min_rate
  kRateLimited,         // 429
  kTooManyConnections,  // 429; tcp: reset
  kDenied,              // 403: by the listener's allow or deny
  kNoRoute,             // 404; tcp: no route for the server name
  kNoSites,             // 503: the fence leaves none
  kAllDown,             // 503
  kSessionRejected,     // 503
  kAtCapacity,          // 503
  kHeld,                // 503: disaster recovery, a planned switch took longer than its hold
  kRefused,             // 503: disaster recovery, it is not sure which site is active
  kSiteChanged,         // 503: another site became active while the request was under way
  kConnectFailed,       // 502: every candidate refused
  kConnectTimeout,      // 504
  kBackendTls,          // 502: the TLS handshake or the certificate of the last one tried
  kBackendReset,        // 502: broken before a whole response
  kBackendMalformed,    // 502
  kResponseTimeout,     // 504
  kDeadline,            // 504: a gRPC call took longer than its client waits
  kIdleTimeout,
  kClientGone,    // the client left before the end
  kOverloaded,    // refused at accept: process.max_connections, or while it drains
  kListenerFull,  // refused at accept: the listener's limits.connections
  kProxyHeader,   // a PROXY header that is missing, malformed or not trusted
  kClientHello,   // a TLS ClientHello that is malformed or too large
  kCount,
};
const char* Name(Failure failure);

// Why a datagram did not get through, as in meridian_datagrams_dropped_total{reason}.
enum class DatagramDrop : uint8_t {
  kTableFull,  // its session would be one too many
  kRefused,    // by allow, deny or the listener's limits, or while draining
  kNoBackend,  // no candidate could be reached, or none may be
  kTooLarge,   // for the way to the backend
  kNoRoom,     // the kernel did not take it for the backend
  kUnsent,     // an answer that the kernel did not take
  kCount,
};
const char* Name(DatagramDrop drop);

// Per worker and listener.
struct alignas(kCacheLine) ListenerCounters {
  Counter accepted, active;
  std::array<Counter, static_cast<size_t>(Failure::kCount)> failures;
  std::array<Counter, static_cast<size_t>(codec::Http2Fault::kCount)> http2_faults;
  std::array<Counter, 2> tls_versions;  // handshakes done, by 1.2 and 1.3
  Counter tls_resumed;                  // of those
  std::array<Counter, static_cast<size_t>(tls::HandshakeFailure::kCount)> tls_failures;
  std::array<Counter, 5> answers;       // of routes themselves, by class of their status
  Counter datagrams_in, datagrams_out;  // from and to clients
  std::array<Counter, static_cast<size_t>(DatagramDrop::kCount)> drops;
};

// What became of a copy of a request.
enum class MirrorFate : uint8_t { kAnswered, kFailed, kDropped };

// What became of a connection opened ahead of need.
enum class WarmFate : uint8_t {
  kUsed,
  kClosed,  // by the backend, or it failed
  kSpoke,   // the backend spoke first, and may not
  kDropped  // by us: too old, or its endpoint takes nobody any more
};
inline constexpr size_t kWarmFates = 4;
const char* Name(WarmFate fate);

// Per worker, service and site.
struct alignas(kCacheLine) RouteCounters {
  Counter requests_1xx, requests_2xx, requests_3xx, requests_4xx, requests_5xx;
  Counter connections;          // tcp and udp sessions
  Counter active;               // requests or sessions in progress
  Counter bytes_in, bytes_out;  // from and to clients
  Counter hedges, hedges_won;
  Counter retries, connects, connect_failures, races_won, reused;
  Counter tls_full, tls_resumed, tls_failed, tls_untrusted;  // handshakes with backends
  std::array<Counter, routing::kReasonCount> reasons;        // by routing::Reason
  std::array<Counter, 6> pins;                               // by routing::Pin
  std::array<Counter, 3> mirrors;                            // by MirrorFate; of no site
  Counter warm;                                              // opened ahead, and waiting now
  std::array<Counter, kWarmFates> warm_fates;                // by WarmFate
  Counter stalls;  // tcp sessions whose backend did not acknowledge
  Histogram connect_time, response_time;
};

// Per worker.
struct alignas(kCacheLine) WorkerCounters {
  Counter geo_hits, geo_misses;
};

class Metrics {
 public:
  explicit Metrics(size_t workers);
  ~Metrics();

  // Blocks of one worker for one snapshot: by ListenerId, and by ServiceId × (sites + 1) + SiteId,
  // where the last of each service is for what no site answered.
  struct Binding {
    std::vector<ListenerCounters*> listeners;
    // Of a listener with limits.connections: what is open in each worker.
    std::vector<std::vector<const Counter*>> open;
    std::vector<RouteCounters*> routes;
    WorkerCounters* worker = nullptr;
  };
  Binding Bind(size_t worker, const snapshot::Snapshot& snapshot);

  // Any thread.
  void Collect(MetricSink& sink) const;
  // Requests and sessions in progress, over all workers.
  uint64_t active() const;
  // The same for one site (all services), one service (all sites), or both; empty: all.
  uint64_t active(std::string_view service, std::string_view site) const;
  // What disaster recovery asks of a service and one site of it: in progress there now; since the
  // start, its answers and tcp sessions, the sessions that moved to it, and the requests of the
  // service that no site answered.
  struct Traffic {
    uint64_t active = 0, answers = 0, moved = 0, lost = 0;
  };
  Traffic traffic(std::string_view service, std::string_view site) const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::map<std::string, std::unique_ptr<ListenerCounters>>> listeners_;  // by worker
  std::vector<std::map<std::pair<std::string, std::string>, std::unique_ptr<RouteCounters>>>
      routes_;  // by worker
  std::vector<std::unique_ptr<WorkerCounters>> workers_;
  std::shared_ptr<const routing::MovedSessions> moved_sessions_;  // of the newest that has one
  std::shared_ptr<const snapshot::ClientTables> clients_;         // likewise
};

}  // namespace meridian::proxy
