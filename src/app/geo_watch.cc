// See geo_watch.h.
#include "geo_watch.h"

#include <meridian/base/format.h>
#include <meridian/base/log.h>
#include <meridian/base/text.h>

#include <utility>

#include "background.h"

namespace meridian::app {
namespace {

const geo::DatabaseReport* Find(const geo::Locator& locator, const std::string& path) {
  for (const geo::DatabaseReport& report : locator.databases()) {
    if (report.path == path) return &report;
  }
  return nullptr;
}

}  // namespace

std::vector<std::string> DoubtsAbout(const geo::Locator& next, const geo::Locator& running) {
  std::vector<std::string> doubts;
  for (const geo::DatabaseReport& report : next.databases()) {
    const geo::DatabaseReport* before = Find(running, report.path);
    if (before == nullptr || before->stamp == report.stamp) continue;
    const std::string doubt = geo::DoubtAbout(report, *before);
    if (!doubt.empty()) doubts.push_back(Format("{}: {}", report.path, doubt));
  }
  return doubts;
}

bool IsUnchanged(const geo::Locator& running, const config::Geo& geo, const config::Geo& before) {
  if (geo != before) return false;
  for (const geo::DatabaseReport& report : running.databases()) {
    if (geo::FileStamp::Of(report.path) != report.stamp) return false;
  }
  return true;
}

GeoWatch::~GeoWatch() {
  if (opener_.joinable()) opener_.join();
}

void GeoWatch::Adopt(const snapshot::SnapshotPtr& running) {
  running_ = running;
  loaded_.clear();
  for (const geo::DatabaseReport& report : running->locator->databases()) {
    loaded_[report.path] = report.stamp;
  }
  settling_.clear();
  if (loaded_.empty()) {
    timer_.Disarm();
  } else if (!timer_.armed()) {
    loop_.Arm(timer_, kInterval);
  }
}

GeoWatch::Stamps GeoWatch::Look() const {
  Stamps stamps;
  for (const auto& [path, stamp] : loaded_) stamps[path] = geo::FileStamp::Of(path);
  return stamps;
}

void GeoWatch::OnTimer(net::Timer&) {
  loop_.Arm(timer_, kInterval);
  if (busy_) return;
  Stamps now = Look();
  if (now == loaded_ || now == refused_) {
    settling_.clear();
  } else if (now == settling_) {
    Open();
  } else {
    settling_ = std::move(now);
  }
}

void GeoWatch::Open() {
  busy_ = true;
  opening_ = std::exchange(settling_, {});
  if (opener_.joinable()) opener_.join();  // it has posted its last, so this does not wait
  opener_ = Background("geo", [this, geo = running_->config.geo] {
    Opened opened{geo, nullptr, {}};
    opened.locator = snapshot::OpenLocator(geo, opened.errors);
    loop_.Post([this, opened = std::move(opened)]() mutable { Judge(std::move(opened)); });
  });
}

void GeoWatch::Judge(Opened opened) {
  if (opened.locator != nullptr) {
    opened.errors = DoubtsAbout(*opened.locator, *running_->locator);
  }
  if (!opened.errors.empty()) {
    std::string why;
    for (const std::string& error : opened.errors) why += (why.empty() ? "" : "; ") + error;
    return Refuse(why);
  }
  std::string changes;
  for (const geo::DatabaseReport& report : opened.locator->databases()) {
    const geo::DatabaseReport* before = Find(*running_->locator, report.path);
    if (before != nullptr && before->stamp == report.stamp) continue;
    changes += Format("{}{}: {} with {} networks", changes.empty() ? "" : "; ", report.path,
                      report.type, GroupThousands(report.network_count));
  }
  offer_(opened.geo, opened.locator, [this, changes](const std::string& refusal) {
    if (!refusal.empty()) return Refuse(refusal);
    busy_ = false;
    ++accepted_;
    log::Info("geo: generation {} runs with a changed database: {}", running_->generation, changes);
  });
}

void GeoWatch::Refuse(const std::string& why) {
  busy_ = false;
  ++refusals_;
  refused_ = std::move(opening_);
  log::Error("geo: a changed database is refused, the one before goes on: {}", why);
}

void GeoWatch::Collect(MetricSink& sink) const {
  const char* swaps = "Changed geo databases, by whether they took the place of the running ones.";
  sink.Count("meridian_geo_swaps_total", swaps, {{"result", "accepted"}}, accepted_);
  sink.Count("meridian_geo_swaps_total", swaps, {{"result", "refused"}}, refusals_);
  if (running_ == nullptr) return;
  const auto each = [&](const char* name, const char* help, auto value) {
    for (const geo::DatabaseReport& report : running_->locator->databases()) {
      sink.Gauge(name, help, {{"database", report.path}}, static_cast<double>(value(report)));
    }
  };
  each("meridian_geo_database_build_timestamp_seconds", "When a running geo database was built.",
       [](const geo::DatabaseReport& report) { return report.build_epoch; });
  each("meridian_geo_database_networks", "Networks that a running geo database knows.",
       [](const geo::DatabaseReport& report) { return report.network_count; });
}

}  // namespace meridian::app
