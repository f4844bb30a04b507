// Durations and times as text, both ways.
#include <meridian/base/text.h>
#include <meridian/base/time.h>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <array>

namespace meridian {
namespace {

struct Unit {
  std::string_view name;
  int64_t nanoseconds;
};
// "ms" stands before "m" and "s": the first suffix that fits is the unit.
constexpr std::array<Unit, 6> kUnits{{{"ns", 1},
                                      {"us", 1'000},
                                      {"ms", 1'000'000},
                                      {"s", 1'000'000'000},
                                      {"m", 60'000'000'000},
                                      {"h", 3'600'000'000'000}}};

}  // namespace

std::optional<Duration> ParseDuration(std::string_view text) {
  if (text == "0") return Duration(0);
  for (const Unit& unit : kUnits) {
    if (!text.ends_with(unit.name)) continue;
    const std::string_view number = text.substr(0, text.size() - unit.name.size());
    const size_t dot = number.find('.');
    const auto whole = ParseUnsigned(number.substr(0, dot));
    int64_t total = 0;
    if (!whole || *whole > INT64_MAX ||
        __builtin_mul_overflow(static_cast<int64_t>(*whole), unit.nanoseconds, &total)) {
      return std::nullopt;
    }
    if (dot != std::string_view::npos) {
      const std::string_view digits = number.substr(dot + 1);
      const auto fraction = ParseUnsigned(digits);
      if (!fraction || digits.size() > 9) return std::nullopt;
      double scale = 1;
      for (size_t i = 0; i < digits.size(); ++i) scale *= 10;
      const auto part = static_cast<int64_t>(
          static_cast<double>(*fraction) / scale * static_cast<double>(unit.nanoseconds) + 0.5);
      if (__builtin_add_overflow(total, part, &total)) return std::nullopt;
    }
    return Duration(total);
  }
  return std::nullopt;
}

std::string FormatDuration(Duration duration) {
  const int64_t count = duration.count();
  if (count == 0) return "0";
  for (auto unit = kUnits.rbegin(); unit != kUnits.rend(); ++unit) {
    if (count % unit->nanoseconds == 0)
      return fmt::format("{}{}", count / unit->nanoseconds, unit->name);
  }
  return {};
}

std::string FormatAge(Duration duration) {
  using namespace std::chrono;
  const auto seconds = duration_cast<std::chrono::seconds>(duration).count();
  if (duration < Duration(0)) return "0s";
  if (seconds == 0) return fmt::format("{}ms", duration_cast<milliseconds>(duration).count());
  if (seconds < 60) return fmt::format("{}s", seconds);
  if (seconds < 3600) return fmt::format("{}m{}s", seconds / 60, seconds % 60);
  if (seconds < 86400) return fmt::format("{}h{}m", seconds / 3600, seconds % 3600 / 60);
  return fmt::format("{}d{}h", seconds / 86400, seconds % 86400 / 3600);
}

std::string FormatTime(WallTime time) {
  const auto since_epoch = time.time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
  const auto milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch - seconds).count();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                     fmt::gmtime(static_cast<std::time_t>(seconds.count())), milliseconds);
}

}  // namespace meridian
