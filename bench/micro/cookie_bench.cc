// Session cookies: writing one, reading a good one, and refusing a forged one.
#include "routing/cookie.h"

#include <benchmark/benchmark.h>

#include "testing/allocations.h"

#include <array>

namespace meridian::routing {
namespace {

using Text = std::array<char, kCookieText>;

const tls::HmacKey& Key() {
  static const tls::HmacKey key("a secret for the benches");
  return key;
}

Text Written() {
  Text text;
  WriteCookie(
      {0x0123456789abcdef, 0xfedcba9876543210, WallTime(std::chrono::seconds(1'767'225'600))},
      Key(), 3, text.data());
  return text;
}

void Count(benchmark::State& state, const fakes::Allocations& allocations) {
  state.counters["allocations"] =
      static_cast<double>(allocations.count()) / static_cast<double>(state.iterations());
}

void CookieWrite(benchmark::State& state) {
  Key();
  const fakes::Allocations allocations;
  for (auto _ : state) benchmark::DoNotOptimize(Written());
  Count(state, allocations);
}
BENCHMARK(CookieWrite);

void Read(benchmark::State& state, const Text& text) {
  const fakes::Allocations allocations;
  for (auto _ : state) {
    benchmark::DoNotOptimize(ReadCookie({text.data(), text.size()}, Key(), 3));
  }
  Count(state, allocations);
}

void CookieVerify(benchmark::State& state) {
  Read(state, Written());
}
BENCHMARK(CookieVerify);

void CookieRefuse(benchmark::State& state) {
  Text text = Written();
  text.back() = text.back() == 'A' ? 'B' : 'A';
  Read(state, text);
}
BENCHMARK(CookieRefuse);

}  // namespace
}  // namespace meridian::routing
