// The house rules over this very tree: one test for each, so that a failure says which rule and
// lists every place. The tree is read once per process and never changed.
#include <gtest/gtest.h>

#include "rules.h"

namespace meridian::arch {
namespace {

const SourceTree& Tree() {
  static const SourceTree tree = ReadTree(MERIDIAN_SOURCE_DIR);
  return tree;
}

testing::AssertionResult Kept(const Violations& violations) {
  if (violations.empty()) return testing::AssertionSuccess();
  return testing::AssertionFailure() << violations.size() << " violations\n" << Print(violations);
}

TEST(HouseRules, TheTreeIsThere) {
  EXPECT_GT(Tree().sources.size(), 10u);
  EXPECT_FALSE(Tree().cmake.lines.empty());
}

TEST(HouseRules, IncludesRunDownwardAndLibrariesStayInTheirRooms) {
  EXPECT_TRUE(Kept(CheckIncludes(Tree())));
}

TEST(HouseRules, LinksAgreeWithTheLevelTable) {
  EXPECT_TRUE(Kept(CheckLinks(Tree())));
}

TEST(HouseRules, FilesAndFunctionsStaySmall) {
  EXPECT_TRUE(Kept(CheckSizes(Tree())));
}

TEST(HouseRules, FilesOpenWithWhatTheyAreFor) {
  EXPECT_TRUE(Kept(CheckHeads(Tree())));
}

TEST(HouseRules, NamesSayWhatThingsAre) {
  EXPECT_TRUE(Kept(CheckNames(Tree())));
}

TEST(HouseRules, LinesEndByColumnHundred) {
  EXPECT_TRUE(Kept(CheckColumns(Tree())));
}

TEST(HouseRules, ExceptionsStayWhereALibraryThrows) {
  EXPECT_TRUE(Kept(CheckExceptions(Tree())));
}

TEST(HouseRules, NothingIsLeftForLater) {
  EXPECT_TRUE(Kept(CheckLeftovers(Tree())));
}

TEST(HouseRules, EveryRoomHasItsReadme) {
  EXPECT_TRUE(Kept(CheckReadmes(Tree())));
}

}  // namespace
}  // namespace meridian::arch
