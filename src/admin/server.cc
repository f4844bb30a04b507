// See server.h. The Server owns listeners and connections; the Api answers.
#include <meridian/admin/server.h>

#include <array>
#include <unordered_map>
#include <utility>

#include "admin/access.h"
#include "admin/api.h"
#include "admin/connection.h"
#include "admin/events_text.h"

namespace meridian::admin {
namespace {

constexpr size_t kMaxConnections = 256;  // per listener: more wait in its backlog

}  // namespace

class Server::State final : private EventListener {
 public:
  State(net::Loop& loop, Control& control)
      : loop_(loop),
        events_(control.events()),
        api_(control, [this](MetricSink& sink) { Collect(sink); }) {
    anchor_->state = this;
    events_.SetListener(this);
  }
  ~State() {
    anchor_->state = nullptr;
    events_.SetListener(nullptr);
  }

  Result<net::Address> Listen(const ServerOptions& options);

 private:
  // One listener and those who came by it.
  class Door final : public net::AcceptHandler, public ConnectionOwner {
   public:
    Door(State& state, ServerOptions options) : state_(state), options_(std::move(options)) {}
    Result<net::Address> Open();
    Connection* Find(uint64_t id);
    size_t connections() const { return connections_.size(); }
    void Stream(std::string_view text);

   private:
    void OnAccept(net::StreamPtr stream) override;
    void OnRequest(Connection& connection, Request request) override;
    void OnGone(Connection& connection) override;
    void OnAnswered(int status) override { ++state_.answered_[static_cast<size_t>(status / 100)]; }

    State& state_;
    const ServerOptions options_;
    std::unique_ptr<net::Listener> listener_;
    std::unordered_map<uint64_t, std::unique_ptr<Connection>> connections_;
  };
  // Held by replies that may come when the server, or the connection they are for, is gone.
  struct Anchor {
    State* state = nullptr;
  };

  void OnEvent(const Event& event) override;
  void Collect(MetricSink& sink) const;

  net::Loop& loop_;
  EventLog& events_;
  Api api_;
  uint64_t next_id_ = 0;
  std::array<uint64_t, 6> answered_{};  // by hundreds of the status
  std::vector<std::unique_ptr<Door>> doors_;
  std::shared_ptr<Anchor> anchor_ = std::make_shared<Anchor>();
};

Result<net::Address> Server::State::Door::Open() {
  auto listener = state_.loop_.Listen(options_.address, {.backlog = 128}, *this);
  if (!listener) return tl::unexpected<Error>(listener.error());
  listener_ = std::move(*listener);
  return listener_->address();
}

void Server::State::Door::OnAccept(net::StreamPtr stream) {
  const uint64_t id = ++state_.next_id_;
  connections_.emplace(id,
                       std::make_unique<Connection>(state_.loop_, *this, std::move(stream), id));
  if (connections_.size() >= kMaxConnections) listener_->Pause();
}

Connection* Server::State::Door::Find(uint64_t id) {
  const auto connection = connections_.find(id);
  return connection == connections_.end() ? nullptr : connection->second.get();
}

void Server::State::Door::OnRequest(Connection& connection, Request request) {
  if (Api::IsChange(request)) {
    if (auto refusal = RefuseChange(request, options_)) {
      return connection.Answer(std::move(*refusal));
    }
  }
  const auto reply = [anchor = state_.anchor_, door = this,
                      id = connection.id()](Response response) {
    if (anchor->state == nullptr) return;
    if (Connection* asker = door->Find(id)) asker->Answer(std::move(response));
  };
  state_.api_.Handle(request, reply);
}

void Server::State::Door::OnGone(Connection& connection) {
  connections_.erase(connection.id());
  if (connections_.size() == kMaxConnections - 1) listener_->Resume();
}

void Server::State::Door::Stream(std::string_view text) {
  for (auto& [id, connection] : connections_) {
    if (connection->streams()) connection->Send(text);
  }
}

void Server::State::OnEvent(const Event& event) {
  const std::string text = EventText(event);
  for (const auto& door : doors_) door->Stream(text);
}

Result<net::Address> Server::State::Listen(const ServerOptions& options) {
  auto door = std::make_unique<Door>(*this, options);
  auto address = door->Open();
  if (address) doors_.push_back(std::move(door));
  return address;
}

void Server::State::Collect(MetricSink& sink) const {
  constexpr std::array<std::string_view, 6> kClasses{"", "1xx", "2xx", "3xx", "4xx", "5xx"};
  for (size_t i = 2; i < kClasses.size(); ++i) {
    sink.Count("meridian_admin_requests_total", "Requests to the admin interface by status class.",
               {{"code", kClasses[i]}}, answered_[i]);
  }
  size_t connections = 0;
  for (const auto& door : doors_) connections += door->connections();
  sink.Gauge("meridian_admin_connections", "Open connections to the admin interface.", {},
             static_cast<double>(connections));
}

Server::Server(net::Loop& loop, Control& control)
    : state_(std::make_unique<State>(loop, control)) {}
Server::~Server() = default;

Result<net::Address> Server::Listen(const ServerOptions& options) {
  return state_->Listen(options);
}

}  // namespace meridian::admin
