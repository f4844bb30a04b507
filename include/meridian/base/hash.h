// One fast, seeded, well-mixed 64-bit hash, for tables and for consistent hashing. Its value for
// given bytes and seed is part of the contract: two instances, and two builds, must agree on where
// a session belongs. Not for secrets (tls/hmac.h is).
#pragma once

#include <cstdint>
#include <string_view>

namespace meridian {

// The 64-bit finaliser of MurmurHash3's successor splitmix64 (Steele, Lea, Flood 2014): a
// bijection.
constexpr uint64_t Mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// Hash of bytes under a seed; endian-independent.
uint64_t Hash(std::string_view bytes, uint64_t seed = 0);

// Hash of two hashes, order mattering.
constexpr uint64_t Combine(uint64_t a, uint64_t b) {
  return Mix(a ^ (Mix(b) + 0x632be59bd9b4e019u));
}

// A uniform integer in [0, bound) from a uniform 64-bit one (Lemire 2019, without the rejection:
// bias < 2^-32).
constexpr uint32_t Reduce(uint64_t hash, uint32_t bound) {
  return static_cast<uint32_t>(((hash >> 32) * bound) >> 32);
}

// A uniform double in [0, 1).
constexpr double Unit(uint64_t hash) {
  return static_cast<double>(hash >> 11) * 0x1.0p-53;
}

}  // namespace meridian
