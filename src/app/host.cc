// See host.h.
#include "host.h"

#include <meridian/base/format.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace meridian::app {
namespace {

constexpr uint64_t kKeptDescriptors = 256;  // listeners, checks, admin, files

}  // namespace

size_t UsableCpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) != 0) {
    return static_cast<size_t>(std::max<long>(::sysconf(_SC_NPROCESSORS_ONLN), 1));
  }
  return static_cast<size_t>(std::max(CPU_COUNT(&set), 1));
}

uint64_t RaiseDescriptorLimit() {
  struct rlimit limit {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  const rlim_t before = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  if (limit.rlim_cur != before && ::setrlimit(RLIMIT_NOFILE, &limit) != 0) return before;
  return limit.rlim_cur;
}

uint64_t ConnectionsFor(uint64_t descriptors) {
  const uint64_t free =
      descriptors > 2 * kKeptDescriptors ? descriptors - kKeptDescriptors : descriptors / 2;
  return std::max<uint64_t>(free / 2, 16);
}

void NotifyServiceManager(std::string_view state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  sockaddr_un address{};
  if (path == nullptr || (path[0] != '/' && path[0] != '@')) return;
  const size_t length = std::strlen(path);
  if (length >= sizeof address.sun_path) return;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path, length);
  if (path[0] == '@') address.sun_path[0] = '\0';
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
  (void)::sendto(fd, state.data(), state.size(), MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(&address), size);
  ::close(fd);
}

void NotifyReloading() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  NotifyServiceManager(Format("RELOADING=1\nMONOTONIC_USEC={}",
                              static_cast<int64_t>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1000));
}

}  // namespace meridian::app
