// The clients of "web": each opens sessions through Walk, tries what it is given against the truth,
// keeps its cookie, and reports to health what it met. Every choice is judged by the model's own
// account of fences, intents, weights, checks and capacities.
#pragma once

#include <meridian/net/random.h>
#include <meridian/routing/decide.h>

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model_places.h"

namespace meridian::failover::sim {

struct ClientCoverage {
  std::array<uint64_t, 16> reasons{};
  std::array<uint64_t, 16> pins{};
  std::array<uint64_t, 16> refusals{};
  uint64_t sessions = 0, attempts_in_vain = 0, explained = 0;
};

class Clients {
 public:
  // Whether an address answers at this moment.
  using Reach = std::function<bool(const ModelEndpoint&)>;
  struct Now {
    const routing::Table& table;
    health::Registry& registry;
    MonotonicTime time;
    WallTime wall;
  };

  Clients(const Places& places, Reach reaches, net::Random& random);

  const std::shared_ptr<const geo::Locator>& locator() const { return locator_; }
  // A tenth of a second: sessions end, others begin. Returns the first invariant broken, or "".
  std::string Step(const Now& now);
  // Meridian is gone, and all sessions through it.
  void Drop();

  const ClientCoverage& coverage() const { return coverage_; }

 private:
  struct Client {
    net::IpAddress address;
    bool is_strict = false;
    std::string cookie, cookie_endpoint;  // as the client holds it; of which endpoint
    std::optional<EndpointId> session;
  };
  // One choice, with all that judges it.
  struct Case {
    const Now& now;
    const Client& client;
    const routing::Query& query;
    const routing::Choice& choice;
    const routing::Endpoint& endpoint;
    const ModelEndpoint& truth;
    bool is_first = false;
  };

  bool Chance(double share) { return Unit(random_.Next()) < share; }
  std::string Open(const Now& now, Client& client);
  void Close(const Now& now, Client& client);
  void Begin(const Now& now, Client& client, const routing::Walk& walk, EndpointId endpoint);
  void Report(const Now& now, const routing::Endpoint& endpoint, health::Outcome outcome);
  std::string Judge(const Case& one) const;
  std::string JudgeHealth(const Case& one) const;
  std::string JudgeNearest(const Case& one) const;
  std::string JudgeRefusal(const Now& now, const Client& client, const routing::Walk& walk) const;
  std::string JudgeExplain(const Now& now, const routing::Query& query,
                           const std::optional<routing::Choice>& first);
  bool Fenced(const Client& client, size_t site) const;
  bool CouldTake(const Now& now, const Client& client, const routing::Endpoint& endpoint) const;

  const Places& places_;
  Reach reaches_;
  net::Random& random_;
  std::shared_ptr<const geo::Locator> locator_;
  std::vector<Client> clients_;
  ClientCoverage coverage_;
};

}  // namespace meridian::failover::sim
