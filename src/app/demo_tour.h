// The tour: plays what the demo can do and checks each step from outside, by clients on real
// sockets and by the admin API. A thread of its own, besides the engine's; bounded in time.
#pragma once

#include <meridian/net/address.h>

#include <atomic>
#include <optional>
#include <string>

#include "demo_client.h"

namespace meridian::app {

struct DemoAddresses {
  net::Address proxy, control;
  std::string admin_socket, config_file, database;
};

class DemoTour {
 public:
  // With `json`, each step is one JSON object on a line.
  DemoTour(DemoAddresses addresses, bool json) : at_(std::move(addresses)), json_(json) {}

  // Prints each step; true if all did what they claim.
  bool Play();
  // Any thread: what is left is not played, and counts as failed.
  void Cancel() { cancelled_.store(true); }

 private:
  // What a step found: whether the claim holds, and what was seen.
  struct Seen {
    bool good = false;
    std::string what;
  };
  struct Step {
    const char* claim;
    Seen (DemoTour::*play)();
  };

  Seen PlaceDecides();
  Seen ForwardedForDecides();
  Seen DatabaseDecides();
  Seen SessionStays();
  Seen DeadSiteIsNotNoticed();
  Seen SiteReturns();
  Seen DrainMovesNewClients();
  Seen UndrainBringsBack();
  Seen ReloadKeepsConnections();
  Seen BadReloadChangesNothing();
  Seen ExplainAgrees();

  bool PlayStep(const Step& step);
  void Print(const Step& step, const Seen& seen) const;
  // The site that answers a new client from `client`; else what went wrong.
  std::string SiteFor(const std::string& client, const DemoClient::Fields& fields = {});
  // Until a new client from `client` gets to `site`, or a few seconds have passed.
  bool ComesTo(const std::string& client, const std::string& site);
  bool Switch(const char* what, const char* site);
  std::optional<std::string> Api(std::string_view method, std::string_view target,
                                 std::string_view body = {});

  DemoAddresses at_;
  bool json_;
  std::atomic<bool> cancelled_{false};
  std::string dallas_cookie_;  // of a session that began in Dallas
};

}  // namespace meridian::app
