// See descriptor_watch.h.
#include "uvio/descriptor_watch.h"

#include "uvio/system_error.h"

namespace meridian::uvio {

Result<std::unique_ptr<net::DescriptorWatch>> PollWatch::Open(Core& core, int descriptor,
                                                              bool write,
                                                              net::DescriptorHandler& handler) {
  auto poll = std::make_unique<uv_poll_t>();
  int status = uv_poll_init(core.loop(), poll.get(), descriptor);
  if (status < 0) return FailBySystem("poll", -status);
  std::unique_ptr<PollWatch> watch(new PollWatch(core, poll.release(), handler));
  const auto tell = [](uv_poll_t* handle, int, int) {
    uv_poll_stop(handle);
    static_cast<PollWatch*>(handle->data)->handler_.OnReady();
  };
  status = uv_poll_start(watch->poll_, write ? UV_WRITABLE : UV_READABLE, tell);
  if (status < 0) return FailBySystem("poll", -status);
  return std::unique_ptr<net::DescriptorWatch>(std::move(watch));
}

PollWatch::PollWatch(Core& core, uv_poll_t* poll, net::DescriptorHandler& handler)
    : core_(core), poll_(poll), handler_(handler) {
  poll_->data = this;
  ++core_.held;
}

PollWatch::~PollWatch() {
  --core_.held;
  uv_poll_stop(poll_);
  uv_close(reinterpret_cast<uv_handle_t*>(poll_),
           [](uv_handle_t* handle) { delete reinterpret_cast<uv_poll_t*>(handle); });
}

}  // namespace meridian::uvio
