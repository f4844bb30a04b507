// A pipe through which the kernel moves bytes from one socket to another without their being read
// (splice(2)). Core has the empty ones; one that holds what its target's kernel did not take stays
// with that target's Transit. The loop's thread.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <string>

namespace meridian::uvio {

class Pipe {
 public:
  static constexpr size_t kBytes = 1024 * 1024;

  // Null: the system gives none, or none of that size; smaller ones cost what they spare.
  static std::unique_ptr<Pipe> Open();
  ~Pipe();
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  // Both move what they can without waiting, and give how much: Fill 0 at the socket's end. Below
  // zero: errno, negated.
  ssize_t Fill(int socket);
  ssize_t Drain(int socket);
  // The oldest bytes, at most so many, are `to`'s.
  void Read(size_t most, std::string& to);
  size_t held() const { return held_; }

 private:
  Pipe(int out, int in) : out_(out), in_(in) {}

  int out_, in_;
  size_t held_ = 0;
};

}  // namespace meridian::uvio
