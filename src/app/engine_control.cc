// The engine as the admin room sees it: its interface opened, its questions answered.
#include <errno.h>
#include <meridian/base/format.h>
#include <meridian/base/log.h>
#include <meridian/base/text.h>
#include <unistd.h>

#include <fstream>
#include <set>

#include "engine.h"
#include "host.h"
#include "version.h"

namespace meridian::app {
namespace {

constexpr size_t kMaxTokenBytes = 4096;

const char* const kStates[] = {"starting", "serving", "draining", "draining"};

// Adds up what a name's gauges say; drops the rest.
class GaugeSum final : public MetricSink {
 public:
  explicit GaugeSum(std::string_view name) : name_(name) {}
  double sum() const { return sum_; }

  void Count(std::string_view, std::string_view, Labels, uint64_t) override {}
  void Gauge(std::string_view name, std::string_view, Labels, double value) override {
    if (name == name_) sum_ += value;
  }
  void Distribution(std::string_view, std::string_view, Labels, const Histogram::Values&) override {
  }

 private:
  std::string_view name_;
  double sum_ = 0;
};

// The first line of the file, without white space around it; empty if there is none.
std::string ReadToken(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line) || line.size() > kMaxTokenBytes) return {};
  if (line.ends_with('\r')) line.pop_back();
  return std::string(TrimSpace(line));
}

// What a person can do about an admin address that cannot be listened on.
std::string Advice(const Error& error, const net::Address& address) {
  if (!address.is_unix()) return {};
  const std::string directory = address.path().substr(0, address.path().rfind('/'));
  if (error.system == ENOENT) {
    return Format(
        "; the directory {} does not exist: create it, or set admin.socket to another path",
        directory.empty() ? "/" : directory);
  }
  if (error.system == EACCES || error.system == EPERM) {
    return Format(
        "; this user may not write to {}: change that, or set admin.socket to another path",
        directory.empty() ? "/" : directory);
  }
  if (error.system == EADDRINUSE) return "; another instance is listening there";
  return {};
}

}  // namespace

bool Engine::OpenAdmin(const config::Admin& admin) {
  admin_ = std::make_unique<admin::Server>(loop_, *this);
  admin::ServerOptions local;
  local.address = net::Address::Unix(admin.socket);
  local.trusted = true;
  if (!ListenAdmin(local, "admin.socket")) return false;
  if (!admin.http) return true;
  admin::ServerOptions http;
  http.address = *admin.http;
  if (!admin.token_file.empty()) {
    http.token = ReadToken(admin.token_file);
    if (http.token.empty()) {
      log::Error("admin.token_file: {} holds no token", admin.token_file);
      return false;
    }
  }
  return ListenAdmin(http, "admin.http");
}

bool Engine::ListenAdmin(const admin::ServerOptions& options, const char* key) {
  const auto bound = admin_->Listen(options);
  if (!bound) {
    log::Error("{}: {}: {}{}", key, options.address.ToString(), Describe(bound.error()),
               Advice(bound.error(), options.address));
    return false;
  }
  log::Info("{}: listening on {}", key, bound->ToString());
  return true;
}

admin::ProcessStatus Engine::status() const {
  admin::ProcessStatus status;
  status.version = kVersion;
  status.pid = ::getpid();
  status.started = started_;
  status.state = kStates[static_cast<size_t>(state_)];
  status.generation = snapshot()->generation;
  status.loaded = config_.loaded();
  status.config_file = config_.file();
  status.workers = fleet_->size();
  GaugeSum clients("meridian_connections_active");
  metrics_->Collect(clients);
  status.clients = static_cast<uint64_t>(clients.sum());
  status.reloads = config_.reloads();
  status.reloads_refused = config_.refused();
  for (const config::Listener& listener : snapshot()->config.listeners) {
    for (size_t i = 0; i < listener.bind.size(); ++i) {
      const auto bound = config_.bound().find(Format("{}/{}", listener.name, i));
      const net::Address& real = bound == config_.bound().end() ? listener.bind[i] : bound->second;
      status.listeners.emplace_back(listener.name, real.ToString());
    }
  }
  return status;
}

uint64_t Engine::active(std::string_view service, std::string_view site) const {
  return metrics_->active(service, site);
}

uint64_t Engine::SessionsAt(const std::string& target) const {
  const snapshot::SnapshotPtr now = snapshot();
  const routing::Table& table = *now->table;
  uint64_t sessions = 0;
  const size_t slash = target.find('/');
  if (slash == std::string::npos) {
    for (const routing::Site& site : table.sites()) {
      if (site.name == target || site.region == target) sessions += active("", site.name);
    }
    return sessions;
  }
  std::set<const health::EndpointHealth*> counted;  // services may share one
  for (const routing::Endpoint& endpoint : table.endpoints()) {
    if (table.site(endpoint.site).name != target.substr(0, slash)) continue;
    if (endpoint.address_text != target.substr(slash + 1)) continue;
    if (counted.insert(endpoint.health).second) sessions += endpoint.health->in_flight();
  }
  return sessions;
}

void Engine::Collect(MetricSink& sink) {
  metrics_->Collect(sink);
  access_->Collect(sink);
  prober_->Collect(sink);
  geo_watch_.Collect(sink);
  names_.Collect(sink);
  hooks_.Collect(sink);
}

void Engine::Reload(bool force, std::function<void(admin::ReloadResult)> done) {
  if (state_ != State::kServing) {
    admin::ReloadResult result;
    result.generation = snapshot()->generation;
    result.errors.push_back(
        Format("it is {}: try again when it serves", kStates[static_cast<size_t>(state_)]));
    log::Warn("reload refused: {}", result.errors.back());
    return done(std::move(result));
  }
  NotifyReloading();
  config_.Reload(
      *fleet_, WallNow(), force, [this, done = std::move(done)](admin::ReloadResult result) {
        NotifyServiceManager("READY=1");
        if (!result.accepted) names_.Adopt(snapshot());
        Happened("reload",
                 result.accepted ? Format("generation {} is loaded", result.generation)
                                 : Format("refused; generation {} goes on", result.generation),
                 !result.accepted);
        done(std::move(result));
      });
}

Result<void> Engine::SetIntent(const std::string& target, const health::IntentRecord& record) {
  auto done = intents_.Set(target, record);
  if (done) {
    std::string text = Format("{}: {}", target, health::Name(record.intent));
    if (!record.author.empty()) text += " by " + record.author;
    if (!record.reason.empty()) text += " (" + record.reason + ")";
    Happened("intent", std::move(text));
  }
  return done;
}

}  // namespace meridian::app
