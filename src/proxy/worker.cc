// See proxy/worker.h: listeners over reloads, accepting, draining. Sessions do the rest.
#include <meridian/base/log.h>
#include <meridian/proxy/worker.h>

#include <algorithm>

#include "proxy/client_limits.h"
#include "proxy/core.h"
#include "proxy/http_client.h"
#include "proxy/mirror.h"
#include "proxy/reception.h"
#include "proxy/tcp_session.h"
#include "proxy/udp_listener.h"

namespace meridian::proxy {
namespace {

std::string BoundKey(const std::string& listener, size_t index) {
  return listener + "/" + std::to_string(index);
}

net::ListenOptions OptionsOf(const config::ListenSocket& socket) {
  net::ListenOptions options;
  options.backlog = static_cast<int>(socket.backlog);
  options.freebind = socket.freebind;
  options.fast_open = socket.fast_open;
  options.defer_accept = socket.defer_accept;
  return options;
}

tl::unexpected<std::string> CannotListen(const config::Listener& listener, const net::Address& at,
                                         const Error& error) {
  return tl::unexpected("listeners." + listener.name + ".bind: cannot listen on " + at.ToString() +
                        ": " + Describe(error));
}

}  // namespace

class Worker::State final : private ReceptionOwner {
 public:
  explicit State(const WorkerInput& input)
      : input_(input), core_(*input.loop, *input.random, *input.registry, input.access) {}

  ~State() {
    sockets_.clear();
    Close();
  }

  tl::expected<void, std::string> Prepare(snapshot::SnapshotPtr next, Bound& bound);
  void Commit();
  void Abandon() {
    added_.clear();
    added_udp_.clear();
    for (const auto& socket : udp_) socket->Want(false);
    next_.reset();
  }
  void Drain(std::function<void()> done);
  void Close() {
    core_.cutting = true;
    core_.sessions.ForEach([](Session& session) { session.Abort(); });
    core_.cutting = false;
    core_.pool.DropAll();
    core_.warm.Stop();
    core_.http2_backends.LeaveAll(true);
  }
  void HealthChanged() {
    core_.pool.DropUnusable();
    core_.warm.HealthChanged();
    core_.http2_backends.LeaveUnusable();
    core_.cutting = true;
    core_.sessions.ForEach([](Session& session) { session.HealthChanged(); });
    core_.cutting = false;
    core_.mirrors.ForEach([](Mirror& mirror) { mirror.HealthChanged(); });
  }
  void LeaveSite(std::string_view service, std::string_view site) {
    core_.cutting = true;
    core_.sessions.ForEach([&](Session& session) { session.LeaveSite(service, site); });
    core_.cutting = false;
  }
  size_t clients() const { return core_.clients; }

 private:
  // One bound address of one listener.
  struct Socket final : net::AcceptHandler {
    void OnAccept(net::StreamPtr stream) override { worker->Accept(*listener, std::move(stream)); }

    State* worker = nullptr;
    ListenerState* listener = nullptr;
    std::string key;        // BoundKey
    net::Address asked_at;  // as configured, port 0 included
    config::ListenSocket options;
    std::unique_ptr<net::Listener> socket;
  };

  bool Running(const std::string& key, const net::Address& at) const {
    return std::any_of(sockets_.begin(), sockets_.end(),
                       [&](const auto& s) { return s->key == key && s->asked_at == at; });
  }
  UdpListener* RunningUdp(const std::string& key, const net::Address& at) const;
  ListenerState& StateOf(const std::string& name);
  tl::expected<void, std::string> Open(const config::Listener& listener, size_t index,
                                       Bound& bound);
  tl::expected<void, std::string> OpenUdp(const config::Listener& listener, size_t index,
                                          Bound& bound);
  void CommitUdp();
  void CloseRemoved();
  void AdjustRunning();
  void Accept(ListenerState& listener, net::StreamPtr stream);
  void OnReceived(ListenerState& listener, Arrival arrival) override;
  template <class T, class... Arguments>
  void Start(Arguments&&... arguments);

  WorkerInput input_;
  Core core_;
  std::vector<std::unique_ptr<ListenerState>> listeners_;
  std::vector<std::unique_ptr<Socket>> sockets_;
  snapshot::SnapshotPtr next_;                  // between Prepare and Commit
  std::vector<std::unique_ptr<Socket>> added_;  // likewise
  std::vector<std::unique_ptr<UdpListener>> udp_, added_udp_;
};

tl::expected<void, std::string> Worker::State::Prepare(snapshot::SnapshotPtr next, Bound& bound) {
  Abandon();
  next_ = std::move(next);
  for (const snapshot::Listener& listener : next_->listeners) {
    const bool is_udp = listener.config.protocol == config::Protocol::kUdp;
    for (size_t i = 0; i < listener.config.bind.size(); ++i) {
      auto opened = is_udp ? OpenUdp(listener.config, i, bound) : Open(listener.config, i, bound);
      if (!opened) {
        Abandon();
        return opened;
      }
    }
  }
  return {};
}

tl::expected<void, std::string> Worker::State::Open(const config::Listener& listener, size_t index,
                                                    Bound& bound) {
  if (Running(BoundKey(listener.name, index), listener.bind[index])) return {};
  auto socket = std::make_unique<Socket>();
  socket->worker = this;
  socket->key = BoundKey(listener.name, index);
  socket->asked_at = listener.bind[index];
  socket->options = listener.socket;
  net::Address at = socket->asked_at;
  if (at.is_unix() && input_.index > 0) return {};  // one file, one socket: the first worker's
  const auto chosen = bound.find(socket->key);
  if (!at.is_unix() && at.port() == 0 && chosen != bound.end()) at = chosen->second;
  net::ListenOptions options = OptionsOf(listener.socket);
  options.reuse_port = !at.is_unix() && input_.worker_count > 1;
  auto opened = input_.loop->Listen(at, options, *socket);
  if (!opened) return CannotListen(listener, at, opened.error());
  socket->socket = std::move(*opened);
  socket->socket->Pause();
  bound[socket->key] = socket->socket->address();
  added_.push_back(std::move(socket));
  return {};
}

UdpListener* Worker::State::RunningUdp(const std::string& key, const net::Address& at) const {
  const auto found = std::find_if(udp_.begin(), udp_.end(), [&](const auto& socket) {
    return socket->key() == key && socket->asked_at() == at && !socket->done();
  });
  return found == udp_.end() ? nullptr : found->get();
}

tl::expected<void, std::string> Worker::State::OpenUdp(const config::Listener& listener,
                                                       size_t index, Bound& bound) {
  const std::string key = BoundKey(listener.name, index);
  net::Address at = listener.bind[index];
  if (UdpListener* const running = RunningUdp(key, at)) {
    running->Want(true);
    return {};
  }
  const UdpListener::Bounds bounds{input_.worker_count, input_.max_connections};
  auto socket = std::make_unique<UdpListener>(core_, bounds, key, at);
  const auto chosen = bound.find(key);
  if (at.port() == 0 && chosen != bound.end()) at = chosen->second;
  const net::DatagramListenOptions options{.reuse_port = input_.worker_count > 1,
                                           .freebind = listener.socket.freebind};
  if (const auto opened = socket->Open(at, options); !opened) {
    return CannotListen(listener, at, opened.error());
  }
  bound[key] = socket->address();
  socket->Want(true);
  added_udp_.push_back(std::move(socket));
  return {};
}

// Those of the new snapshot, and those that are gone but for their last sessions.
void Worker::State::CommitUdp() {
  for (auto& socket : added_udp_) udp_.push_back(std::move(socket));
  added_udp_.clear();
  for (const auto& socket : udp_) {
    if (socket->wanted()) {
      socket->Adopt(StateOf(socket->key().substr(0, socket->key().rfind('/'))));
    } else {
      socket->Close();
    }
  }
  std::erase_if(udp_, [](const auto& socket) { return socket->done(); });
}

ListenerState& Worker::State::StateOf(const std::string& name) {
  for (const auto& state : listeners_) {
    if (state->name == name) return *state;
  }
  listeners_.push_back(std::make_unique<ListenerState>());
  listeners_.back()->name = name;
  return *listeners_.back();
}

void Worker::State::Commit() {
  MERIDIAN_CHECK(next_ != nullptr);
  core_.current = Hold(next_, input_.metrics->Bind(input_.index, *next_));
  core_.access.Configure(next_->config.log.access);
  if (next_->clients) core_.clients_known = next_->clients;
  next_.reset();
  for (const auto& state : listeners_) state->id = {};
  const auto& listeners = core_.current.snapshot().listeners;
  for (uint32_t i = 0; i < listeners.size(); ++i) {
    ListenerState& state = StateOf(listeners[i].config.name);
    state.id = ListenerId{i};
    state.counters = core_.current.counters().listeners[i];
  }
  CommitUdp();
  CloseRemoved();
  AdjustRunning();
  for (auto& socket : added_) {
    socket->listener = &StateOf(socket->key.substr(0, socket->key.rfind('/')));
    socket->socket->Resume();
    sockets_.push_back(std::move(socket));
  }
  added_.clear();
  core_.warm.Adopt();
}

// What goes on listening, and is to listen otherwise.
void Worker::State::AdjustRunning() {
  for (const auto& socket : sockets_) {
    const config::Listener& listener = core_.Config(*socket->listener)->config;
    if (socket->options == listener.socket) continue;
    socket->options = listener.socket;
    if (const auto done = socket->socket->Adjust(OptionsOf(listener.socket)); !done) {
      log::Warn("listeners.{}: the socket at {} stays as it was: {}", listener.name,
                socket->socket->address().ToString(), Describe(done.error()));
    }
  }
}

// Sockets that the new snapshot does not name; states of removed listeners once their last session
// has gone.
void Worker::State::CloseRemoved() {
  std::erase_if(sockets_, [&](const auto& socket) {
    const snapshot::Listener* listener = core_.Config(*socket->listener);
    if (listener == nullptr || listener->config.protocol == config::Protocol::kUdp) return true;
    const auto& bind = listener->config.bind;
    for (size_t i = 0; i < bind.size(); ++i) {
      if (socket->key == BoundKey(listener->config.name, i) && socket->asked_at == bind[i])
        return false;
    }
    return true;
  });
  std::erase_if(listeners_,
                [](const auto& state) { return !state->id.ok() && state->clients == 0; });
}

void Worker::State::Accept(ListenerState& listener, net::StreamPtr stream) {
  listener.counters->accepted.Add();
  const auto refuse = [&](Failure why) {
    listener.counters->failures[static_cast<size_t>(why)].Add();
    stream->Reset();
  };
  if (core_.clients >= input_.max_connections || core_.draining) {
    return refuse(Failure::kOverloaded);
  }
  const snapshot::Listener& config = *core_.Config(listener);
  if (!WithinConnections(core_, listener)) return refuse(Failure::kListenerFull);
  if (!WithinAcceptRate(core_, config.config)) return refuse(Failure::kRateLimited);
  ++core_.clients;
  ++listener.clients;
  listener.counters->active.Add();
  if (config.tls != nullptr) {
    return Start<Reception>(core_, listener, std::move(stream),
                            static_cast<ReceptionOwner&>(*this));
  }
  const net::IpAddress peer = stream->peer().ip();
  OnReceived(listener, {std::move(stream), peer});
}

// The protocol that a client speaks is known: by its listener, under TLS by ALPN besides.
void Worker::State::OnReceived(ListenerState& listener, Arrival arrival) {
  if (core_.Config(listener)->config.protocol == config::Protocol::kTcp) {
    Start<TcpSession>(core_, listener, std::move(arrival));
  } else {
    Start<HttpClient>(core_, listener, std::move(arrival));
  }
}

// The session is in core_.sessions until it retires.
template <class T, class... Arguments>
void Worker::State::Start(Arguments&&... arguments) {
  auto session = std::make_unique<T>(std::forward<Arguments>(arguments)...);
  core_.sessions.PushBack(*session);
  session.release()->Begin();
}

void Worker::State::Drain(std::function<void()> done) {
  sockets_.clear();
  Abandon();
  for (const auto& socket : udp_) socket->Close();
  core_.draining = true;
  core_.on_empty = std::move(done);
  core_.pool.DropAll();
  core_.warm.Stop();
  core_.sessions.ForEach([](Session& session) { session.Drain(); });
  if (core_.clients == 0 && core_.on_empty) std::exchange(core_.on_empty, nullptr)();
}

Worker::Worker(const WorkerInput& input) : state_(std::make_unique<State>(input)) {}
Worker::~Worker() = default;
tl::expected<void, std::string> Worker::Prepare(snapshot::SnapshotPtr next, Bound& bound) {
  return state_->Prepare(std::move(next), bound);
}
void Worker::Commit() {
  state_->Commit();
}
void Worker::Abandon() {
  state_->Abandon();
}
void Worker::Drain(std::function<void()> done) {
  state_->Drain(std::move(done));
}
void Worker::Close() {
  state_->Close();
}
void Worker::HealthChanged() {
  state_->HealthChanged();
}
void Worker::LeaveSite(std::string_view service, std::string_view site) {
  state_->LeaveSite(service, site);
}
size_t Worker::clients() const {
  return state_->clients();
}

}  // namespace meridian::proxy
