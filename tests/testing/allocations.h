// Counts calls of operator new on this thread, for tests that claim "no allocation". Linking this
// replaces the global operators. The fakes exclude what they allocate themselves (Excluded), so
// that a count over a MemoryNet is that of the code under test.
#pragma once

#include <cstdint>

namespace meridian::fakes {

// How many calls the current thread made since this was constructed.
class Allocations {
 public:
  Allocations();
  uint64_t count() const;

 private:
  uint64_t start_;
};

// Calls made while one of these lives do not count; Included inside it counts again.
class Excluded {
 public:
  Excluded();
  ~Excluded();
  Excluded(const Excluded&) = delete;
  Excluded& operator=(const Excluded&) = delete;

 private:
  bool before_;
};

class Included {
 public:
  Included();
  ~Included();
  Included(const Included&) = delete;
  Included& operator=(const Included&) = delete;

 private:
  bool before_;
};

}  // namespace meridian::fakes
