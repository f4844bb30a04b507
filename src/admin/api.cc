// The table of paths, and the answers that only read; see api.h.
#include "admin/api.h"

#include <meridian/base/format.h>
#include <meridian/base/text.h>
#include <meridian/routing/explain.h>

#include "admin/drain_request.h"
#include "admin/events_text.h"
#include "admin/exposition.h"
#include "admin/state_metrics.h"
#include "admin/text.h"
#include "admin/views.h"

namespace meridian::admin {
namespace {

// True if `path` is of `pattern`'s form; `name` gets what stands for "{}".
bool Matches(std::string_view pattern, std::string_view path, std::string_view& name) {
  name = {};
  const size_t hole = pattern.find("{}");
  if (hole == std::string_view::npos) return pattern == path;
  const std::string_view before = pattern.substr(0, hole), after = pattern.substr(hole + 2);
  if (path.size() <= before.size() + after.size()) return false;
  if (!path.starts_with(before) || !path.ends_with(after)) return false;
  name = path.substr(before.size(), path.size() - before.size() - after.size());
  return name.find('/') == std::string_view::npos;
}

void Json(const Reply& reply, std::string body) {
  Response response;
  response.body = std::move(body);
  reply(std::move(response));
}

void Text(Reply& reply, int status, std::string body) {
  Response response;
  response.status = status;
  response.content_type = "text/plain; charset=utf-8";
  response.body = std::move(body);
  reply(std::move(response));
}

template <class Things>
Response NoSuch(std::string_view kind, std::string_view name, const Things& things) {
  std::vector<std::string_view> known;
  for (const auto& thing : things) known.push_back(thing.name);
  return ErrorResponse(404, "not-found", UnknownName(kind, name, known));
}

// The headers that explain is given as parameters "header=Name:value".
class GivenHeaders final : public routing::HeaderSource {
 public:
  // False: one of them has no name or no colon.
  bool Read(const Request& request) {
    for (const auto& [key, value] : request.query) {
      if (key != "header") continue;
      const size_t colon = value.find(':');
      if (colon == std::string::npos || colon == 0) return false;
      headers_.emplace_back(value.substr(0, colon),
                            TrimSpace(std::string_view(value).substr(colon + 1)));
    }
    return true;
  }
  std::string_view Header(std::string_view name) const override {
    for (const auto& [given, value] : headers_) {
      if (EqualIgnoringCase(given, name)) return value;
    }
    return {};
  }

 private:
  std::vector<std::pair<std::string, std::string>> headers_;
};

}  // namespace

const std::vector<Api::Route>& Api::Routes() {
  static const std::vector<Route> routes = {
      {"GET", "/v1/status", &Api::Status},
      {"GET", "/v1/sites", &Api::Sites},
      {"GET", "/v1/sites/{}", &Api::Site},
      {"PUT", "/v1/sites/{}", &Api::NotYet},
      {"DELETE", "/v1/sites/{}", &Api::NotYet},
      {"GET", "/v1/services", &Api::Services},
      {"GET", "/v1/services/{}", &Api::Service},
      {"GET", "/v1/services/{}/failover", &Api::Assess},
      {"POST", "/v1/services/{}/failover", &Api::Failover},
      {"POST", "/v1/services/{}/failback", &Api::Failback},
      {"POST", "/v1/services/{}/acknowledge", &Api::Acknowledge},
      {"POST", "/v1/services/{}/release", &Api::Release},
      {"POST", "/v1/services/{}/automation", &Api::AutomationOn},
      {"DELETE", "/v1/services/{}/automation", &Api::AutomationOff},
      {"POST", "/v1/automation", &Api::AutomationOn},
      {"DELETE", "/v1/automation", &Api::AutomationOff},
      {"GET", "/v1/explain", &Api::Explain},
      {"GET", "/v1/whatif", &Api::WhatIf},
      {"GET", "/v1/config", &Api::Config},
      {"GET", "/v1/events", &Api::Events},
      {"POST", "/v1/reload", &Api::Reload},
      {"GET", "/v1/drain", &Api::DrainOf},
      {"POST", "/v1/drain", &Api::Drain},
      {"DELETE", "/v1/drain", &Api::Undrain},
      {"POST", "/v1/stop", &Api::Stop},
      {"GET", "/metrics", &Api::Metrics},
      {"GET", "/healthz", &Api::Health},
      {"GET", "/readyz", &Api::Ready},
  };
  return routes;
}

void Api::Handle(const Request& request, Reply reply) {
  const std::string_view given = request.method, method = given == "HEAD" ? "GET" : given;
  std::string allow;
  std::string_view name;
  for (const Route& route : Routes()) {
    if (!Matches(route.path, request.path, name)) continue;
    if (route.method == method) return (this->*route.handler)(request, name, reply);
    allow += allow.empty() ? "" : ", ";
    allow += route.method == "GET" ? "GET, HEAD" : route.method;
  }
  if (allow.empty()) {
    return reply(ErrorResponse(404, "not-found", Format("there is nothing at {}", request.path)));
  }
  Response response = ErrorResponse(
      405, "method-not-allowed",
      Format("{} is not done here; {} allows {}", request.method, request.path, allow));
  response.allow = allow;
  reply(std::move(response));
}

void Api::Status(const Request&, std::string_view, Reply& reply) {
  Json(reply, StatusJson(control_));
}

void Api::Sites(const Request&, std::string_view, Reply& reply) {
  Json(reply, SitesJson(control_));
}

void Api::Site(const Request&, std::string_view name, Reply& reply) {
  const snapshot::SnapshotPtr snapshot = control_.snapshot();
  const SiteId id = snapshot->table->FindSite(name);
  if (!id.ok()) return reply(NoSuch("site", name, snapshot->table->sites()));
  Json(reply, SiteJson(control_, id));
}

void Api::Services(const Request&, std::string_view, Reply& reply) {
  Json(reply, ServicesJson(control_));
}

void Api::Service(const Request&, std::string_view name, Reply& reply) {
  const snapshot::SnapshotPtr snapshot = control_.snapshot();
  const ServiceId id = snapshot->table->FindService(name);
  if (!id.ok()) return reply(NoSuch("service", name, snapshot->table->services()));
  Json(reply, ServiceJson(control_, id));
}

void Api::Explain(const Request& request, std::string_view, Reply& reply) {
  const auto service_name = request.Parameter("service");
  const auto client_text = request.Parameter("client");
  if (!service_name || !client_text) {
    return reply(
        ErrorResponse(400, "missing-parameter", "explain needs ?service=NAME&client=ADDRESS"));
  }
  const snapshot::SnapshotPtr snapshot = control_.snapshot();
  const routing::Table& table = *snapshot->table;
  const ServiceId service = table.FindService(*service_name);
  if (!service.ok()) return reply(NoSuch("service", *service_name, table.services()));
  const auto client = net::IpAddress::Parse(*client_text);
  if (!client) {
    return reply(ErrorResponse(400, "bad-parameter",
                               Format("client: '{}' is not an IP address", *client_text)));
  }
  GivenHeaders headers;
  if (!headers.Read(request)) {
    return reply(ErrorResponse(400, "bad-parameter", "header: expected header=Name:value"));
  }
  const topology::SessionPolicy& session = table.service(service).session;
  std::string_view key = request.Parameter("session").value_or("");
  if (key.empty() && session.by == topology::SessionBy::kHeader) key = headers.Header(session.name);
  const routing::Query query{.service = service,
                             .client = *client,
                             .session_key = key,
                             .headers = &headers,
                             .wall = control_.WallNow(),
                             .now = control_.Now(),
                             .draw = control_.Draw()};
  const routing::Explanation explanation = routing::Explain(table, query, control_.WallNow());
  Json(reply, ExplanationJson(explanation, snapshot->generation));
}

void Api::WhatIf(const Request& request, std::string_view, Reply& reply) {
  WhatIfRequest asked;
  for (const auto& [name, value] : request.query) {
    static constexpr std::string_view kNames[] = {"down", "lag", "service", "rate", "sessions"};
    std::string* const one = name == "service"    ? &asked.service
                             : name == "rate"     ? &asked.rate
                             : name == "sessions" ? &asked.sessions
                                                  : nullptr;
    if (one != nullptr) {
      *one = value;
    } else if (name == "down" || name == "lag") {
      (name == "down" ? asked.down : asked.lag).push_back(value);
    } else {
      return reply(ErrorResponse(400, "bad-parameter", UnknownName("parameter", name, kNames)));
    }
  }
  control_.WhatIf(asked, [reply](WhatIfResult result) {
    if (result.status != 200) return reply(ErrorResponse(result.status, "no-answer", result.text));
    Json(reply, std::move(result.text));
  });
}

void Api::DrainOf(const Request& request, std::string_view, Reply& reply) {
  const std::string target(request.Parameter("target").value_or(""));
  if (target.empty()) {
    return reply(ErrorResponse(400, "missing-parameter", "drain needs ?target=NAME"));
  }
  const bool is_serving = control_.registry().IntentOf(target) == health::Intent::kServe;
  const auto wrong = CheckTarget(*control_.snapshot()->table, target);
  if (is_serving && wrong) return reply(ErrorResponse(404, "not-found", *wrong));
  Json(reply, IntentJson(control_, target));
}

void Api::Config(const Request&, std::string_view, Reply& reply) {
  Json(reply, ConfigJson(*control_.snapshot()));
}

// Last-Event-ID, or the parameter `since`, is the last event that is known already; without it a
// stream begins with what happens next. With follow=false the newest are answered, `limit` of them.
void Api::Events(const Request& request, std::string_view, Reply& reply) {
  const EventLog& log = control_.events();
  const auto follow = request.Parameter("follow"), limit_text = request.Parameter("limit");
  const bool streams = !follow || request.Flag("follow");
  std::string_view since = request.Parameter("since").value_or("");
  if (since.empty()) since = request.last_event_id;
  const auto after =
      since.empty() ? std::optional<uint64_t>(streams ? log.last() : 0) : ParseUnsigned(since);
  const auto limit =
      limit_text ? ParseUnsigned(*limit_text) : std::optional<uint64_t>(EventLog::kKept);
  if (!after || !limit) {
    return reply(ErrorResponse(400, "bad-parameter",
                               Format("{}: expected a whole number", !after ? "since" : "limit")));
  }
  if (!streams) return Json(reply, EventsJson(log, *after, *limit));
  Response response;
  response.content_type = "text/event-stream";
  response.stream = true;
  response.body = EventsSince(log, *after);
  reply(std::move(response));
}

void Api::Metrics(const Request& request, std::string_view, Reply& reply) {
  const Exposition::Format format = Exposition::Choose(request.accept);
  Exposition exposition(format);
  CollectState(control_, exposition);
  control_.Collect(exposition);
  own_(exposition);
  Response response;
  response.content_type = Exposition::ContentType(format);
  response.body = exposition.Text();
  reply(std::move(response));
}

void Api::Health(const Request&, std::string_view, Reply& reply) {
  Text(reply, 200, "ok\n");
}

void Api::Ready(const Request&, std::string_view, Reply& reply) {
  const std::string state = control_.status().state;
  Text(reply, state == "serving" ? 200 : 503, state + "\n");
}

void Api::NotYet(const Request& request, std::string_view, Reply& reply) {
  reply(ErrorResponse(501, "not-supported-yet",
                      Format("{} {} is not supported yet", request.method, request.path)));
}

}  // namespace meridian::admin
