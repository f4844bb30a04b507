// TCP_INFO by the kernel's own header, which knows tcpi_notsent_bytes; the C library's does not,
// and the two cannot be included together.
#include "uvio/path_info.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>

namespace meridian::uvio {

net::PathInfo ReadPathInfo(int fd) {
  net::PathInfo path;
  tcp_info info{};
  socklen_t length = sizeof info;
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return path;
  path.retransmits = info.tcpi_retransmits;
  path.round_trip = std::chrono::microseconds(info.tcpi_rtt);
  // The queue holds what is not acknowledged and what is not sent.
  int queued = 0;
  if (ioctl(fd, SIOCOUTQ, &queued) == 0 && queued > 0) {
    const auto total = static_cast<uint32_t>(queued);
    path.unacknowledged_bytes = total - std::min(total, info.tcpi_notsent_bytes);
  }
  return path;
}

}  // namespace meridian::uvio
