// See http2_memory.h.
#include "codec/http2_memory.h"

#include <bit>
#include <cstdlib>
#include <cstring>
#include <limits>

namespace meridian::codec {

Http2Memory::~Http2Memory() {
  for (Header* head : free_) {
    while (head != nullptr) {
      Header* const next = head->next;
      std::free(head);
      head = next;
    }
  }
}

void* Http2Memory::Allocate(size_t bytes) {
  if (bytes > std::numeric_limits<uint32_t>::max()) return nullptr;
  const size_t rounded = std::bit_ceil(bytes < kLeast ? kLeast : bytes);
  const auto size_class = static_cast<size_t>(std::countr_zero(rounded / kLeast));
  const bool classed = size_class < kClasses;
  Header* header = classed ? free_[size_class] : nullptr;
  if (header != nullptr) {
    free_[size_class] = header->next;
    kept_bytes_ -= rounded;
  } else {
    header = static_cast<Header*>(std::malloc(sizeof(Header) + (classed ? rounded : bytes)));
    if (header == nullptr) return nullptr;
  }
  header->size_class = static_cast<uint32_t>(classed ? size_class : kClasses);
  header->bytes = static_cast<uint32_t>(classed ? rounded : bytes);
  return header + 1;
}

void* Http2Memory::AllocateZeroed(size_t count, size_t bytes) {
  if (bytes != 0 && count > std::numeric_limits<uint32_t>::max() / bytes) return nullptr;
  void* block = Allocate(count * bytes);
  if (block != nullptr) std::memset(block, 0, count * bytes);
  return block;
}

void* Http2Memory::Resize(void* block, size_t bytes) {
  if (block == nullptr) return Allocate(bytes);
  const Header* header = static_cast<Header*>(block) - 1;
  if (header->size_class < kClasses && bytes <= header->bytes) return block;
  void* larger = Allocate(bytes);
  if (larger == nullptr) return nullptr;
  std::memcpy(larger, block, bytes < header->bytes ? bytes : header->bytes);
  Free(block);
  return larger;
}

void Http2Memory::Free(void* block) {
  if (block == nullptr) return;
  Header* header = static_cast<Header*>(block) - 1;
  if (header->size_class == kClasses || kept_bytes_ + header->bytes > kMaxKeptBytes)
    return std::free(header);
  kept_bytes_ += header->bytes;
  header->next = free_[header->size_class];
  free_[header->size_class] = header;
}

}  // namespace meridian::codec
