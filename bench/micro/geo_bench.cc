// What one decision pays for geography: locating an address, and ranking the nearest of 10, 100 and
// 1,000 sites, spread evenly or crowded into twenty towns. The numbers in a name: sites, and
// whether their biases differ.
#include <meridian/geo/locator.h>
#include <meridian/geo/site_index.h>
#include <meridian/net/random.h>

#include <benchmark/benchmark.h>

#include <array>
#include <cstdlib>
#include <string>
#include <vector>

namespace meridian::geo {
namespace {

constexpr uint64_t kSeed = 42;
constexpr size_t kInputs = 4096;

Point RandomPoint(net::Xoshiro& random) {
  return *Point::At(Unit(random.Next()) * 180 - 90, Unit(random.Next()) * 360 - 180);
}

std::vector<Point> RandomPoints(size_t count) {
  net::Xoshiro random(kSeed);
  std::vector<Point> points;
  while (points.size() < count) points.push_back(RandomPoint(random));
  return points;
}

std::vector<SiteIndex::Site> Sites(size_t count, bool biased, bool crowded) {
  net::Xoshiro random(kSeed + 1);
  std::vector<SiteIndex::Site> sites;
  std::vector<Point> towns;
  for (int i = 0; i < 20; ++i) towns.push_back(RandomPoint(random));
  while (sites.size() < count) {
    const Point& town = towns[random.Next() % towns.size()];
    const auto near =
        Point::At(town.latitude + Unit(random.Next()), town.longitude + Unit(random.Next()));
    const int bias = biased ? static_cast<int>(random.Next() % 61) - 30 : 0;
    sites.push_back({crowded ? near.value_or(town) : RandomPoint(random), bias});
  }
  return sites;
}

void Rank(benchmark::State& state, bool crowded) {
  const auto index = SiteIndex::Build(Sites(state.range(0), state.range(1) != 0, crowded));
  const auto points = RandomPoints(kInputs);
  std::array<uint16_t, 8> out;
  size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(index->Nearest(points[i++ % kInputs], out));
    benchmark::ClobberMemory();
  }
  state.counters["cells"] = static_cast<double>(index->cell_count());
  state.counters["entries"] = static_cast<double>(index->entry_count());
}
void BM_Nearest(benchmark::State& state) {
  Rank(state, false);
}
void BM_NearestCrowded(benchmark::State& state) {
  Rank(state, true);
}
BENCHMARK(BM_Nearest)->ArgsProduct({{10, 100, 1000}, {0, 1}});
BENCHMARK(BM_NearestCrowded)->ArgsProduct({{100, 1000}, {0, 1}});

void BM_Order(benchmark::State& state) {
  const auto index = SiteIndex::Build(Sites(state.range(0), true, false));
  const auto points = RandomPoints(kInputs);
  std::vector<uint16_t> out(index->size());
  size_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(index->Order(points[i++ % kInputs], out));
}
BENCHMARK(BM_Order)->Arg(10)->Arg(100)->Arg(1000);

void BM_SiteIndexBuild(benchmark::State& state) {
  const auto sites = Sites(state.range(0), true, state.range(1) != 0);
  for (auto _ : state) benchmark::DoNotOptimize(SiteIndex::Build(sites));
}
BENCHMARK(BM_SiteIndexBuild)->ArgsProduct({{10, 100, 1000}, {0, 1}})->Unit(benchmark::kMillisecond);

// The database of packaging/geodb when GEO_DATABASE names it; else the small one of the tests,
// which knows few addresses.
void BM_Locate(benchmark::State& state) {
  const char* path = std::getenv("GEO_DATABASE");
  auto database = Database::Open(path != nullptr ? path : "tests/data/geo/meridian-test-city.mmdb");
  if (!database) return state.SkipWithError("run it from the work tree, or set GEO_DATABASE");
  const uint32_t nodes = database->report().node_count;
  Locator::Input input;
  input.databases.push_back(std::move(*database));
  const auto locator = Locator::Build(std::move(input));
  if (!locator) return state.SkipWithError("the databases cannot be merged");
  net::Xoshiro random(kSeed);
  std::vector<net::IpAddress> clients;
  while (clients.size() < kInputs)
    clients.push_back(net::IpAddress::V4(static_cast<uint32_t>(random.Next())));
  size_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize((*locator)->Locate(clients[i++ % kInputs]));
  state.counters["nodes"] = nodes;
}
BENCHMARK(BM_Locate);

void BM_OpenAndBuild(benchmark::State& state) {
  const char* path = std::getenv("GEO_DATABASE");
  for (auto _ : state) {
    auto database =
        Database::Open(path != nullptr ? path : "tests/data/geo/meridian-test-city.mmdb");
    if (!database) return state.SkipWithError("run it from the work tree, or set GEO_DATABASE");
    Locator::Input input;
    input.databases.push_back(std::move(*database));
    benchmark::DoNotOptimize(Locator::Build(std::move(input)));
  }
}
BENCHMARK(BM_OpenAndBuild)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace meridian::geo
