// See live_config.h.
#include "live_config.h"

#include <meridian/base/format.h>
#include <meridian/base/log.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "check_report.h"
#include "geo_watch.h"

namespace meridian::app {
namespace {

void LogDiagnostics(const std::vector<config::Diagnostic>& diagnostics) {
  for (const config::Diagnostic& diagnostic : diagnostics) {
    const bool error = diagnostic.severity == config::Diagnostic::Severity::kError;
    if (error) {
      log::Error("{}", diagnostic.ToString());
    } else {
      log::Warn("{}", diagnostic.ToString());
    }
  }
}

// What a running process cannot change, as warnings: the rest of the file takes effect.
void WarnOfFixed(const config::Config& running, const config::Config& next, const std::string& file,
                 std::vector<config::Diagnostic>& diagnostics) {
  const auto warn = [&](const char* key) {
    config::Diagnostic diagnostic;
    diagnostic.severity = config::Diagnostic::Severity::kWarning;
    diagnostic.file = file;
    diagnostic.message = Format("{}: a change takes effect at the next start", key);
    diagnostics.push_back(std::move(diagnostic));
  };
  if (running.process.workers != next.process.workers) warn("process.workers");
  if (running.process.max_connections != next.process.max_connections) {
    warn("process.max_connections");
  }
  if (running.process.session_table != next.process.session_table) warn("process.session_table");
  if (running.process.client_table != next.process.client_table) warn("process.client_table");
  if (running.process.state_directory != next.process.state_directory) {
    warn("process.state_directory");
  }
  if (running.admin != next.admin) warn("admin");
}

// The addresses that listeners of `next` go on with: those asked for at the same place as before.
// Any other port 0 is chosen anew.
proxy::Bound Kept(const config::Config& running, const config::Config& next,
                  const proxy::Bound& bound) {
  proxy::Bound kept;
  for (const config::Listener& listener : next.listeners) {
    for (const config::Listener& before : running.listeners) {
      if (before.name != listener.name) continue;
      for (size_t i = 0; i < std::min(before.bind.size(), listener.bind.size()); ++i) {
        const auto found = bound.find(Format("{}/{}", listener.name, i));
        if (found != bound.end() && before.bind[i] == listener.bind[i]) kept.insert(*found);
      }
    }
  }
  return kept;
}

}  // namespace

std::optional<config::Config> LiveConfig::LoadFirst(bool json_log) const {
  config::Loaded loaded = config::LoadFile(file_);
  if (!loaded.config) {
    for (const config::Diagnostic& diagnostic : loaded.diagnostics) {
      std::fprintf(stderr, "%s\n", diagnostic.ToString().c_str());
    }
    const CheckOutcome outcome{std::move(loaded), {}};
    std::fprintf(stderr, "%zu errors, %zu warnings\n", outcome.errors(), outcome.warnings());
    return std::nullopt;
  }
  log::Configure(loaded.config->log.level, loaded.config->log.json || json_log);
  LogDiagnostics(loaded.diagnostics);
  return std::move(loaded.config);
}

bool LiveConfig::CompileFirst(config::Config config) {
  names_.fill(config);
  snapshot::Compiled compiled = snapshot::Compile(std::move(config), 1, registry_, keys_);
  for (const std::string& error : compiled.errors) log::Error("{}", error);
  for (const std::string& warning : compiled.warnings) log::Warn("{}", warning);
  if (!compiled.snapshot) return false;
  Adopt(compiled.snapshot);
  return true;
}

void LiveConfig::Adopt(const snapshot::SnapshotPtr& next) {
  snapshot_ = next;
  for (const topology::Site& site : next->config.topology.sites) {
    registry_.SetRegion(site.name, site.region);
  }
}

void LiveConfig::Reload(Fleet& fleet, WallTime now, bool force, Done done) {
  Enqueue({&fleet, now, force, std::move(done)});
}

void LiveConfig::SwapLocator(Fleet& fleet, const config::Geo& geo,
                             std::shared_ptr<const geo::Locator> locator, Done done) {
  Enqueue({&fleet, loaded_, false, std::move(done), std::move(locator), geo});
}

void LiveConfig::SwapNames(Fleet& fleet, Done done) {
  Enqueue({.fleet = &fleet, .now = loaded_, .done = std::move(done), .names = true});
}

void LiveConfig::Enqueue(Request request) {
  if (waiting_.size() == kMaxWaiting) {
    admin::ReloadResult result;
    result.generation = snapshot_->generation;
    result.errors.push_back("too many reloads are waiting");
    return request.done(std::move(result));
  }
  waiting_.push_back(std::move(request));
  if (!busy_) StartNext();
}

void LiveConfig::StartNext() {
  if (waiting_.empty()) return;
  busy_ = true;
  Request request = std::move(waiting_.front());
  waiting_.pop_front();
  if (request.is_reload()) return StartReload(std::move(request));
  admin::ReloadResult result;
  snapshot::SnapshotPtr next = BuildWith(request, result);
  Prepare(std::move(request), std::move(next), std::move(result));
}

void LiveConfig::StartReload(Request request) {
  admin::ReloadResult result;
  std::optional<config::Config> loaded = Load(request.force, result);
  if (!loaded) return Finish(request, std::move(result));
  const auto config = std::make_shared<config::Config>(std::move(*loaded));
  names_.foresee(*config, [this, config, request = std::move(request), result]() mutable {
    snapshot::SnapshotPtr next = Build(std::move(*config), request.force, result);
    Prepare(std::move(request), std::move(next), std::move(result));
  });
}

void LiveConfig::Prepare(Request request, snapshot::SnapshotPtr next, admin::ReloadResult result) {
  if (!next) return Finish(request, std::move(result));
  Fleet& fleet = *request.fleet;
  proxy::Bound bound = Kept(snapshot_->config, next->config, bound_);
  fleet.Prepare(
      next, std::move(bound),
      [this, request = std::move(request), next, result = std::move(result)](
          Fleet::Prepared prepared) { Take(request, next, std::move(prepared), result); });
}

std::optional<config::Config> LiveConfig::Load(bool force, admin::ReloadResult& result) {
  config::Loaded loaded = config::LoadFile(file_);
  result.diagnostics = std::move(loaded.diagnostics);
  if (!loaded.config) return std::nullopt;
  if (const auto why = config::TooDrastic(snapshot_->config, *loaded.config); why && !force) {
    result.errors.push_back(*why + " (meridian reload --force does it nevertheless)");
    return std::nullopt;
  }
  WarnOfFixed(snapshot_->config, *loaded.config, file_, result.diagnostics);
  return std::move(loaded.config);
}

snapshot::SnapshotPtr LiveConfig::Build(config::Config config, bool force,
                                        admin::ReloadResult& result) {
  names_.fill(config);
  const bool reuse = IsUnchanged(*snapshot_->locator, config.geo, snapshot_->config.geo);
  snapshot::Compiled compiled =
      snapshot::Compile(std::move(config), snapshot_->generation + 1, registry_, keys_,
                        reuse ? snapshot_->locator : nullptr);
  for (const std::string& warning : compiled.warnings) log::Warn("{}", warning);
  result.errors.insert(result.errors.end(), compiled.errors.begin(), compiled.errors.end());
  if (!compiled.snapshot || force) return compiled.snapshot;
  for (const std::string& doubt : DoubtsAbout(*compiled.snapshot->locator, *snapshot_->locator)) {
    result.errors.push_back(doubt + " (meridian reload --force takes it nevertheless)");
  }
  return result.errors.empty() ? compiled.snapshot : nullptr;
}

snapshot::SnapshotPtr LiveConfig::BuildWith(const Request& request, admin::ReloadResult& result) {
  if (request.locator && request.geo != snapshot_->config.geo) {
    result.errors.push_back("another geo section has been loaded meanwhile");
    return nullptr;
  }
  config::Config config = snapshot_->config;
  names_.fill(config);
  snapshot::Compiled compiled =
      snapshot::Compile(std::move(config), snapshot_->generation + 1, registry_, keys_,
                        request.locator ? request.locator : snapshot_->locator);
  result.errors = std::move(compiled.errors);
  return compiled.snapshot;
}

void LiveConfig::Take(Request request, snapshot::SnapshotPtr next, Fleet::Prepared prepared,
                      admin::ReloadResult result) {
  if (!prepared) {
    result.errors.push_back(prepared.error());
    return Finish(request, std::move(result));
  }
  if (auto accepted = accept_(next); !accepted) {
    request.fleet->Abandon();
    result.errors.push_back(accepted.error());
    return Finish(request, std::move(result));
  }
  announce_(next, [this, request = std::move(request), next, bound = std::move(*prepared),
                   result = std::move(result)]() mutable {
    Swap(std::move(request), std::move(next), std::move(bound), std::move(result));
  });
}

void LiveConfig::Swap(Request request, snapshot::SnapshotPtr next, proxy::Bound bound,
                      admin::ReloadResult result) {
  Fleet& fleet = *request.fleet;
  if (stopping_) {
    fleet.Abandon();
    result.errors.push_back("it is stopping");
    return Finish(request, std::move(result));
  }
  bound_ = std::move(bound);
  fleet.Commit([this, request = std::move(request), next = std::move(next),
                result = std::move(result)]() mutable {
    Adopt(next);
    loaded_ = request.now;
    result.accepted = true;
    Finish(request, std::move(result));
  });
}

void LiveConfig::Finish(const Request& request, admin::ReloadResult result) {
  result.generation = snapshot_->generation;
  if (request.is_reload()) Report(result);
  if (result.accepted) published_(snapshot_);
  request.done(std::move(result));
  busy_ = false;
  StartNext();
}

void LiveConfig::Report(const admin::ReloadResult& result) {
  LogDiagnostics(result.diagnostics);
  for (const std::string& error : result.errors) log::Error("{}", error);
  if (result.accepted) {
    ++reloads_;
    log::Info("reload: generation {} runs", result.generation);
  } else {
    ++refused_;
    log::Error("reload refused: generation {} goes on unchanged", result.generation);
  }
}

}  // namespace meridian::app
