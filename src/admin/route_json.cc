// See route_json.h.
#include "admin/route_json.h"

#include "admin/masks.h"

namespace meridian::admin {
namespace {

Json PathJson(const config::Route& route) {
  switch (route.path_match) {
    case config::PathMatch::kPrefix:
      return route.path;
    case config::PathMatch::kExact:
      return {{"exact", route.path}};
    case config::PathMatch::kRegex:
      return {{"regex", route.path}};
  }
  return nullptr;
}

Json Pairs(const std::vector<std::pair<std::string, std::string>>& pairs) {
  Json json = Json::object();
  for (const auto& [name, value] : pairs) json[name] = Masked(name, value);
  return json;
}

void AddChanges(const char* key, const config::HeaderChanges& changes, Json& json) {
  if (!changes.set.empty()) json[key]["set"] = Pairs(changes.set);
  if (!changes.add.empty()) json[key]["add"] = Pairs(changes.add);
  if (!changes.remove.empty()) json[key]["remove"] = changes.remove;
}

void AddActions(const config::Route& route, Json& json) {
  if (route.rewrite.prefix) {
    json["rewrite"]["prefix"] = route.rewrite.prefix->empty() ? "/" : *route.rewrite.prefix;
  }
  if (!route.rewrite.host.empty()) json["rewrite"]["host"] = route.rewrite.host;
  AddChanges("request_headers", route.request_headers, json);
  AddChanges("headers", route.response_headers, json);
  if (route.redirect) {
    json["redirect"] = {{"to", route.redirect->to}, {"status", route.redirect->status}};
  }
  if (route.respond) {
    json["respond"] = {{"status", route.respond->status},
                       {"body_bytes", route.respond->body.size()},
                       {"content_type", route.respond->content_type}};
  }
  if (route.mirror) {
    json["mirror"] = {{"service", route.mirror->service}, {"share", route.mirror->share}};
  }
  if (route.response_timeout) {
    json["timeouts"]["response"] = FormatDuration(*route.response_timeout);
  }
  if (route.idle_timeout) json["timeouts"]["idle"] = FormatDuration(*route.idle_timeout);
  if (route.retry_attempts) json["retries"]["attempts"] = *route.retry_attempts;
  if (route.retry_on) json["retries"]["on"] = RetryReasons(*route.retry_on);
}

}  // namespace

Json RetryReasons(const topology::RetryPolicy& retries) {
  Json on = Json::array();
  if (retries.on_connect) on.push_back("connect");
  if (retries.on_reset) on.push_back("reset");
  if (retries.on_timeout) on.push_back("timeout");
  for (const uint16_t status : retries.on_status) on.push_back(status);
  return on;
}

Json RouteJson(const config::Route& route, config::Protocol protocol) {
  if (protocol == config::Protocol::kTcp) {
    Json json = {{"sni", route.host.empty() ? "*" : route.host}, {"service", route.service}};
    if (!route.alpn.empty()) json["alpn"] = route.alpn;
    return json;
  }
  Json json = {{"host", route.host}, {"path", PathJson(route)}};
  if (!route.methods.empty()) json["methods"] = route.methods;
  if (!route.headers.empty()) json["match"]["header"] = Pairs(route.headers);
  if (!route.query.empty()) json["match"]["query"] = Pairs(route.query);
  if (!route.service.empty()) json["service"] = route.service;
  for (const config::ServiceShare& share : route.shares) {
    json["services"][share.service] = share.weight;
  }
  AddActions(route, json);
  return json;
}

}  // namespace meridian::admin
