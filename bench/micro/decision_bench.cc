// One decision, whole: location, fence, session, steering, health, endpoint, for 4 to 1,024 sites
// with ten endpoints each, and a million clients, one after the other, from anywhere in a database
// of more than a million networks in 100,000 towns; some networks send far more than others, as in
// a proxy that serves the world (million_networks.h). The budget (PERFORMANCE) is 300 ns at 1,000
// sites, with no allocation, and less than twice the time of ten. Counters: allocations per
// decision; `first`, the share of decisions that took the nearest site.
#include <meridian/base/format.h>
#include <meridian/net/random.h>
#include <meridian/routing/decide.h>

#include <benchmark/benchmark.h>

#include "testing/allocations.h"

#include <malloc.h>

#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <vector>

#include "million_networks.h"

namespace meridian::routing {
namespace {

using bench::MillionNetworks;

constexpr uint64_t kSeed = 7;
constexpr size_t kManyClients = 1 << 20;
constexpr size_t kCookies = 1 << 14;
constexpr int kEndpoints = 10;

struct Setting {
  topology::Steering steering = topology::Steering::kNearest;
  topology::Balance balance = topology::Balance::kLeastConnections;
  topology::SessionBy session = topology::SessionBy::kNone;
  bool rule = false;     // Germans to four sites
  int down_percent = 0;  // of the endpoints
  size_t clients = kManyClients;
  MillionNetworks::Spread spread = MillionNetworks::Spread::kZipf;
  bool ipv6 = false;
};

topology::Topology TopologyOf(int sites, const Setting& setting) {
  net::Xoshiro random(kSeed + 1);
  topology::Topology topology;
  topology::Service& service = topology.services.emplace_back();
  service.name = "web";
  service.steering = setting.steering;
  service.balance = setting.balance;
  service.session.by = setting.session;
  for (int number = 0; number < sites; ++number) {
    topology::Site& site = topology.sites.emplace_back();
    site.name = Format("site-{:04}", number);
    site.latitude = Unit(random.Next()) * 130 - 60;
    site.longitude = Unit(random.Next()) * 360 - 180;
    for (int i = 0; i < kEndpoints; ++i) {
      site.services["web"].push_back(
          {Format("10.{}.{}.{}:80", number / 256, number % 256, i + 1), 1});
    }
  }
  if (setting.rule) {
    topology::Rule& rule = service.rules.emplace_back();
    rule.match.country = {"DE"};
    for (int i = 0; i < 4 && i < sites; ++i) rule.sites.push_back(topology.sites[i].name);
  }
  return topology;
}

std::unique_ptr<const Table> Compile(const topology::Topology& topology,
                                     health::Registry& registry) {
  return Table::Compile({.topology = &topology,
                         .locator = MillionNetworks::Get().locator(),
                         .registry = &registry,
                         .cookie_keys = {{tls::HmacKey("a secret for the benches"), {}}}});
}

class DecisionWorld {
 public:
  DecisionWorld(int sites, const Setting& setting)
      : random_(kSeed + 2),
        topology_(TopologyOf(sites, setting)),
        table_(Compile(topology_, registry_)),
        by_cookie_(setting.session == topology::SessionBy::kCookie),
        ipv6_(setting.ipv6) {
    for (const Endpoint& endpoint : table_->endpoints()) {
      if (random_.Next() % 100 >= static_cast<uint64_t>(setting.down_percent)) continue;
      registry_.SetProbe(*endpoint.health, health::Probe::kDown, MonotonicTime(Duration(1)));
    }
    const MillionNetworks& networks = MillionNetworks::Get();
    for (const net::IpAddress& client : MillionNetworks::Clients(
             setting.ipv6 ? networks.v6() : networks.v4(), setting.clients, setting.spread)) {
      clients_.push_back(HeadOf(client));
    }
    if (by_cookie_) MakeCookies();
  }

  const Table& table() const { return *table_; }
  Query At(size_t i) const {
    return {.service = ServiceId{0},
            .client = AddressOf(clients_[i % clients_.size()]),
            .session_key = by_cookie_ ? std::string_view(cookies_[i % kCookies]) : "",
            .wall = kNow,
            .draw = Mix(i)};
  }

 private:
  static constexpr WallTime kNow{std::chrono::seconds(1'767'225'600)};

  // The first eight bytes of an address: few, so that reading them leaves the caches to the
  // decision.
  static uint64_t HeadOf(const net::IpAddress& client) {
    uint64_t head;
    std::memcpy(&head, client.bytes().data(), sizeof head);
    return head;
  }
  net::IpAddress AddressOf(uint64_t head) const {
    std::array<uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), &head, sizeof head);
    if (ipv6_) return net::IpAddress::V6(bytes);
    return net::IpAddress::V4(static_cast<uint32_t>(bytes[0]) << 24 | bytes[1] << 16 |
                              bytes[2] << 8 | bytes[3]);
  }

  void MakeCookies() {
    while (cookies_.size() < kCookies) {
      const EndpointId pinned{static_cast<uint32_t>(random_.Next() % table_->endpoints().size())};
      std::string& cookie = cookies_.emplace_back(kCookieBytes, '\0');
      cookie.resize(MakeCookie(*table_, ServiceId{0}, pinned, kNow, cookie.data()));
    }
  }

  net::Xoshiro random_;
  topology::Topology topology_;
  health::Registry registry_;
  std::unique_ptr<const Table> table_;
  std::vector<uint64_t> clients_;
  std::vector<std::string> cookies_;
  bool by_cookie_, ipv6_;
};

void Decide(benchmark::State& state, const Setting& setting) {
  const DecisionWorld world(static_cast<int>(state.range(0)), setting);
  size_t i = 0, first = 0;
  Choice choice;
  const fakes::Allocations allocations;
  for (auto _ : state) {
    Walk walk;
    walk.Start(world.table(), world.At(i++));
    benchmark::DoNotOptimize(walk.Next(choice));
    first += choice.reason == Reason::kNearest;
  }
  const double decisions = static_cast<double>(state.iterations());
  state.counters["allocations"] = static_cast<double>(allocations.count()) / decisions;
  state.counters["first"] = static_cast<double>(first) / decisions;
}

void Decision(benchmark::State& state) {
  Decide(state, {});
}
BENCHMARK(Decision)->Arg(4)->Arg(10)->Arg(64)->Arg(100)->Arg(1000)->Arg(1024);

// Every network as often as any other: the worst case, for hardly a look-up finds its network in
// the caches.
void DecisionUniformClients(benchmark::State& state) {
  Decide(state, {.spread = MillionNetworks::Spread::kUniform});
}
BENCHMARK(DecisionUniformClients)->Arg(10)->Arg(1000);

// IPv6 clients of a quarter of a million networks.
void DecisionIpv6(benchmark::State& state) {
  Decide(state, {.ipv6 = true});
}
BENCHMARK(DecisionIpv6)->Arg(10)->Arg(1000);

// Always the same few clients: what a decision costs when all it reads is at hand.
void DecisionFewClients(benchmark::State& state) {
  Decide(state, {.clients = 64});
}
BENCHMARK(DecisionFewClients)->Arg(10)->Arg(1000);

void DecisionWithRule(benchmark::State& state) {
  Decide(state, {.rule = true});
}
BENCHMARK(DecisionWithRule)->Arg(10)->Arg(1000);

void DecisionThirdDown(benchmark::State& state) {
  Decide(state, {.down_percent = 33});
}
BENCHMARK(DecisionThirdDown)->Arg(10)->Arg(1000);

void DecisionWeighted(benchmark::State& state) {
  Decide(state, {.steering = topology::Steering::kWeighted});
}
BENCHMARK(DecisionWeighted)->Arg(10)->Arg(1000);

void DecisionByCookie(benchmark::State& state) {
  Decide(state, {.session = topology::SessionBy::kCookie});
}
BENCHMARK(DecisionByCookie)->Arg(10)->Arg(1000);

void DecisionBySource(benchmark::State& state) {
  Decide(state, {.session = topology::SessionBy::kSource});
}
BENCHMARK(DecisionBySource)->Arg(10)->Arg(1000);

size_t AllocatedBytes() {
  const struct mallinfo2 info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

// The tables of a snapshot whose locator is there already. Counters: their memory (with the health
// entries, which outlive snapshots) for each site and each endpoint, and the locator's for each
// network.
void CompileTable(benchmark::State& state) {
  const auto session = static_cast<topology::SessionBy>(state.range(1));
  const topology::Topology topology =
      TopologyOf(static_cast<int>(state.range(0)), {.session = session});
  const MillionNetworks& networks = MillionNetworks::Get();
  const size_t locator_bytes = networks.locator()->memory_bytes();
  size_t bytes = 0, endpoints = 0;
  for (auto _ : state) {
    const size_t before = AllocatedBytes();
    health::Registry registry;
    const auto table = Compile(topology, registry);
    bytes = AllocatedBytes() - before;
    endpoints = table->endpoints().size();
  }
  state.SetLabel(topology::Name(session));
  state.counters["site_bytes"] =
      static_cast<double>(bytes) / static_cast<double>(topology.sites.size());
  state.counters["endpoint_bytes"] = static_cast<double>(bytes) / static_cast<double>(endpoints);
  state.counters["locator_MiB"] = static_cast<double>(locator_bytes) / (1 << 20);
  state.counters["network_bytes"] =
      static_cast<double>(locator_bytes) /
      static_cast<double>(networks.v4().size() + networks.v6().size());
}
BENCHMARK(CompileTable)
    ->Args({1000, static_cast<int>(topology::SessionBy::kNone)})
    ->Args({1000, static_cast<int>(topology::SessionBy::kSource)})
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace meridian::routing
