// A vector for tables of many megabytes that are read at random: its memory begins at, and is
// advised to consist of, huge pages, so that a read seldom waits for an address translation too.
// Below one huge page it is like any other vector.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <new>
#include <vector>

namespace meridian::geo {

template <class T>
struct HugeAllocator {
  using value_type = T;
  static constexpr size_t kHugePage = size_t{2} << 20;

  HugeAllocator() = default;
  template <class U>
  explicit HugeAllocator(const HugeAllocator<U>&) {}

  T* allocate(size_t count) {
    const size_t bytes = count * sizeof(T);
    void* memory = ::operator new(bytes, Alignment(bytes));
    // Only advice: without it everything works, slower.
    if (bytes >= kHugePage) ::madvise(memory, bytes, MADV_HUGEPAGE);
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, size_t count) {
    ::operator delete(memory, Alignment(count * sizeof(T)));
  }
  bool operator==(const HugeAllocator&) const { return true; }

 private:
  static std::align_val_t Alignment(size_t bytes) {
    return std::align_val_t(bytes >= kHugePage ? kHugePage : alignof(T));
  }
};

template <class T>
using HugeVector = std::vector<T, HugeAllocator<T>>;

}  // namespace meridian::geo
