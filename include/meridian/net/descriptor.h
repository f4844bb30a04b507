// Waiting on a descriptor that a foreign library owns, such as a database client's socket. Apart
// from Loop: few need it, and only loops over a real system have descriptors.
#pragma once

#include <meridian/base/result.h>

#include <memory>

namespace meridian::net {

class DescriptorHandler {
 public:
  // It can be read (or written, if that was asked for), or has failed, which a try will show. Told
  // once for each Watch, from the loop.
  virtual void OnReady() = 0;

 protected:
  ~DescriptorHandler() = default;
};

// Ends when it is destroyed, which must be before the descriptor is closed.
class DescriptorWatch {
 public:
  virtual ~DescriptorWatch() = default;
};

class Descriptors {
 public:
  // Loop's thread. Error: out of memory, or no descriptor that can be waited for.
  virtual Result<std::unique_ptr<DescriptorWatch>> Watch(int descriptor, bool write,
                                                         DescriptorHandler& handler) = 0;

 protected:
  ~Descriptors() = default;
};

}  // namespace meridian::net
