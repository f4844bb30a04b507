// The process's log: one line an event, to standard error, as text or JSON. Any thread may log;
// nothing on the request path does in steady state. Text is formatted by fmt only when the level is
// on.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string_view>

namespace meridian::log {

enum class Level : uint8_t { kTrace, kDebug, kInfo, kWarn, kError };

// Before this is called: info, text. Safe to call again (reload).
void Configure(Level level, bool json);
bool Enabled(Level level);
void Write(Level level, std::string_view message);

template <class... Args>
void Trace(fmt::format_string<Args...> format, Args&&... args) {
  if (Enabled(Level::kTrace))
    Write(Level::kTrace, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void Debug(fmt::format_string<Args...> format, Args&&... args) {
  if (Enabled(Level::kDebug))
    Write(Level::kDebug, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void Info(fmt::format_string<Args...> format, Args&&... args) {
  if (Enabled(Level::kInfo)) Write(Level::kInfo, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void Warn(fmt::format_string<Args...> format, Args&&... args) {
  if (Enabled(Level::kWarn)) Write(Level::kWarn, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void Error(fmt::format_string<Args...> format, Args&&... args) {
  if (Enabled(Level::kError))
    Write(Level::kError, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace meridian::log
