// The API's paths: a request in, a response out, now or (reload) later. Knows nothing of
// connections; whether the caller may change things is decided before. Control thread.
//
//   path                       GET           POST        PUT   DELETE
//   /v1/status                 status
//   /v1/sites                  all sites
//   /v1/sites/{site}           one                       501   501
//   /v1/services               all services
//   /v1/services/{service}     one
//   /v1/services/{service}/failover   its cost   do it
//   /v1/services/{service}/failback, /acknowledge, /release   do it
//   /v1/services/{service}/automation        on                off
//   /v1/automation                           on, all           off, all
//   /v1/explain                a decision
//   /v1/whatif                 what would happen
//   /v1/config                 as loaded
//   /v1/events                 a stream, or with follow=false a list
//   /v1/reload                               reload
//   /v1/drain                  of ?target=   drain             serve again
//   /v1/stop                                 stop
//   /metrics /healthz /readyz  text
#pragma once

#include <meridian/admin/control.h>

#include <string>
#include <string_view>
#include <vector>

#include "admin/message.h"

namespace meridian::admin {

class Api {
 public:
  // `own` reports what the server itself counts, into each scrape.
  Api(Control& control, std::function<void(MetricSink&)> own)
      : control_(control), own_(std::move(own)) {}

  // True if the request, if it is known at all, changes something: it needs the right to.
  static bool IsChange(const Request& request) {
    return request.method != "GET" && request.method != "HEAD";
  }
  // Calls `reply` once. HEAD is answered as GET.
  void Handle(const Request& request, Reply reply);

 private:
  using Handler = void (Api::*)(const Request& request, std::string_view name, Reply& reply);
  struct Route {
    std::string_view method, path;  // "{}" stands for one segment, handed to the handler
    Handler handler;
  };
  static const std::vector<Route>& Routes();

  void Status(const Request&, std::string_view, Reply& reply);
  void Sites(const Request&, std::string_view, Reply& reply);
  void Site(const Request&, std::string_view name, Reply& reply);
  void Services(const Request&, std::string_view, Reply& reply);
  void Service(const Request&, std::string_view name, Reply& reply);
  void Explain(const Request& request, std::string_view, Reply& reply);
  void Config(const Request&, std::string_view, Reply& reply);
  void Events(const Request& request, std::string_view, Reply& reply);
  void Reload(const Request& request, std::string_view, Reply& reply);
  void WhatIf(const Request& request, std::string_view, Reply& reply);
  void DrainOf(const Request& request, std::string_view, Reply& reply);
  void Drain(const Request& request, std::string_view, Reply& reply);
  void Undrain(const Request& request, std::string_view, Reply& reply);
  void Stop(const Request& request, std::string_view, Reply& reply);
  void Assess(const Request& request, std::string_view name, Reply& reply);
  void Failover(const Request& request, std::string_view name, Reply& reply);
  void Failback(const Request& request, std::string_view name, Reply& reply);
  void Acknowledge(const Request& request, std::string_view name, Reply& reply);
  void Release(const Request& request, std::string_view name, Reply& reply);
  void AutomationOn(const Request& request, std::string_view name, Reply& reply);
  void AutomationOff(const Request& request, std::string_view name, Reply& reply);
  void Metrics(const Request& request, std::string_view, Reply& reply);
  void Health(const Request&, std::string_view, Reply& reply);
  void Ready(const Request&, std::string_view, Reply& reply);
  void NotYet(const Request&, std::string_view, Reply& reply);

  void Order(const Request& request, std::string_view service, RecoveryCommand::Order order,
             Reply& reply);
  void SetIntent(const std::string& target, const health::IntentRecord& record, Reply& reply);

  Control& control_;
  std::function<void(MetricSink&)> own_;
};

}  // namespace meridian::admin
