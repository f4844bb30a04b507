// What this process takes, from /proc/self (proc(5)). Zero where it cannot be read.
#pragma once

#include <cstdint>

namespace meridian::admin {

struct ProcessUsage {
  uint64_t resident_bytes = 0, virtual_bytes = 0;
  uint64_t open_descriptors = 0, max_descriptors = 0;
  uint64_t threads = 0;
  double cpu_seconds = 0;         // user and system, all threads
  double start_time_seconds = 0;  // since the epoch

  static ProcessUsage Read();
};

}  // namespace meridian::admin
