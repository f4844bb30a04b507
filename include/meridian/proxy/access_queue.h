// Access log lines on their way from one worker to the writer: a bounded ring of bytes with one
// producer and one consumer, without a lock. A line goes in whole or not at all, so what the writer
// sees always ends with a line's end. The worker neither waits nor wakes anybody: a line that finds
// no room is dropped and counted. Made before its worker, outlives it.
#pragma once

#include <meridian/base/counter.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <string_view>

namespace meridian::proxy {

class AccessQueue {
 public:
  // A hundred thousand lines a second for ten milliseconds, and as much again; memory that is never
  // written to is never there.
  static constexpr size_t kBytes = 2 * 1024 * 1024;

  // A power of two.
  explicit AccessQueue(size_t bytes = kBytes);

  // The worker: one line with its end. False: there was no room, it is dropped.
  bool Push(std::string_view line);

  // The writer: what waits, oldest first, in one piece or two; then that so much of it is done.
  struct Waiting {
    std::string_view first, second;
    size_t size() const { return first.size() + second.size(); }
  };
  Waiting Peek() const;
  void Pop(size_t bytes);

  // Any thread.
  uint64_t lines() const { return lines_.value(); }  // taken
  uint64_t dropped() const { return dropped_.value(); }

 private:
  const size_t mask_;
  const std::unique_ptr<char[]> ring_;
  // Positions only grow; the ring's index is their low bits.
  alignas(kCacheLine) std::atomic<size_t> end_{0};  // the worker's
  size_t known_begin_ = 0;                          // `begin_` as the worker last saw it
  Counter lines_, dropped_;
  alignas(kCacheLine) std::atomic<size_t> begin_{0};  // the writer's
};

}  // namespace meridian::proxy
