// Memory for nghttp2 in blocks of a few sizes, kept on a list for each size and used again, so that
// a request in steady state takes nothing from the heap. One worker's; no lock.
//
//   block = header (16 bytes: its size class) · what nghttp2 sees
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace meridian::codec {

class Http2Memory {
 public:
  Http2Memory() = default;
  ~Http2Memory();
  Http2Memory(const Http2Memory&) = delete;
  Http2Memory& operator=(const Http2Memory&) = delete;

  // As malloc, calloc, realloc and free; null when the heap gives nothing.
  void* Allocate(size_t bytes);
  void* AllocateZeroed(size_t count, size_t bytes);
  void* Resize(void* block, size_t bytes);
  void Free(void* block);

 private:
  // Classes of 64 bytes, 128 … 32 KiB; what is larger goes to the heap as it is.
  static constexpr size_t kClasses = 10;
  static constexpr size_t kLeast = 64;
  static constexpr size_t kMaxKeptBytes = 8 * 1024 * 1024;

  struct alignas(16) Header {
    Header* next;
    uint32_t size_class;  // kClasses: none
    uint32_t bytes;       // what Resize copies at most; with kClasses only
  };
  static size_t BytesOf(size_t size_class) { return kLeast << size_class; }

  std::array<Header*, kClasses> free_{};
  size_t kept_bytes_ = 0;
};

}  // namespace meridian::codec
