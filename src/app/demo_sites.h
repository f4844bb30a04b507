// The demo's three sites: two small HTTP endpoints each, and a control address by which a whole
// site is killed and revived. They run on a thread of their own, as they would be machines of their
// own.
//
//   GET  /            on an endpoint: who answers, and why the request came there
//   GET  /healthz     on an endpoint: 200
//   POST /kill/SITE   on the control address; /revive/SITE; GET / lists the sites
#pragma once

#include <meridian/net/address.h>

#include <memory>
#include <string>
#include <vector>

#include "loop_thread.h"
#include "tiny_http.h"

namespace meridian::app {

class DemoSites {
 public:
  struct Endpoint {
    std::string site;
    int number = 0;  // within its site, from 1
    net::Address address;
  };

  // Listens on free ports of 127.0.0.1 and starts the thread.
  static Result<std::unique_ptr<DemoSites>> Start(const std::vector<std::string>& sites);
  ~DemoSites() { thread_->Stop(); }

  const std::vector<Endpoint>& endpoints() const { return endpoints_; }
  const net::Address& control() const { return control_address_; }

 private:
  struct Server {
    std::string site;
    std::unique_ptr<TinyHttp> http;
  };

  explicit DemoSites(std::unique_ptr<LoopThread> thread) : thread_(std::move(thread)) {}
  Result<> Listen(const std::vector<std::string>& sites);
  TinyAnswer AnswerControl(const codec::Head& head);
  TinyAnswer Switch(std::string_view site, bool alive);

  std::unique_ptr<LoopThread> thread_;
  std::vector<Endpoint> endpoints_;
  net::Address control_address_;
  std::vector<Server> servers_;  // with control_, on the thread
  std::unique_ptr<TinyHttp> control_;
};

}  // namespace meridian::app
