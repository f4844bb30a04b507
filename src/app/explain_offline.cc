// See explain_offline.h.
#include "explain_offline.h"

#include <meridian/base/format.h>
#include <meridian/base/text.h>

namespace meridian::app {
namespace {

class GivenHeaders final : public routing::HeaderSource {
 public:
  explicit GivenHeaders(const std::vector<std::pair<std::string, std::string>>& headers)
      : headers_(headers) {}
  std::string_view Header(std::string_view name) const override {
    for (const auto& [given, value] : headers_) {
      if (EqualIgnoringCase(given, name)) return value;
    }
    return {};
  }

 private:
  const std::vector<std::pair<std::string, std::string>>& headers_;
};

std::string NoService(const routing::Table& table, const std::string& name) {
  std::vector<std::string_view> names;
  for (const topology::Service& service : table.services()) names.push_back(service.name);
  const auto nearest = NearestName(name, names);
  return Format("no service '{}'", name) +
         (nearest ? Format("; did you mean '{}'?", *nearest) : std::string());
}

// The primary is active, and every standby follows it.
void AssumeNormal(const topology::Service& service, health::Registry& registry) {
  if (!service.disaster_recovery) return;
  const topology::DisasterRecovery& recovery = *service.disaster_recovery;
  std::vector<health::SiteOrdinal> readers{registry.Site(recovery.primary).ordinal};
  for (const std::string& standby : recovery.standby) {
    readers.push_back(registry.Site(standby).ordinal);
  }
  health::ServiceHealth& live = registry.Service(service.name);
  live.PublishReaders(readers);
  live.Publish({.admission = health::Admission::kRoute, .site = readers.front(), .epoch = 1});
}

}  // namespace

std::optional<std::pair<std::string, std::string>> ParseHeader(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  return std::pair(std::string(text.substr(0, colon)),
                   std::string(TrimSpace(text.substr(colon + 1))));
}

tl::expected<routing::Explanation, std::string> ExplainOffline(const snapshot::Snapshot& snapshot,
                                                               health::Registry& registry,
                                                               const ExplainRequest& request,
                                                               WallTime now) {
  const routing::Table& table = *snapshot.table;
  const ServiceId service = table.FindService(request.service);
  if (!service.ok()) return tl::unexpected(NoService(table, request.service));
  const auto client = net::IpAddress::Parse(request.client);
  if (!client) return tl::unexpected(Format("'{}' is not an IP address", request.client));
  for (const routing::Endpoint& endpoint : table.endpoints()) {
    registry.SetProbe(*endpoint.health, health::Probe::kUp, MonotonicTime{});
  }
  AssumeNormal(table.service(service), registry);
  const GivenHeaders headers(request.headers);
  const topology::SessionPolicy& session = table.service(service).session;
  std::string_view key = request.session;
  if (key.empty() && session.by == topology::SessionBy::kHeader) key = headers.Header(session.name);
  const routing::Query query{.service = service,
                             .client = *client,
                             .session_key = key,
                             .headers = &headers,
                             .wall = now,
                             .draw = 0};
  return routing::Explain(table, query, now);
}

}  // namespace meridian::app
