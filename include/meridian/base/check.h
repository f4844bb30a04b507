// CHECK: a programmer's error, in release too. Prints file:line and the condition, then aborts.
// Never for what comes from the network, a file or a clock: that is handled, counted and tested.
#pragma once

namespace meridian {
[[noreturn]] void CheckFailed(const char* file, int line, const char* condition);
}  // namespace meridian

#define MERIDIAN_CHECK(condition)                      \
  (static_cast<bool>(condition) ? static_cast<void>(0) \
                                : ::meridian::CheckFailed(__FILE__, __LINE__, #condition))
