// Case, trimming, numbers, sizes and nearest names.
#include <gtest/gtest.h>
#include <meridian/base/format.h>
#include <meridian/base/text.h>

#include <array>
#include <string>

namespace meridian {
namespace {

TEST(EqualIgnoringCase, ComparesAsciiLettersOnly) {
  EXPECT_TRUE(EqualIgnoringCase("Content-Length", "cONTENT-lENGTH"));
  EXPECT_TRUE(EqualIgnoringCase("", ""));
  EXPECT_FALSE(EqualIgnoringCase("a", "ab"));
  EXPECT_FALSE(EqualIgnoringCase("[", "{"));
  EXPECT_FALSE(EqualIgnoringCase("\xc4", "\xe4"));
}

TEST(LowerAscii, LeavesOtherBytesAlone) {
  EXPECT_EQ(LowerAscii("AZaz09\xc4["), "azaz09\xc4[");
}

TEST(TrimSpace, TakesSpacesAndTabsOffBothEnds) {
  EXPECT_EQ(TrimSpace(" \t a b \t"), "a b");
  EXPECT_EQ(TrimSpace("a"), "a");
  EXPECT_EQ(TrimSpace(" \t "), "");
  EXPECT_EQ(TrimSpace(""), "");
  EXPECT_EQ(TrimSpace("\r\na"), "\r\na");
}

TEST(ParseUnsigned, TakesDigitsUpToTheLargestValue) {
  EXPECT_EQ(ParseUnsigned("0"), 0u);
  EXPECT_EQ(ParseUnsigned("007"), 7u);
  EXPECT_EQ(ParseUnsigned("18446744073709551615"), UINT64_MAX);
  for (const char* text : {"", "18446744073709551616", "99999999999999999999", "-1", "+1", " 1",
                           "1 ", "0x1", "1.0", "1a"}) {
    EXPECT_FALSE(ParseUnsigned(text).has_value()) << text;
  }
}

TEST(ParseBytes, TakesBinaryUnits) {
  EXPECT_EQ(ParseBytes("0"), 0u);
  EXPECT_EQ(ParseBytes("512B"), 512u);
  EXPECT_EQ(ParseBytes("64KiB"), 65536u);
  EXPECT_EQ(ParseBytes("1MiB"), 1048576u);
  EXPECT_EQ(ParseBytes("10GiB"), 10737418240u);
  for (const char* text : {"", "512", "KiB", "-1KiB", "1kib", "1KB", "1TiB", "17179869184GiB"}) {
    EXPECT_FALSE(ParseBytes(text).has_value()) << text;
  }
}

TEST(NearestName, FindsWhatWasMeant) {
  constexpr std::array<std::string_view, 4> kNames{"nearest", "weighted", "ordered", "random"};
  EXPECT_EQ(NearestName("neares", kNames), "nearest");
  EXPECT_EQ(NearestName("naerest", kNames), "nearest");
  EXPECT_EQ(NearestName("weigthed", kNames), "weighted");
  EXPECT_EQ(NearestName("rendom", kNames), "random");
  EXPECT_FALSE(NearestName("least-connections", kNames).has_value());
  EXPECT_FALSE(NearestName("xyz", kNames).has_value());
  EXPECT_FALSE(NearestName("nearest", {}).has_value());
  EXPECT_FALSE(NearestName(std::string(1000, 'n'), kNames).has_value());
}

TEST(NearestName, PrefersTheCloserOfTwo) {
  constexpr std::array<std::string_view, 2> kNames{"timeouts", "timeout"};
  EXPECT_EQ(NearestName("timeout", kNames), "timeout");
  EXPECT_EQ(NearestName("timeoutss", kNames), "timeouts");
}

TEST(GroupThousands, PutsCommas) {
  EXPECT_EQ(GroupThousands(0), "0");
  EXPECT_EQ(GroupThousands(999), "999");
  EXPECT_EQ(GroupThousands(1204), "1,204");
  EXPECT_EQ(GroupThousands(UINT64_MAX), "18,446,744,073,709,551,615");
}

TEST(Format, MakesText) {
  EXPECT_EQ(Format("{}:{:02}", "a", 7), "a:07");
}

}  // namespace
}  // namespace meridian
