// What a target says: the first query parameter of a name, decoded as forms are; the path in normal
// form.
#include <meridian/codec/target.h>

#include <gtest/gtest.h>

#include "testing/allocations.h"

namespace meridian::codec {
namespace {

std::string Value(std::string_view path, std::string_view name = "user") {
  std::string scratch = "what was there before";
  return std::string(QueryParameter(path, name, scratch).value_or(""));
}

TEST(QueryParameter, IsThatOfTheFirstParameterOfTheName) {
  EXPECT_EQ(Value("/x?user=ann"), "ann");
  EXPECT_EQ(Value("/x?a=1&user=ann&user=bob"), "ann");
  EXPECT_EQ(Value("/x?users=1&xuser=2&USER=3&user=ann"), "ann");
  EXPECT_EQ(Value("/?user=a=b"), "a=b");
  EXPECT_EQ(Value("/?user=a?b"), "a?b");
  EXPECT_EQ(Value("/?&&user=ann&&"), "ann");
}

TEST(QueryParameter, IsEmptyWithoutIt) {
  for (const char* path :
       {"/", "/?", "/user=ann", "/?user", "/?user=", "/?user&user=ann", "/?other=user", "*", ""}) {
    EXPECT_EQ(Value(path), "") << path;
  }
}

TEST(QueryParameter, IsDecodedSoThatOneValueIsOneKey) {
  EXPECT_EQ(Value("/?user=a%20b"), "a b");
  EXPECT_EQ(Value("/?user=a+b"), "a b");
  EXPECT_EQ(Value("/?user=a%2Bb%26%3d"), "a+b&=");
  EXPECT_EQ(Value("/?us%65r=ann"), "ann");
  EXPECT_EQ(Value("/?user=%C3%a9"), "\xc3\xa9");
  EXPECT_EQ(Value("/?user=%00x"), std::string("\0x", 2));
  EXPECT_EQ(Value("/?my+key=v", "my key"), "v");
}

TEST(QueryParameter, LeavesWhatIsNoEncodedByteAsItIs) {
  EXPECT_EQ(Value("/?user=100%"), "100%");
  EXPECT_EQ(Value("/?user=%4"), "%4");
  EXPECT_EQ(Value("/?user=%zz%41"), "%zzA");
  EXPECT_EQ(Value("/?user=%%41"), "%A");
}

TEST(QueryParameter, AllocatesNothingOnceTheScratchIsThere) {
  std::string scratch(256, ' ');
  const fakes::Allocations allocations;
  EXPECT_EQ(
      QueryParameter("/path?first=%41&user=a%20b%20and%20so%20on%20and%20on", "user", scratch),
      "a b and so on and on");
  EXPECT_EQ(QueryParameter("/path?user=plain", "user", scratch), "plain");
  EXPECT_EQ(allocations.count(), 0u);
}

TEST(QueryParameter, TellsAnEmptyValueFromNone) {
  std::string scratch;
  EXPECT_EQ(QueryParameter("/?a", "a", scratch), "");
  EXPECT_EQ(QueryParameter("/?a=", "a", scratch), "");
  EXPECT_EQ(QueryParameter("/?b", "a", scratch), std::nullopt);
}

std::string Normal(std::string_view path) {
  std::string scratch = "what was there before";
  return std::string(NormalPath(path, scratch));
}

TEST(NormalPath, IsTheSameForEquivalentSpellings) {
  EXPECT_EQ(Normal("/admin"), "/admin");
  EXPECT_EQ(Normal("/%61dm%69n"), "/admin");
  EXPECT_EQ(Normal("/x/../admin"), "/admin");
  EXPECT_EQ(Normal("/x/%2E%2e/admin"), "/admin");
  EXPECT_EQ(Normal("/./admin/."), "/admin/");
  EXPECT_EQ(Normal("/admin/x/.."), "/admin/");
  EXPECT_EQ(Normal("/../../admin"), "/admin");
  EXPECT_EQ(Normal("/a/b/c/./../../g"), "/a/g");
  EXPECT_EQ(Normal("/.."), "/");
  EXPECT_EQ(Normal("/."), "/");
}

TEST(NormalPath, LeavesWhatMayDiffer) {
  for (const char* path : {"", "*", "/", "//admin", "/a//b", "/a/", "/.well-known/x", "/..x/y",
                           "/a/...", "/A", "/a%2Fb", "/%", "/%4", "/%zz"}) {
    EXPECT_EQ(Normal(path), path);
  }
  EXPECT_EQ(Normal("/a%2fb"), "/a%2Fb");
  EXPECT_EQ(Normal("/%25%32e"), "/%252e");
}

TEST(NormalPath, HoldsNoSegmentsOfDotsWhateverIsGiven) {
  constexpr std::string_view kLetters = "/.%2eEa";
  uint64_t state = 1;
  for (int round = 0; round < 20000; ++round) {
    std::string path = "/";
    for (int i = 0; i < 10; ++i) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      path += kLetters[(state >> 33) % kLetters.size()];
    }
    const std::string once = Normal(path);
    EXPECT_TRUE(once.starts_with('/')) << path;
    EXPECT_EQ(once.find("/../"), std::string::npos) << path;
    EXPECT_LE(once.size(), path.size()) << path;
  }
}

TEST(NormalPath, AllocatesNothingOnceTheScratchIsThere) {
  std::string scratch(256, ' ');
  const fakes::Allocations allocations;
  EXPECT_EQ(NormalPath("/a/b/../%63/and/so/on/and/on/and/on", scratch),
            "/a/c/and/so/on/and/on/and/on");
  EXPECT_EQ(allocations.count(), 0u);
}

}  // namespace
}  // namespace meridian::codec
