// Errors: their texts, and how a Result carries them.
#include <gtest/gtest.h>
#include <meridian/base/check.h>
#include <meridian/base/result.h>

#include <cerrno>
#include <set>
#include <string>

namespace meridian {
namespace {

Result<int> Half(int value) {
  if (value % 2 != 0) return Fail(ErrorCode::kInvalid, "half", 0, Side::kClient, Retry::kSafe);
  return value / 2;
}

TEST(Result, CarriesAValueOrAnError) {
  EXPECT_EQ(*Half(8), 4);
  const auto failed = Half(7);
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().code, ErrorCode::kInvalid);
  EXPECT_EQ(failed.error().side, Side::kClient);
  EXPECT_EQ(failed.error().retry, Retry::kSafe);
}

TEST(Result, OfNothingCarriesOnlySuccessOrAnError) {
  const Result<> good;
  const Result<> bad = Fail(ErrorCode::kTimeout, "wait");
  EXPECT_TRUE(good.has_value());
  EXPECT_EQ(bad.error().retry, Retry::kNever);
  EXPECT_EQ(bad.error().side, Side::kSelf);
}

TEST(Describe, NamesContextCodeAndCause) {
  EXPECT_EQ(Describe({ErrorCode::kRefused, Side::kBackend, Retry::kSafe, ECONNREFUSED, "connect"}),
            "connect: refused (Connection refused)");
  EXPECT_EQ(Describe({ErrorCode::kTooLarge, Side::kClient, Retry::kNever, 0, "head"}),
            "head: too-large");
  EXPECT_EQ(Describe({ErrorCode::kReset, Side::kClient, Retry::kNever, 0, ""}), "reset");
}

TEST(Name, IsDistinctForEachCode) {
  std::set<std::string> names;
  for (int code = 0; code <= static_cast<int>(ErrorCode::kIo); ++code) {
    EXPECT_TRUE(names.insert(Name(static_cast<ErrorCode>(code))).second) << code;
  }
  EXPECT_EQ(names.count("unknown"), 0u);
}

TEST(CheckDeathTest, AFailedCheckSaysWhereAndAborts) {
  MERIDIAN_CHECK(1 + 1 == 2);
  EXPECT_DEATH(MERIDIAN_CHECK(1 + 1 == 3), "result_test.cc:[0-9]+: CHECK failed: 1 \\+ 1 == 3");
}

}  // namespace
}  // namespace meridian
