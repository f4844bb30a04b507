// Maglev: building a table, a pick, and their quality: `max/mean`, the fullest item's share over
// the mean, and `moved/optimum`, keys moved by removing one of N items over the 1/N that must move.
#include "routing/maglev.h"

#include <meridian/net/random.h>

#include <benchmark/benchmark.h>

#include "testing/allocations.h"

#include <algorithm>
#include <string>

namespace meridian::routing {
namespace {

std::vector<MaglevTable::Item> Items(size_t count) {
  std::vector<MaglevTable::Item> items;
  for (size_t i = 0; i < count; ++i) items.push_back({Hash(std::to_string(i), 11), 1});
  return items;
}

void MaglevBuild(benchmark::State& state) {
  const size_t count = static_cast<size_t>(state.range(0));
  std::vector<MaglevTable::Item> items = Items(count);
  const fakes::Allocations allocations;
  for (auto _ : state) benchmark::DoNotOptimize(MaglevTable::Build(items));
  state.counters["allocations"] =
      static_cast<double>(allocations.count()) / static_cast<double>(state.iterations());

  const MaglevTable before = MaglevTable::Build(items);
  std::vector<double> shares(count, 0);
  for (const uint16_t item : before.slots()) shares[item] += 1;
  const double mean = static_cast<double>(before.size()) / static_cast<double>(count);
  state.counters["max/mean"] = *std::max_element(shares.begin(), shares.end()) / mean;
  items.pop_back();
  const MaglevTable after = MaglevTable::Build(items);
  double moved = 0;
  for (size_t slot = 0; slot < before.size(); ++slot)
    moved += before.slots()[slot] != after.slots()[slot];
  state.counters["moved/optimum"] = moved / mean;
  state.counters["bytes"] = static_cast<double>(before.size() * sizeof(uint16_t));
}
BENCHMARK(MaglevBuild)->Arg(4)->Arg(10)->Arg(40)->Arg(64)->Arg(600)->Unit(benchmark::kMicrosecond);

void MaglevPick(benchmark::State& state) {
  const MaglevTable table = MaglevTable::Build(Items(static_cast<size_t>(state.range(0))));
  uint64_t hash = 0;
  const fakes::Allocations allocations;
  for (auto _ : state) benchmark::DoNotOptimize(table.At(hash = Mix(hash)));
  state.counters["allocations"] =
      static_cast<double>(allocations.count()) / static_cast<double>(state.iterations());
}
BENCHMARK(MaglevPick)->Arg(4)->Arg(64)->Arg(1024);

}  // namespace
}  // namespace meridian::routing
