// See proxy/access_queue.h.
#include <meridian/proxy/access_queue.h>

#include <meridian/base/check.h>

#include <algorithm>
#include <cstring>

namespace meridian::proxy {

AccessQueue::AccessQueue(size_t bytes)
    : mask_(bytes - 1), ring_(std::make_unique_for_overwrite<char[]>(bytes)) {
  MERIDIAN_CHECK(bytes != 0 && (bytes & mask_) == 0);
}

bool AccessQueue::Push(std::string_view line) {
  const size_t end = end_.load(std::memory_order_relaxed);
  const size_t capacity = mask_ + 1;
  if (line.size() > capacity - (end - known_begin_)) {
    known_begin_ = begin_.load(std::memory_order_acquire);
    if (line.size() > capacity - (end - known_begin_)) {
      dropped_.Add();
      return false;
    }
  }
  const size_t at = end & mask_;
  const size_t first = std::min(line.size(), capacity - at);
  std::memcpy(ring_.get() + at, line.data(), first);
  std::memcpy(ring_.get(), line.data() + first, line.size() - first);
  end_.store(end + line.size(), std::memory_order_release);
  lines_.Add();
  return true;
}

AccessQueue::Waiting AccessQueue::Peek() const {
  const size_t begin = begin_.load(std::memory_order_relaxed);
  const size_t size = end_.load(std::memory_order_acquire) - begin;
  const size_t at = begin & mask_;
  const size_t first = std::min(size, mask_ + 1 - at);
  return {{ring_.get() + at, first}, {ring_.get(), size - first}};
}

void AccessQueue::Pop(size_t bytes) {
  begin_.store(begin_.load(std::memory_order_relaxed) + bytes, std::memory_order_release);
}

}  // namespace meridian::proxy
