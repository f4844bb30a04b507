// The replaced operators and their per-thread count. Every form is replaced, so that what one
// allocates another may free, under the sanitizers too.
#include "testing/allocations.h"

#include <cstdlib>
#include <new>

namespace meridian::fakes {
namespace {

thread_local uint64_t t_count = 0;
thread_local bool t_excluded = false;

void* Allocate(std::size_t size) {
  if (!t_excluded) ++t_count;
  return std::malloc(size == 0 ? 1 : size);
}

void* AllocateAligned(std::size_t size, std::align_val_t alignment) {
  if (!t_excluded) ++t_count;
  const auto step = static_cast<std::size_t>(alignment);
  return std::aligned_alloc(step, (size + step) / step * step);
}

// The standard's answer of a throwing operator new is an exception; a test ends instead.
void* OrAbort(void* memory) {
  if (memory == nullptr) std::abort();
  return memory;
}

}  // namespace

Allocations::Allocations() : start_(t_count) {}
uint64_t Allocations::count() const {
  return t_count - start_;
}

Excluded::Excluded() : before_(t_excluded) {
  t_excluded = true;
}
Excluded::~Excluded() {
  t_excluded = before_;
}
Included::Included() : before_(t_excluded) {
  t_excluded = false;
}
Included::~Included() {
  t_excluded = before_;
}

}  // namespace meridian::fakes

using meridian::fakes::Allocate;
using meridian::fakes::AllocateAligned;
using meridian::fakes::OrAbort;

void* operator new(std::size_t size) {
  return OrAbort(Allocate(size));
}
void* operator new[](std::size_t size) {
  return OrAbort(Allocate(size));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return Allocate(size);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return Allocate(size);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return OrAbort(AllocateAligned(size, alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return OrAbort(AllocateAligned(size, alignment));
}
void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return AllocateAligned(size, alignment);
}
void* operator new[](std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return AllocateAligned(size, alignment);
}

void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, const std::nothrow_t&) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, const std::nothrow_t&) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::align_val_t, const std::nothrow_t&) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::align_val_t, const std::nothrow_t&) noexcept {
  std::free(memory);
}
