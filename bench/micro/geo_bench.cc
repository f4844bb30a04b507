// What one decision pays for geography: locating an address, and ranking the nearest of 10, 100 and
// 1,000 sites, spread evenly or crowded into twenty towns. The numbers in a name: sites, and
// whether their biases differ.
#include <meridian/geo/locator.h>
#include <meridian/geo/site_index.h>
#include <meridian/net/random.h>

#include <benchmark/benchmark.h>
#include <maxminddb.h>
#include <sys/socket.h>

#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include "million_networks.h"

namespace meridian::geo {
namespace {

using bench::MillionNetworks;

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

// Clients of a million networks and more (million_networks.h), IPv4 or IPv6: as a decision looks
// them up, and with all that is known of the place.
std::vector<net::IpAddress> Clients(bool ipv6) {
  const auto& networks = MillionNetworks::Get();
  return MillionNetworks::Clients(ipv6 ? networks.v6() : networks.v4(), size_t{1} << 20,
                                  MillionNetworks::Spread::kZipf);
}

void BM_Find(benchmark::State& state) {
  const auto locator = MillionNetworks::Get().locator();
  const auto clients = Clients(state.range(0) == 6);
  size_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(locator->Find(clients[i++ % clients.size()]));
}
BENCHMARK(BM_Find)->Arg(4)->Arg(6);

void BM_Locate(benchmark::State& state) {
  const auto locator = MillionNetworks::Get().locator();
  const auto clients = Clients(state.range(0) == 6);
  size_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(locator->Locate(clients[i++ % clients.size()]));
}
BENCHMARK(BM_Locate)->Arg(4)->Arg(6);

// The limit to compare with: the same clients in the same file, by libmaxminddb alone, up to the
// two coordinates and the country.
void BM_LibmaxminddbLookup(benchmark::State& state) {
  const auto clients = Clients(state.range(0) == 6);
  std::vector<sockaddr_storage> addresses(clients.size());
  for (size_t i = 0; i < clients.size(); ++i) {
    net::Address(clients[i], 0).ToSockaddr(&addresses[i]);
  }
  MMDB_s mmdb;
  if (MMDB_open(MillionNetworks::Get().path().c_str(), MMDB_MODE_MMAP, &mmdb) != MMDB_SUCCESS)
    return state.SkipWithError("it does not open");
  size_t i = 0, found = 0;
  for (auto _ : state) {
    const auto* address = reinterpret_cast<const sockaddr*>(&addresses[i++ % addresses.size()]);
    int error = 0;
    MMDB_lookup_result_s result = MMDB_lookup_sockaddr(&mmdb, address, &error);
    MMDB_entry_data_s latitude, longitude, country;
    MMDB_get_value(&result.entry, &latitude, "location", "latitude", nullptr);
    MMDB_get_value(&result.entry, &longitude, "location", "longitude", nullptr);
    MMDB_get_value(&result.entry, &country, "country", "iso_code", nullptr);
    found += latitude.has_data && longitude.has_data && country.has_data;
  }
  state.counters["found"] = static_cast<double>(found) / static_cast<double>(state.iterations());
  MMDB_close(&mmdb);
}
BENCHMARK(BM_LibmaxminddbLookup)->Arg(4)->Arg(6);

// GEO_DATABASE names another file to measure with.
void BM_OpenAndBuild(benchmark::State& state) {
  const char* path = std::getenv("GEO_DATABASE");
  uint32_t networks = 0;
  size_t bytes = 0;
  for (auto _ : state) {
    auto database = Database::Open(path != nullptr ? path : MillionNetworks::Get().path());
    if (!database) return state.SkipWithError("it does not open");
    networks = database->report().network_count;
    Locator::Input input;
    input.databases.push_back(std::move(*database));
    const auto locator = Locator::Build(std::move(input));
    if (!locator) return state.SkipWithError("it cannot be merged");
    bytes = (*locator)->memory_bytes();
  }
  state.counters["networks"] = networks;
  state.counters["locator_MiB"] = static_cast<double>(bytes) / (1 << 20);
}
BENCHMARK(BM_OpenAndBuild)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace meridian::geo
