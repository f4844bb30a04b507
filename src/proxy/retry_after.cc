// See retry_after.h.
#include "proxy/retry_after.h"

#include <meridian/base/text.h>

#include <algorithm>

namespace meridian::proxy {
namespace {

constexpr Duration kLongest = std::chrono::hours(365 * 24);

// The number at `at` of so many digits, or −1.
int Digits(std::string_view text, size_t at, size_t count) {
  int value = 0;
  for (const char c : text.substr(at, count)) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

// IMF-fixdate (RFC 9110 section 5.6.7): "Sun, 06 Nov 1994 08:49:37 GMT". The day's name says
// nothing that the date does not.
std::optional<WallTime> ParseDate(std::string_view text) {
  using namespace std::chrono;
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  if (text.size() != 29 || text.substr(3, 2) != ", " || text.substr(25) != " GMT" ||
      text[7] != ' ' || text[11] != ' ' || text[16] != ' ' || text[19] != ':' || text[22] != ':')
    return std::nullopt;
  const size_t month = kMonths.find(text.substr(8, 3));
  const int date = Digits(text, 5, 2), years = Digits(text, 12, 4), hour = Digits(text, 17, 2),
            minute = Digits(text, 20, 2), second = Digits(text, 23, 2);
  if (month == kMonths.npos || month % 3 != 0 || date < 1 || years < 1970 || hour < 0 ||
      hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
    return std::nullopt;
  const year_month_day day{year(years) / static_cast<int>(month / 3 + 1) / date};
  if (!day.ok() || years > 2200) return std::nullopt;
  return sys_days(day) + hours(hour) + minutes(minute) + seconds(second);
}

}  // namespace

std::optional<Duration> ParseRetryAfter(std::string_view value, WallTime now) {
  if (const auto seconds = ParseUnsigned(value)) {
    constexpr auto kMost = static_cast<uint64_t>(kLongest / std::chrono::seconds(1));
    return std::chrono::seconds(std::min(*seconds, kMost));
  }
  const auto date = ParseDate(value);
  if (!date) return std::nullopt;
  return std::clamp<Duration>(*date - now, Duration(0), kLongest);
}

}  // namespace meridian::proxy
