// A file descriptor that is closed at the end of its scope.
#pragma once

#include <unistd.h>

#include <utility>

namespace meridian {

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }

  int get() const { return number_; }
  bool ok() const { return number_ >= 0; }
  // Gives it away: it is the caller's to close.
  int Release() { return std::exchange(number_, -1); }

 private:
  int number_;
};

}  // namespace meridian
