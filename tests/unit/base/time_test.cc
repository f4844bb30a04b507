// Durations and times as text, both ways.
#include <gtest/gtest.h>
#include <meridian/base/hash.h>
#include <meridian/base/time.h>

#include <string>

namespace meridian {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(ParseDuration, ReadsEachUnitAndFractions) {
  EXPECT_EQ(ParseDuration("250ms"), milliseconds(250));
  EXPECT_EQ(ParseDuration("2s"), seconds(2));
  EXPECT_EQ(ParseDuration("5m"), minutes(5));
  EXPECT_EQ(ParseDuration("1h"), hours(1));
  EXPECT_EQ(ParseDuration("1.5s"), milliseconds(1500));
  EXPECT_EQ(ParseDuration("0.25h"), minutes(15));
  EXPECT_EQ(ParseDuration("0"), Duration(0));
  EXPECT_EQ(ParseDuration("0s"), Duration(0));
}

TEST(ParseDuration, RefusesWhatIsNotADuration) {
  for (const std::string_view text :
       {"", "5", "s", "-1s", "+1s", "1 s ", "1.s", ".5s", "1.2.3s", "1e3s", "5d", "5S", "1,5s",
        "9223372036854775807s", "3000000h", "99999999999999999999ms", "ms", "1.1234567890s"}) {
    EXPECT_FALSE(ParseDuration(text).has_value()) << text;
  }
}

TEST(FormatDuration, IsTheShortestFormThatReadsBack) {
  EXPECT_EQ(FormatDuration(milliseconds(1500)), "1500ms");
  EXPECT_EQ(FormatDuration(seconds(2)), "2s");
  EXPECT_EQ(FormatDuration(hours(1)), "1h");
  EXPECT_EQ(FormatDuration(minutes(90)), "90m");
  EXPECT_EQ(FormatDuration(Duration(0)), "0");
  for (uint64_t i = 0; i < 2000; ++i) {
    const Duration duration(static_cast<int64_t>(Mix(i) >> (2 + i % 60)));
    EXPECT_EQ(ParseDuration(FormatDuration(duration)), duration) << FormatDuration(duration);
  }
}

TEST(FormatAge, ShowsTwoUnitsAtMost) {
  EXPECT_EQ(FormatAge(milliseconds(120)), "120ms");
  EXPECT_EQ(FormatAge(seconds(41)), "41s");
  EXPECT_EQ(FormatAge(seconds(252)), "4m12s");
  EXPECT_EQ(FormatAge(hours(5) + minutes(7)), "5h7m");
  EXPECT_EQ(FormatAge(hours(76)), "3d4h");
  EXPECT_EQ(FormatAge(-seconds(5)), "0s");
}

TEST(FormatTime, IsRfc3339InUtcWithMilliseconds) {
  EXPECT_EQ(FormatTime(WallTime()), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(FormatTime(WallTime(seconds(1'769'850'307) + milliseconds(123))),
            "2026-01-31T09:05:07.123Z");
  EXPECT_EQ(FormatTime(WallTime(-milliseconds(1))), "1969-12-31T23:59:59.999Z");
}

}  // namespace
}  // namespace meridian
