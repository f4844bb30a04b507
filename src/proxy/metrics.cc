// See proxy/metrics.h.
#include <meridian/proxy/metrics.h>

#include <set>

namespace meridian::proxy {

const char* Name(Failure failure) {
  static constexpr auto kNames = std::to_array<const char*>({
      // in the order of Failure
      "bad-request",      "header-too-large",
      "too-many-headers", "body-too-large",
      "unsupported",      "header-timeout",
      "body-timeout",     "body-too-slow",
      "rate-limited",     "too-many-connections",
      "denied",           "no-route",
      "no-sites",         "all-down",
      "session-rejected", "at-capacity",
      "switching",        "no-active-site",
      "site-changed",     "connect-failed",
      "connect-timeout",  "backend-tls",
      "backend-reset",    "backend-malformed",
      "response-timeout", "deadline",
      "idle-timeout",     "client-gone",
      "overloaded",       "listener-full",
      "proxy-header",     "client-hello",
  });
  static_assert(kNames.size() == static_cast<size_t>(Failure::kCount));
  return failure < Failure::kCount ? kNames[static_cast<size_t>(failure)] : "unknown";
}

const char* Name(DatagramDrop drop) {
  switch (drop) {
    case DatagramDrop::kTableFull:
      return "table-full";
    case DatagramDrop::kRefused:
      return "refused";
    case DatagramDrop::kNoBackend:
      return "no-backend";
    case DatagramDrop::kTooLarge:
      return "too-large";
    case DatagramDrop::kNoRoom:
      return "no-room";
    case DatagramDrop::kUnsent:
      return "unsent";
    case DatagramDrop::kCount:
      break;
  }
  return "unknown";
}

const char* Name(WarmFate fate) {
  switch (fate) {
    case WarmFate::kUsed:
      return "used";
    case WarmFate::kClosed:
      return "closed";
    case WarmFate::kSpoke:
      return "spoke";
    case WarmFate::kDropped:
      return "dropped";
  }
  return "unknown";
}

Metrics::Metrics(size_t workers) : listeners_(workers), routes_(workers) {
  for (size_t i = 0; i < workers; ++i) workers_.push_back(std::make_unique<WorkerCounters>());
}

Metrics::~Metrics() = default;

namespace {

template <class Map, class Key>
auto* FindOrMake(Map& map, Key key) {
  auto& block = map[std::move(key)];
  if (!block) block = std::make_unique<typename Map::mapped_type::element_type>();
  return block.get();
}

}  // namespace

Metrics::Binding Metrics::Bind(size_t worker, const snapshot::Snapshot& snapshot) {
  const std::lock_guard lock(mutex_);
  Binding binding;
  for (const auto& listener : snapshot.listeners) {
    const std::string& name = listener.config.name;
    binding.listeners.push_back(FindOrMake(listeners_[worker], name));
    auto& open = binding.open.emplace_back();
    if (!listener.config.limits.connections) continue;
    for (auto& blocks : listeners_) open.push_back(&FindOrMake(blocks, name)->active);
  }
  const auto& sites = snapshot.table->sites();
  for (const auto& service : snapshot.table->services()) {
    for (const auto& site : sites) {
      binding.routes.push_back(FindOrMake(routes_[worker], std::pair(service.name, site.name)));
    }
    binding.routes.push_back(FindOrMake(routes_[worker], std::pair(service.name, std::string())));
  }
  binding.worker = workers_[worker].get();
  if (snapshot.table->moved_sessions()) moved_sessions_ = snapshot.table->moved_sessions();
  if (snapshot.clients) clients_ = snapshot.clients;
  return binding;
}

namespace {

// One name's samples in one run: every block's value of one field.
template <class Blocks, class Report>
void ForEachKey(const Blocks& by_worker, Report report) {
  std::set<typename Blocks::value_type::key_type> keys;
  for (const auto& blocks : by_worker) {
    for (const auto& [key, block] : blocks) keys.insert(key);
  }
  for (const auto& key : keys) report(key);
}

// The sum over workers of what `field` gives for each block of `key`.
template <class Blocks, class Field>
uint64_t Sum(const Blocks& by_worker, const typename Blocks::value_type::key_type& key,
             Field field) {
  uint64_t sum = 0;
  for (const auto& blocks : by_worker) {
    if (const auto found = blocks.find(key); found != blocks.end())
      sum += field(*found->second).value();
  }
  return sum;
}

// Every sample of the blocks in `by_worker`, summed over workers, under the labels of their key.
class Report {
 public:
  using Listeners = std::vector<std::map<std::string, std::unique_ptr<ListenerCounters>>>;
  using Routes =
      std::vector<std::map<std::pair<std::string, std::string>, std::unique_ptr<RouteCounters>>>;

  Report(MetricSink& sink, const Listeners& listeners, const Routes& routes)
      : sink_(sink), listeners_(listeners), routes_(routes) {}

  void Connections() {
    ForEachKey(listeners_, [&](const std::string& name) {
      sink_.Count("meridian_connections_total", "Client connections accepted", {{"listener", name}},
                  Sum(
                      listeners_, name, [](auto& b) -> auto& { return b.accepted; }));
    });
    ForEachKey(listeners_, [&](const std::string& name) {
      sink_.Gauge("meridian_connections_active", "Client connections open", {{"listener", name}},
                  static_cast<double>(Sum(
                      listeners_, name, [](auto& b) -> auto& { return b.active; })));
    });
    ForEachKey(listeners_, [&](const std::string& name) {
      for (size_t i = 0; i < static_cast<size_t>(Failure::kCount); ++i) {
        sink_.Count("meridian_failures_total", "Requests and sessions that failed, by reason",
                    {{"listener", name}, {"reason", Name(static_cast<Failure>(i))}},
                    Sum(
                        listeners_, name, [i](auto& b) -> auto& { return b.failures[i]; }));
      }
    });
  }

  void Datagrams() {
    ForEachKey(listeners_, [&](const std::string& name) {
      const auto sum = [&](auto field) { return Sum(listeners_, name, field); };
      constexpr const char* kHelp = "Datagrams received from clients and sent to them";
      constexpr const char* kName = "meridian_datagrams_total";
      sink_.Count(kName, kHelp, {{"listener", name}, {"direction", "in"}},
                  sum([](auto& b) -> auto& { return b.datagrams_in; }));
      sink_.Count(kName, kHelp, {{"listener", name}, {"direction", "out"}},
                  sum([](auto& b) -> auto& { return b.datagrams_out; }));
    });
    ForEachKey(listeners_, [&](const std::string& name) {
      for (size_t i = 0; i < static_cast<size_t>(DatagramDrop::kCount); ++i) {
        sink_.Count("meridian_datagrams_dropped_total", "Datagrams that were dropped, by reason",
                    {{"listener", name}, {"reason", Name(static_cast<DatagramDrop>(i))}},
                    Sum(
                        listeners_, name, [i](auto& b) -> auto& { return b.drops[i]; }));
      }
    });
  }

  void Http2Faults() {
    ForEachKey(listeners_, [&](const std::string& name) {
      for (size_t i = 1; i < static_cast<size_t>(codec::Http2Fault::kCount); ++i) {
        sink_.Count("meridian_http2_faults_total",
                    "HTTP/2 client connections ended for what the client did, by reason",
                    {{"listener", name}, {"reason", Name(static_cast<codec::Http2Fault>(i))}},
                    Sum(
                        listeners_, name, [i](auto& b) -> auto& { return b.http2_faults[i]; }));
      }
    });
  }

  void Handshakes() {
    ForEachKey(listeners_, [&](const std::string& name) {
      const auto sum = [&](auto field) { return Sum(listeners_, name, field); };
      const uint64_t resumed = sum([](auto& b) -> auto& { return b.tls_resumed; });
      const uint64_t old = sum([](auto& b) -> auto& { return b.tls_versions[0]; });
      const uint64_t now = sum([](auto& b) -> auto& { return b.tls_versions[1]; });
      constexpr const char* kHelp = "TLS handshakes with clients that were done";
      constexpr const char* kName = "meridian_tls_handshakes_total";
      sink_.Count(kName, kHelp, {{"listener", name}, {"result", "full"}}, old + now - resumed);
      sink_.Count(kName, kHelp, {{"listener", name}, {"result", "resumed"}}, resumed);
    });
    ForEachKey(listeners_, [&](const std::string& name) {
      for (const size_t i : {0, 1}) {
        sink_.Count("meridian_tls_connections_total", "TLS connections of clients, by version",
                    {{"listener", name}, {"version", i == 0 ? "1.2" : "1.3"}},
                    Sum(
                        listeners_, name, [i](auto& b) -> auto& { return b.tls_versions[i]; }));
      }
    });
    ForEachKey(listeners_, [&](const std::string& name) {
      for (size_t i = 0; i < static_cast<size_t>(tls::HandshakeFailure::kCount); ++i) {
        const char* reason = tls::Name(static_cast<tls::HandshakeFailure>(i));
        sink_.Count("meridian_tls_handshake_failures_total",
                    "TLS handshakes with clients that failed, by reason",
                    {{"listener", name}, {"reason", reason}},
                    Sum(
                        listeners_, name, [i](auto& b) -> auto& { return b.tls_failures[i]; }));
      }
    });
    struct Result {
      const char* name;
      Counter RouteCounters::*field;
    };
    static constexpr std::array<Result, 4> kResults{{{"full", &RouteCounters::tls_full},
                                                     {"resumed", &RouteCounters::tls_resumed},
                                                     {"failed", &RouteCounters::tls_failed},
                                                     {"untrusted", &RouteCounters::tls_untrusted}}};
    ForEachKey(routes_, [&](const Key& key) {
      for (const Result& result : kResults) {
        sink_.Count("meridian_backend_tls_handshakes_total", "TLS handshakes with backends",
                    {{"service", key.first}, {"site", key.second}, {"result", result.name}},
                    Sum(
                        routes_, key, [&](auto& b) -> auto& { return b.*result.field; }));
      }
    });
  }

  void Answers() {
    static constexpr std::array<const char*, 5> kClasses{"1xx", "2xx", "3xx", "4xx", "5xx"};
    ForEachKey(listeners_, [&](const std::string& name) {
      for (size_t i = 1; i < kClasses.size(); ++i) {
        sink_.Count("meridian_route_answers_total",
                    "Requests that a route answered itself: redirects and fixed responses",
                    {{"listener", name}, {"code", kClasses[i]}},
                    Sum(
                        listeners_, name, [i](auto& b) -> auto& { return b.answers[i]; }));
      }
    });
  }

  void Requests() {
    struct CodeClass {
      const char* label;
      Counter RouteCounters::*field;
    };
    static constexpr std::array<CodeClass, 5> kClasses{{{"1xx", &RouteCounters::requests_1xx},
                                                        {"2xx", &RouteCounters::requests_2xx},
                                                        {"3xx", &RouteCounters::requests_3xx},
                                                        {"4xx", &RouteCounters::requests_4xx},
                                                        {"5xx", &RouteCounters::requests_5xx}}};
    ForEachKey(routes_, [&](const Key& key) {
      for (const auto& code : kClasses) {
        sink_.Count("meridian_requests_total",
                    "HTTP requests answered, by status class; with no site: by Meridian itself",
                    {{"service", key.first}, {"site", key.second}, {"code", code.label}},
                    Sum(
                        routes_, key, [&](auto& b) -> auto& { return b.*code.field; }));
      }
    });
    ForEachKey(routes_, [&](const Key& key) {
      sink_.Gauge("meridian_sessions_active", "Requests and sessions in progress",
                  {{"service", key.first}, {"site", key.second}},
                  static_cast<double>(Sum(
                      routes_, key, [](auto& b) -> auto& { return b.active; })));
    });
  }

  void Traffic() {
    struct Plain {
      const char* name;
      const char* help;
      Counter RouteCounters::*field;
    };
    static constexpr std::array<Plain, 11> kPlain{{
        {"meridian_sessions_total", "TCP and UDP sessions relayed", &RouteCounters::connections},
        {"meridian_received_bytes_total", "Bytes of bodies and sessions from clients",
         &RouteCounters::bytes_in},
        {"meridian_sent_bytes_total", "Bytes of bodies and sessions to clients",
         &RouteCounters::bytes_out},
        {"meridian_retries_total", "Attempts on a further endpoint after a failed one",
         &RouteCounters::retries},
        {"meridian_backend_connects_total", "Backend connections attempted",
         &RouteCounters::connects},
        {"meridian_backend_connect_failures_total", "Backend connects that failed",
         &RouteCounters::connect_failures},
        {"meridian_backend_reused_total", "Requests on a pooled backend connection",
         &RouteCounters::reused},
        {"meridian_hedges_total", "Further copies of requests that had no answer in time",
         &RouteCounters::hedges},
        {"meridian_hedges_won_total", "Requests that such a copy was the first to answer",
         &RouteCounters::hedges_won},
        {"meridian_races_won_total", "Connects won against a slower one",
         &RouteCounters::races_won},
        {"meridian_stalled_sessions_total",
         "TCP sessions whose backend did not acknowledge what was sent to it",
         &RouteCounters::stalls},
    }};
    for (const Plain& plain : kPlain) {
      ForEachKey(routes_, [&](const Key& key) {
        sink_.Count(plain.name, plain.help, {{"service", key.first}, {"site", key.second}},
                    Sum(
                        routes_, key, [&](auto& b) -> auto& { return b.*plain.field; }));
      });
    }
  }

  void WarmConnections() {
    ForEachKey(routes_, [&](const Key& key) {
      sink_.Gauge("meridian_warm_connections_ready", "Backend connections opened ahead, waiting",
                  {{"service", key.first}, {"site", key.second}},
                  static_cast<double>(Sum(
                      routes_, key, [](auto& b) -> auto& { return b.warm; })));
    });
    ForEachKey(routes_, [&](const Key& key) {
      for (size_t i = 0; i < kWarmFates; ++i) {
        sink_.Count("meridian_warm_connections_total",
                    "Backend connections opened ahead, by what became of them",
                    {{"service", key.first},
                     {"site", key.second},
                     {"fate", Name(static_cast<WarmFate>(i))}},
                    Sum(
                        routes_, key, [i](auto& b) -> auto& { return b.warm_fates[i]; }));
      }
    });
  }

  void Mirrors() {
    static constexpr std::array<const char*, 3> kFates{"answered", "failed", "dropped"};
    ForEachKey(routes_, [&](const std::pair<std::string, std::string>& key) {
      if (!key.second.empty()) return;
      for (size_t i = 0; i < kFates.size(); ++i) {
        sink_.Count("meridian_mirrored_requests_total",
                    "Copies of requests for this service, by what became of them",
                    {{"service", key.first}, {"result", kFates[i]}},
                    Sum(
                        routes_, key, [i](auto& b) -> auto& { return b.mirrors[i]; }));
      }
    });
  }

  void Decisions() {
    ForEachKey(routes_, [&](const Key& key) {
      for (size_t i = 0; i < std::tuple_size_v<decltype(RouteCounters::reasons)>; ++i) {
        const char* reason = routing::Name(static_cast<routing::Reason>(i));
        sink_.Count("meridian_decisions_total", "Decisions, by the step that chose the site",
                    {{"service", key.first}, {"site", key.second}, {"reason", reason}},
                    Sum(
                        routes_, key, [i](auto& b) -> auto& { return b.reasons[i]; }));
      }
    });
    ForEachKey(routes_, [&](const Key& key) {
      for (size_t i = 0; i < std::tuple_size_v<decltype(RouteCounters::pins)>; ++i) {
        const char* pin = routing::Name(static_cast<routing::Pin>(i));
        sink_.Count("meridian_session_pins_total", "What became of session keys",
                    {{"service", key.first}, {"site", key.second}, {"pin", pin}},
                    Sum(
                        routes_, key, [i](auto& b) -> auto& { return b.pins[i]; }));
      }
    });
  }

  void Times() {
    struct Time {
      const char* name;
      const char* help;
      Histogram RouteCounters::*field;
    };
    static constexpr std::array<Time, 2> kTimes{
        {{"meridian_connect_duration_seconds", "Time to connect to a backend",
          &RouteCounters::connect_time},
         {"meridian_response_duration_seconds", "Time from the request's head to the response's",
          &RouteCounters::response_time}}};
    for (const Time& time : kTimes) {
      ForEachKey(routes_, [&](const Key& key) {
        Histogram::Values values;
        for (const auto& blocks : routes_) {
          if (const auto found = blocks.find(key); found != blocks.end()) {
            ((*found->second).*time.field).AddTo(values);
          }
        }
        sink_.Distribution(time.name, time.help, {{"service", key.first}, {"site", key.second}},
                           values);
      });
    }
  }

 private:
  using Key = std::pair<std::string, std::string>;

  MetricSink& sink_;
  const Listeners& listeners_;
  const Routes& routes_;
};

}  // namespace

uint64_t Metrics::active() const {
  return active({}, {});
}

uint64_t Metrics::active(std::string_view service, std::string_view site) const {
  const std::lock_guard lock(mutex_);
  uint64_t sum = 0;
  for (const auto& blocks : routes_) {
    for (const auto& [key, block] : blocks) {
      if ((service.empty() || key.first == service) && (site.empty() || key.second == site)) {
        sum += block->active.value();
      }
    }
  }
  return sum;
}

Metrics::Traffic Metrics::traffic(std::string_view service, std::string_view site) const {
  const std::lock_guard lock(mutex_);
  const std::pair here{std::string(service), std::string(site)};
  const std::pair nowhere{std::string(service), std::string()};
  const size_t moved = static_cast<size_t>(routing::Pin::kMoved);
  Traffic sum;
  for (const auto& blocks : routes_) {
    if (const auto found = blocks.find(here); found != blocks.end()) {
      const RouteCounters& route = *found->second;
      sum.active += route.active.value();
      sum.answers += route.requests_1xx.value() + route.requests_2xx.value() +
                     route.requests_3xx.value() + route.requests_4xx.value() +
                     route.connections.value();
      sum.moved += route.pins[moved].value();
    }
    if (const auto found = blocks.find(nowhere); found != blocks.end()) {
      sum.lost += found->second->requests_5xx.value();
    }
  }
  return sum;
}

void Metrics::Collect(MetricSink& sink) const {
  const std::lock_guard lock(mutex_);
  Report report(sink, listeners_, routes_);
  report.Connections();
  report.Datagrams();
  report.Http2Faults();
  report.Handshakes();
  report.Answers();
  report.Requests();
  report.Mirrors();
  report.Traffic();
  report.WarmConnections();
  report.Decisions();
  report.Times();
  sink.Gauge("meridian_moved_sessions",
             "Sessions without a cookie that are remembered where they moved to", {},
             static_cast<double>(moved_sessions_ ? moved_sessions_->entries() : 0));
  sink.Count("meridian_moved_sessions_evicted_total",
             "Moved sessions without a cookie that were forgotten for want of room", {},
             moved_sessions_ ? moved_sessions_->evictions() : 0);
  sink.Count("meridian_client_rates_evicted_total",
             "Clients whose rate was forgotten for want of room (process.client_table)", {},
             clients_ ? clients_->rates.evictions() : 0);
  sink.Count("meridian_client_connections_uncounted_total",
             "Connections not counted for want of room (process.client_table)", {},
             clients_ ? clients_->connections.uncounted() : 0);
  uint64_t hits = 0, misses = 0;
  for (const auto& worker : workers_) {
    hits += worker->geo_hits.value();
    misses += worker->geo_misses.value();
  }
  constexpr const char* kHelp = "Client locations looked up";
  sink.Count("meridian_geo_lookups_total", kHelp, {{"result", "hit"}}, hits);
  sink.Count("meridian_geo_lookups_total", kHelp, {{"result", "miss"}}, misses);
}

}  // namespace meridian::proxy
