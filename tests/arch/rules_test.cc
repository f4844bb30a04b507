// The checker itself, on tiny made-up sources: each rule finds its violation at its line, and
// leaves what is right.
#include "rules.h"

#include <gtest/gtest.h>

namespace meridian::arch {
namespace {

SourceTree TreeOf(std::string path, std::string_view text) {
  SourceTree tree;
  tree.sources.push_back(ParseSource(std::move(path), text));
  return tree;
}

// "line: message" of the only violation, or how many there were instead.
std::string Only(const Violations& violations) {
  if (violations.size() != 1)
    return std::to_string(violations.size()) + " violations\n" + Print(violations);
  return std::to_string(violations[0].line) + ": " + violations[0].message;
}

SourceTree WithCmake(SourceTree tree, std::string_view text) {
  tree.cmake = ParseSource("CMakeLists.txt", text);
  return tree;
}

TEST(SourceTree, CodeIsWithoutCommentsAndLiterals) {
  const SourceFile file =
      ParseSource("src/net/a.cc", "int a; // x\n/* b\nc */ f(\"//\", 'd', 1'000);\n");
  EXPECT_EQ(file.code[0], "int a; ");
  EXPECT_EQ(file.code[1], "");
  EXPECT_EQ(file.code[2], " f(\"\", '', 1'000);");
}

TEST(SourceTree, RawStringsAreBlankedLineForLine) {
  const SourceFile file =
      ParseSource("src/net/a.cc", "auto a = R\"x(\n// \" class Foo\n)x\"; int b;\n");
  ASSERT_EQ(file.code.size(), 3u);
  EXPECT_EQ(file.code[1], "");
  EXPECT_EQ(file.code[2], "\"; int b;");
}

TEST(SourceTree, IncludedPathsAreKept) {
  EXPECT_EQ(ParseSource("src/net/a.cc", "#include \"net/a.h\"\n").code[0], "#include \"net/a.h\"");
}

TEST(SourceTree, RoomsAreFoundInTheirThreePlaces) {
  EXPECT_EQ(RoomOf("include/meridian/geo/x.h"), "geo");
  EXPECT_EQ(RoomOf("src/app/main/x.cc"), "app");
  EXPECT_EQ(RoomOf("tests/unit/codec/x_test.cc"), "codec");
  EXPECT_EQ(RoomOf("tests/testing/x.h"), "");
}

TEST(SourceTree, ColumnsCountCodePoints) {
  EXPECT_EQ(Columns("−90…90"), 6u);
}

TEST(Includes, DownIsAllowed) {
  const SourceTree tree = TreeOf("src/routing/a.cc",
                                 "// x\n#include \"routing/b.h\"\n#include <meridian/geo/geo.h>\n"
                                 "#include <vector>\n#include <sys/socket.h>\n#include \"b.h\"\n");
  EXPECT_EQ(Print(CheckIncludes(tree)), "");
}

TEST(Includes, UpIsNot) {
  const SourceTree tree = TreeOf("src/geo/a.cc", "// x\n#include <meridian/routing/pick.h>\n");
  EXPECT_EQ(
      Only(CheckIncludes(tree)),
      "2: geo (level 2) may not include routing (level 3): move the shared value to a lower room");
}

TEST(Includes, SidewaysIsNot) {
  const SourceTree tree =
      TreeOf("include/meridian/net/a.h", "// x\n#include <meridian/topology/ids.h>\n");
  EXPECT_EQ(CheckIncludes(tree).size(), 1u);
}

TEST(Includes, APrivateHeaderStaysInItsRoom) {
  const SourceTree tree = TreeOf("src/proxy/a.cc", "// x\n#include \"codec/parser.h\"\n");
  EXPECT_EQ(Only(CheckIncludes(tree)),
            "2: \"codec/parser.h\" is private to room codec: include what it offers in "
            "include/meridian/codec");
}

TEST(Includes, APublicHeaderIncludesNoPrivateOne) {
  EXPECT_EQ(
      CheckIncludes(TreeOf("include/meridian/net/a.h", "// x\n#include \"net/b.h\"\n")).size(), 1u);
}

TEST(Includes, ALibraryStaysInItsRoom) {
  EXPECT_EQ(CheckIncludes(TreeOf("src/codec/a.cc", "#include <llhttp.h>\n")).size(), 0u);
  EXPECT_EQ(CheckIncludes(TreeOf("src/uvio/a.cc", "#include <uv.h>\n")).size(), 0u);
  EXPECT_EQ(Only(CheckIncludes(TreeOf("src/proxy/a.cc", "#include <llhttp.h>\n"))),
            "1: <llhttp.h> belongs to room codec alone: use what that room offers");
  EXPECT_EQ(CheckIncludes(TreeOf("src/app/a.cc", "#include <nlohmann/json.hpp>\n")).size(), 1u);
  EXPECT_EQ(CheckIncludes(TreeOf("tests/unit/app/a_test.cc", "#include <uv.h>\n")).size(), 1u);
}

TEST(Includes, AnUnknownLibraryNeedsALine) {
  EXPECT_EQ(CheckIncludes(TreeOf("src/base/a.cc", "#include <boost/asio.hpp>\n")).size(), 1u);
}

TEST(Includes, TestsMayUseTheTestLibrary) {
  EXPECT_EQ(CheckIncludes(TreeOf("tests/unit/net/a_test.cc", "#include <gtest/gtest.h>\n")).size(),
            0u);
  EXPECT_EQ(CheckIncludes(TreeOf("src/net/a.cc", "#include <gtest/gtest.h>\n")).size(), 1u);
}

TEST(Includes, TestsMayUseTheSharedFakes) {
  constexpr std::string_view kText = "#include <testing/memory_net.h>\n";
  EXPECT_EQ(CheckIncludes(TreeOf("tests/unit/net/a_test.cc", kText)).size(), 0u);
  EXPECT_EQ(CheckIncludes(TreeOf("src/net/a.cc", kText)).size(), 1u);
}

TEST(Includes, OnlyAppNamesUvio) {
  constexpr std::string_view kText = "#include <meridian/uvio/loop.h>\n";
  EXPECT_EQ(CheckIncludes(TreeOf("src/app/a.cc", kText)).size(), 0u);
  EXPECT_EQ(Only(CheckIncludes(TreeOf("src/proxy/a.cc", kText))),
            "1: only app names uvio; use the interfaces of net");
}

TEST(Links, AgreeingDeclarationsPass) {
  const SourceTree tree = WithCmake(TreeOf("src/net/a.cc", "#include <meridian/base/id.h>\n"),
                                    "meridian_room(base LIBRARIES spdlog::spdlog)\n"
                                    "meridian_room(net\n  ROOMS base)\n"
                                    "meridian_room(codec ROOMS net LIBRARIES ${LLHTTP_LIBRARY})\n");
  EXPECT_EQ(Print(CheckLinks(tree)), "");
}

TEST(Links, AnArrowUpIsFound) {
  const SourceTree tree = WithCmake({}, "meridian_room(base)\nmeridian_room(net ROOMS proxy)\n");
  EXPECT_EQ(
      Only(CheckLinks(tree)),
      "2: net (level 1) may not include proxy (level 6): move the shared value to a lower room");
}

TEST(Links, AForeignLibraryIsFound) {
  const SourceTree tree = WithCmake({}, "meridian_room(net LIBRARIES PkgConfig::uv)\n");
  EXPECT_EQ(Only(CheckLinks(tree)), "1: net may not link PkgConfig::uv: it belongs to uvio");
}

TEST(Links, AnIncludeNeedsItsLink) {
  const SourceTree tree =
      WithCmake(TreeOf("src/geo/a.cc", "\n#include <meridian/topology/ids.h>\n"),
                "meridian_room(base)\nmeridian_room(geo ROOMS base)\n");
  EXPECT_EQ(Only(CheckLinks(tree)),
            "2: geo includes topology, which its meridian_room() does not link");
}

TEST(Links, ARoomNeedsItsDeclaration) {
  const SourceTree tree = WithCmake(TreeOf("src/geo/a.cc", "// x\n"), "meridian_room(base)\n");
  EXPECT_EQ(Only(CheckLinks(tree)), "1: room geo has no meridian_room() in CMakeLists.txt");
}

TEST(Sizes, EveryKindOfFileHasItsLimit) {
  EXPECT_EQ(CheckSizes(TreeOf("include/meridian/net/a.h", std::string(250, '\n'))).size(), 0u);
  EXPECT_EQ(CheckSizes(TreeOf("include/meridian/net/a.h", std::string(251, '\n'))).size(), 1u);
  EXPECT_EQ(CheckSizes(TreeOf("src/net/a.cc", std::string(600, '\n'))).size(), 0u);
  EXPECT_EQ(CheckSizes(TreeOf("src/net/a.cc", std::string(601, '\n'))).size(), 1u);
  EXPECT_EQ(CheckSizes(TreeOf("tests/unit/net/a_test.cc", std::string(901, '\n'))).size(), 1u);
}

std::string FunctionOf(std::string head, size_t lines) {
  for (size_t i = 0; i + 2 < lines; ++i) head += "  x();\n";
  return head + "}\n";
}

TEST(Sizes, AFunctionEndsBySeventyLines) {
  EXPECT_EQ(CheckSizes(TreeOf("src/net/a.cc", FunctionOf("void F(int a) {\n", 70))).size(), 0u);
  EXPECT_EQ(Only(CheckSizes(TreeOf("src/net/a.cc", "\n" + FunctionOf("void F(int a) {\n", 71)))),
            "2: a function of 71 lines, at most 70: let it branch and its leaves compute");
  EXPECT_EQ(
      CheckSizes(TreeOf("src/net/a.cc", FunctionOf("void F(int a,\n       int b) {\n", 80))).size(),
      1u);
}

TEST(Sizes, ATableOrATypeIsNoFunction) {
  EXPECT_EQ(CheckSizes(TreeOf("src/net/a.cc", FunctionOf("constexpr T kT[N(1)] = {\n", 90))).size(),
            0u);
  EXPECT_EQ(CheckSizes(TreeOf("src/net/a.cc", FunctionOf("class A : B<C()> {\n", 90))).size(), 0u);
  EXPECT_EQ(CheckSizes(TreeOf("src/net/a.cc", FunctionOf("namespace a {\n", 90))).size(), 0u);
}

TEST(Heads, AFileOpensWithAComment) {
  EXPECT_EQ(CheckHeads(TreeOf("src/net/a.cc", "// What it is for.\n")).size(), 0u);
  EXPECT_EQ(CheckHeads(TreeOf("src/net/a.cc", "#include <vector>\n")).size(), 1u);
  EXPECT_EQ(CheckHeads(TreeOf("src/net/a.cc", "")).size(), 1u);
}

TEST(Heads, AHeaderIsGuardedFirst) {
  EXPECT_EQ(CheckHeads(TreeOf("src/net/a.h", "// X.\n#pragma once\n")).size(), 0u);
  EXPECT_EQ(CheckHeads(TreeOf("src/net/a.h", "// X.\n#include <vector>\n#pragma once\n")).size(),
            1u);
}

TEST(Names, TheSidesAreClientAndBackend) {
  EXPECT_EQ(Only(CheckNames(TreeOf("src/net/a.cc", "// x\nint upstreams;\n"))),
            "2: 'upstream': the two sides are client and backend");
  EXPECT_EQ(CheckNames(TreeOf("tests/system/a.cc", "f(\"upstream b {}\");\n")).size(), 0u);
}

TEST(Names, ATypeIsNotNamedForItsPattern) {
  EXPECT_EQ(Only(CheckNames(TreeOf("src/net/a.cc", "class PoolManager {\n"))),
            "1: 'PoolManager': say what it is, not its pattern");
  EXPECT_EQ(CheckNames(TreeOf("src/net/a.cc", "enum class UserData {\n")).size(), 1u);
  EXPECT_EQ(CheckNames(TreeOf("src/net/a.cc", "struct DataFrame {\n")).size(), 0u);
}

TEST(Names, FilesAreSnakeCase) {
  EXPECT_EQ(CheckNames(TreeOf("src/net/BufferChain.cc", "")).size(), 1u);
  EXPECT_EQ(CheckNames(TreeOf("src/net/string_util.cc", "")).size(), 1u);
  EXPECT_EQ(CheckNames(TreeOf("tests/unit/net/address.cc", "")).size(), 1u);
}

TEST(ColumnRule, OnlyLiteralsAndAddressesMayPassHundred) {
  const std::string wide(101, 'a');
  EXPECT_EQ(CheckColumns(TreeOf("src/net/a.cc", wide + "\n")).size(), 1u);
  EXPECT_EQ(CheckColumns(TreeOf("src/net/a.cc", "// " + wide + "\n")).size(), 1u);
  EXPECT_EQ(CheckColumns(TreeOf("src/net/a.cc", "f(\"" + wide + "\");\n")).size(), 0u);
  EXPECT_EQ(CheckColumns(TreeOf("src/net/a.cc", "// https://" + wide + "\n")).size(), 0u);
  EXPECT_EQ(CheckColumns(TreeOf("src/net/a.cc", "R\"(\n" + wide + "\n)\"\n")).size(), 0u);
}

TEST(Exceptions, OnlyRoomsWithAThrowingLibraryUseThem) {
  EXPECT_EQ(CheckExceptions(TreeOf("src/config/a.cc", "try {\n")).size(), 0u);
  EXPECT_EQ(CheckExceptions(TreeOf("src/geo/a.cc", "throw 1;\n")).size(), 1u);
  EXPECT_EQ(CheckExceptions(TreeOf("src/geo/a.cc", "// try again\nint retry;\n")).size(), 0u);
}

TEST(Leftovers, NotesAndDeadCodeAreFound) {
  EXPECT_EQ(CheckLeftovers(TreeOf("src/net/a.cc",
                                  "int a;  // FIX"
                                  "ME later\n"))
                .size(),
            1u);
  EXPECT_EQ(CheckLeftovers(TreeOf("src/net/a.cc", "// return a + b;\n")).size(), 1u);
  EXPECT_EQ(CheckLeftovers(TreeOf("src/net/a.cc", "// loop.Post(x);\n")).size(), 1u);
  EXPECT_EQ(
      CheckLeftovers(TreeOf("src/net/a.cc", "// if it fails, the caller closes; never twice.\n"))
          .size(),
      0u);
}

TEST(Leftovers, AnIndentedExampleIsNone) {
  EXPECT_EQ(CheckLeftovers(TreeOf("src/net/a.h", "//   walk.Start(table);\n")).size(), 0u);
}

TEST(Readmes, EveryRoomNeedsAShortOne) {
  SourceTree tree = TreeOf("src/net/a.cc", "// x\n");
  EXPECT_EQ(CheckReadmes(tree).size(), 1u);
  tree.readmes.push_back({"src/net/README.md", std::vector<std::string>(60), {}});
  EXPECT_EQ(CheckReadmes(tree).size(), 0u);
  tree.readmes[0].lines.resize(61);
  EXPECT_EQ(CheckReadmes(tree).size(), 1u);
}

}  // namespace
}  // namespace meridian::arch
