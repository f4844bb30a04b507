// One wait on a foreign descriptor by a uv_poll, which ends with the first event. libuv lets go of
// the handle a turn after the watch is destroyed; until then it owns itself. Loop's thread.
#pragma once

#include <meridian/net/descriptor.h>

#include <memory>

#include "uvio/core.h"

namespace meridian::uvio {

class PollWatch final : public net::DescriptorWatch {
 public:
  static Result<std::unique_ptr<net::DescriptorWatch>> Open(Core& core, int descriptor, bool write,
                                                            net::DescriptorHandler& handler);
  ~PollWatch() override;

 private:
  PollWatch(Core& core, uv_poll_t* poll, net::DescriptorHandler& handler);

  Core& core_;
  uv_poll_t* poll_;
  net::DescriptorHandler& handler_;
};

}  // namespace meridian::uvio
