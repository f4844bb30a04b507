// Session keys out of a request: the first query parameter of a name, decoded as forms are.
#include "proxy/session_key.h"

#include <gtest/gtest.h>

#include "testing/allocations.h"

namespace meridian::proxy {
namespace {

std::string Value(std::string_view path, std::string_view name = "user") {
  std::string scratch = "what was there before";
  return std::string(QueryValue(path, name, scratch));
}

TEST(QueryValue, IsThatOfTheFirstParameterOfTheName) {
  EXPECT_EQ(Value("/x?user=ann"), "ann");
  EXPECT_EQ(Value("/x?a=1&user=ann&user=bob"), "ann");
  EXPECT_EQ(Value("/x?users=1&xuser=2&USER=3&user=ann"), "ann");
  EXPECT_EQ(Value("/?user=a=b"), "a=b");
  EXPECT_EQ(Value("/?user=a?b"), "a?b");
  EXPECT_EQ(Value("/?&&user=ann&&"), "ann");
}

TEST(QueryValue, IsEmptyWithoutIt) {
  for (const char* path :
       {"/", "/?", "/user=ann", "/?user", "/?user=", "/?user&user=ann", "/?other=user", "*", ""}) {
    EXPECT_EQ(Value(path), "") << path;
  }
}

TEST(QueryValue, IsDecodedSoThatOneValueIsOneKey) {
  EXPECT_EQ(Value("/?user=a%20b"), "a b");
  EXPECT_EQ(Value("/?user=a+b"), "a b");
  EXPECT_EQ(Value("/?user=a%2Bb%26%3d"), "a+b&=");
  EXPECT_EQ(Value("/?us%65r=ann"), "ann");
  EXPECT_EQ(Value("/?user=%C3%a9"), "\xc3\xa9");
  EXPECT_EQ(Value("/?user=%00x"), std::string("\0x", 2));
  EXPECT_EQ(Value("/?my+key=v", "my key"), "v");
}

TEST(QueryValue, LeavesWhatIsNoEncodedByteAsItIs) {
  EXPECT_EQ(Value("/?user=100%"), "100%");
  EXPECT_EQ(Value("/?user=%4"), "%4");
  EXPECT_EQ(Value("/?user=%zz%41"), "%zzA");
  EXPECT_EQ(Value("/?user=%%41"), "%A");
}

TEST(QueryValue, AllocatesNothingOnceTheScratchIsThere) {
  std::string scratch(256, ' ');
  const fakes::Allocations allocations;
  EXPECT_EQ(QueryValue("/path?first=%41&user=a%20b%20and%20so%20on%20and%20on", "user", scratch),
            "a b and so on and on");
  EXPECT_EQ(QueryValue("/path?user=plain", "user", scratch), "plain");
  EXPECT_EQ(allocations.count(), 0u);
}

}  // namespace
}  // namespace meridian::proxy
