// One decision, whole: location, fence, session, steering, health, endpoint, for 4 to 1,024 sites
// with ten endpoints each, and clients from 100,000 networks in 2,000 towns. The budget
// (PERFORMANCE) is 300 ns at 1,000 sites, with no allocation, and less than twice the time of ten.
// Counters: allocations per decision; `first`, the share of decisions that took the nearest site.
#include <meridian/base/format.h>
#include <meridian/net/random.h>
#include <meridian/routing/decide.h>

#include <benchmark/benchmark.h>

#include "testing/allocations.h"

#include <algorithm>
#include <map>
#include <memory>
#include <vector>

namespace meridian::routing {
namespace {

constexpr uint64_t kSeed = 7;
constexpr size_t kNetworks = 100'000;
constexpr size_t kTowns = 2'000;
constexpr size_t kClients = 1 << 14;
constexpr int kEndpoints = 10;

// The networks are the same for every run, and costly to make.
std::shared_ptr<const geo::Locator> SharedLocator(size_t networks) {
  static std::map<size_t, std::shared_ptr<const geo::Locator>> locators;
  std::shared_ptr<const geo::Locator>& locator = locators[networks];
  if (locator == nullptr) {
    net::Xoshiro random(kSeed);
    std::vector<geo::Location> towns(kTowns);
    for (geo::Location& town : towns) {
      town.point = *geo::Point::At(Unit(random.Next()) * 130 - 60, Unit(random.Next()) * 360 - 180);
      town.has_coordinates = true;
      town.country = *geo::CountryCode::Parse(random.Next() % 4 == 0 ? "DE" : "US");
    }
    geo::Locator::Input input;
    for (size_t i = 0; i < networks; ++i) {
      // Spread over the whole space: multiplication by an odd number permutes the /24 networks.
      const uint32_t network = static_cast<uint32_t>(i * 0x9e3779b1u) & 0xffffff00u;
      const net::Prefix prefix(net::IpAddress::V4(network ^ (static_cast<uint32_t>(i) << 8)), 24);
      input.networks.push_back({prefix, towns[random.Next() % kTowns]});
    }
    std::sort(input.networks.begin(), input.networks.end(),
              [](const auto& a, const auto& b) { return a.network < b.network; });
    const auto same = [](const auto& a, const auto& b) { return a.network == b.network; };
    input.networks.erase(std::unique(input.networks.begin(), input.networks.end(), same),
                         input.networks.end());
    locator = *geo::Locator::Build(std::move(input));
  }
  return locator;
}

struct Setting {
  topology::Steering steering = topology::Steering::kNearest;
  topology::Balance balance = topology::Balance::kLeastConnections;
  topology::SessionBy session = topology::SessionBy::kNone;
  bool rule = false;     // Germans to four sites
  int down_percent = 0;  // of the endpoints
  size_t networks = kNetworks;
};

class DecisionWorld {
 public:
  DecisionWorld(int sites, const Setting& setting) : random_(kSeed + 1) {
    topology::Service& service = topology_.services.emplace_back();
    service.name = "web";
    service.steering = setting.steering;
    service.balance = setting.balance;
    service.session.by = setting.session;
    for (int i = 0; i < sites; ++i) AddSite(i);
    if (setting.rule) {
      topology::Rule& rule = service.rules.emplace_back();
      rule.match.country = {"DE"};
      for (int i = 0; i < 4 && i < sites; ++i) rule.sites.push_back(topology_.sites[i].name);
    }
    table_ = Table::Compile({.topology = &topology_,
                             .locator = SharedLocator(setting.networks),
                             .registry = &registry_,
                             .cookie_keys = {tls::HmacKey("a secret for the benches")}});
    for (const Endpoint& endpoint : table_->endpoints()) {
      if (random_.Next() % 100 >= static_cast<uint64_t>(setting.down_percent)) continue;
      registry_.SetProbe(*endpoint.health, health::Probe::kDown, MonotonicTime(Duration(1)));
    }
    for (size_t i = 0; i < kClients; ++i) AddQuery(setting.networks);
  }

  const Table& table() const { return *table_; }
  const Query& query(size_t i) const { return queries_[i % kClients]; }

 private:
  void AddSite(int number) {
    topology::Site& site = topology_.sites.emplace_back();
    site.name = Format("site-{:04}", number);
    site.latitude = Unit(random_.Next()) * 130 - 60;
    site.longitude = Unit(random_.Next()) * 360 - 180;
    for (int i = 0; i < kEndpoints; ++i) {
      site.services["web"].push_back(
          {Format("10.{}.{}.{}:80", number / 256, number % 256, i + 1), 1});
    }
  }

  // A host of one of the networks, and a cookie for any endpoint.
  void AddQuery(size_t networks) {
    const uint32_t i = static_cast<uint32_t>(random_.Next() % networks);
    const uint32_t network = ((i * 0x9e3779b1u) & 0xffffff00u) ^ (i << 8);
    const WallTime wall(std::chrono::seconds(1'767'225'600));
    cookies_.push_back(std::make_unique<std::array<char, kCookieBytes>>());
    const EndpointId pinned{static_cast<uint32_t>(random_.Next() % table_->endpoints().size())};
    const size_t bytes = MakeCookie(*table_, ServiceId{0}, pinned, wall, cookies_.back()->data());
    queries_.push_back(
        {.service = ServiceId{0},
         .client = net::IpAddress::V4(network | static_cast<uint32_t>(random_.Next() % 256)),
         .session_key = {cookies_.back()->data(), bytes},
         .wall = wall,
         .draw = random_.Next()});
  }

  net::Xoshiro random_;
  topology::Topology topology_;
  health::Registry registry_;
  std::unique_ptr<const Table> table_;
  std::vector<std::unique_ptr<std::array<char, kCookieBytes>>> cookies_;
  std::vector<Query> queries_;
};

void Decide(benchmark::State& state, const Setting& setting) {
  const DecisionWorld world(static_cast<int>(state.range(0)), setting);
  size_t i = 0, first = 0;
  Choice choice;
  const fakes::Allocations allocations;
  for (auto _ : state) {
    Walk walk;
    walk.Start(world.table(), world.query(i++));
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

// Without what looking up an address in a large table costs.
void DecisionFewNetworks(benchmark::State& state) {
  Decide(state, {.networks = 1'000});
}
BENCHMARK(DecisionFewNetworks)->Arg(10)->Arg(1000);

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

void CompileTable(benchmark::State& state) {
  for (auto _ : state) {
    const DecisionWorld world(static_cast<int>(state.range(0)),
                              {.session = static_cast<topology::SessionBy>(state.range(1))});
    benchmark::DoNotOptimize(&world.table());
  }
  state.SetLabel(topology::Name(static_cast<topology::SessionBy>(state.range(1))));
}
BENCHMARK(CompileTable)
    ->Args({1000, static_cast<int>(topology::SessionBy::kNone)})
    ->Args({1000, static_cast<int>(topology::SessionBy::kSource)})
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace meridian::routing
