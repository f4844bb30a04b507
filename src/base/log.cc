// The log sink on spdlog. One logger for the process; its pattern decides between text and JSON.
#include <meridian/base/log.h>

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>

namespace meridian::log {
namespace {

std::atomic<Level> g_level{Level::kInfo};
std::atomic<bool> g_json{false};

spdlog::logger& Logger() {
  static const std::shared_ptr<spdlog::logger> logger = [] {
    auto made = spdlog::stderr_color_mt("meridian");
    made->set_level(spdlog::level::trace);
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%-7l%$ %v");
    return made;
  }();
  return *logger;
}

spdlog::level::level_enum Translate(Level level) {
  switch (level) {
    case Level::kTrace:
      return spdlog::level::trace;
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarn:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

// As a JSON string (RFC 8259 section 7).
std::string Quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

}  // namespace

void Configure(Level level, bool json) {
  g_level.store(level, std::memory_order_relaxed);
  if (g_json.exchange(json) == json) return;
  Logger().set_pattern(json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l","message":%v})"
                            : "%Y-%m-%dT%H:%M:%S.%e %^%-7l%$ %v");
}

bool Enabled(Level level) {
  return level >= g_level.load(std::memory_order_relaxed);
}

void Write(Level level, std::string_view message) {
  if (g_json.load(std::memory_order_relaxed)) {
    Logger().log(Translate(level), "{}", Quote(message));
  } else {
    Logger().log(Translate(level), "{}", message);
  }
}

}  // namespace meridian::log
