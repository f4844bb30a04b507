// The one random generator: xoshiro256** (Blackman and Vigna 2018), seeded through splitmix64.
// Fast, not for secrets. Each worker owns one; tests give the seed.
#pragma once

#include <meridian/base/hash.h>
#include <meridian/net/loop.h>

#include <array>

namespace meridian::net {

// 64 unpredictable bits from the operating system, to seed what need not be reproducible.
uint64_t SeedFromSystem();

class Xoshiro final : public Random {
 public:
  explicit Xoshiro(uint64_t seed) {
    for (uint64_t& word : state_) word = seed = Mix(seed);
  }

  uint64_t Next() override {
    const uint64_t result = Rotate(state_[1] * 5, 7) * 9;
    const uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = Rotate(state_[3], 45);
    return result;
  }

 private:
  static constexpr uint64_t Rotate(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }
  std::array<uint64_t, 4> state_;
};

}  // namespace meridian::net
